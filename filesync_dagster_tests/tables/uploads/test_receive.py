"""Uploads are received whole or not at all, judged by what is in them, and leave nothing behind."""

import io
import random
import socket
import stat
import time
import zipfile
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import timedelta
from hashlib import md5, sha256

import openpyxl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from filesync_dagster.storage.database import Metadata
from filesync_dagster.tables.uploads import ClamdScan, UploadError, UploadLimits, UploadStore
from filesync_dagster.tables.uploads.names import shown_name
from filesync_dagster_tests.tables.uploads.clamd import EICAR, serve_clamd

LIMITS = UploadLimits(10_000_000, timedelta(days=30))


@pytest.fixture
def metadata(tmp_path):
    """Return a database."""
    with Metadata.open(f"sqlite:///{tmp_path / 'filesync.db'}") as opened:
        yield opened


@pytest.fixture
def store(tmp_path, metadata):
    """Return a store of uploads without a scanner."""
    return UploadStore(tmp_path / "uploads", metadata.uploads, LIMITS)


def send(store, name, content, pieces=1):
    """Send a file in pieces and return what became of it."""
    record = store.create(name, len(content), "token")
    each = max(1, -(-len(content) // pieces))
    for at in range(0, len(content), each):
        with store.write(record.id, at) as writer:
            writer.write(content[at : at + each])
    return store.finish(record.id)


def files_in(tmp_path):
    """Return what is in the folder of uploads."""
    return sorted((tmp_path / "uploads").glob("*"))


def test_a_file_is_stored_under_our_name_for_nobody_else(store, tmp_path):
    """The record has the name that people know, the hash and the size; the bytes have a name and rights of ours."""
    record = send(store, "../../people.csv", b"a,b\n1,2\n")

    assert (record.original_name, record.state, record.size, record.format) == ("people.csv", "ready", 8, "csv")
    assert record.sha256 == sha256(b"a,b\n1,2\n").hexdigest()
    [path] = files_in(tmp_path)
    assert path.name == record.stored_name
    assert (stat.S_IMODE(path.stat().st_mode), stat.S_IMODE(path.parent.stat().st_mode)) == (0o600, 0o700)
    assert store.find(f"uploads/{record.stored_name}") == path


def workbook():
    """Return a workbook."""
    book, file = openpyxl.Workbook(), io.BytesIO()
    book.active.append(["a"])
    book.save(file)
    return file.getvalue()


def parquet():
    """Return a Parquet file."""
    file = io.BytesIO()
    pq.write_table(pa.table({"a": [1]}), file)
    return file.getvalue()


def bomb(**members):
    """Return a workbook with more in it."""
    file = io.BytesIO(workbook())
    with zipfile.ZipFile(file, "a", zipfile.ZIP_DEFLATED) as archive:
        for name, size in members.items():
            archive.writestr(name, bytes(size))
    return file.getvalue()


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.csv", b"a\n1\n"),
        ("a.TSV", "ä\n".encode("cp1252")),
        ("wide.csv", "a,b\n".encode("utf-16")),
        ("a.ndjson", b"{}\n"),
        ("a.xlsx", workbook()),
        ("a.parquet", parquet()),
        ("CON.csv", b"a\n"),
        ("x" * 300 + ".csv", b"a\n"),
    ],
)
def test_what_is_what_its_name_says_is_taken(store, name, content):
    """Text, workbooks and Parquet; names that some system cannot hold are ours there."""
    record = send(store, name, content)

    assert record.state == "ready"
    assert len(record.original_name) <= 255


@pytest.mark.parametrize(
    ("name", "content", "code"),
    [
        ("a.csv.exe", b"a\n", "unsupported"),
        ("a", b"a\n", "unsupported"),
        (".csv", b"a\n", "unsupported"),
        ("a.csv", b"MZ\x90\x00", "content"),
        ("a.csv", b"\x7fELF", "content"),
        ("a.csv", workbook(), "content"),
        ("a.json", b"[1,\0 2]", "content"),
        ("a.csv", b"", "content"),
        ("a.parquet", b"PAR1" + b"x" * 20, "content"),
        ("a.parquet", parquet()[:-8] + (2**31).to_bytes(4, "little") + b"PAR1", "content"),
        ("a.xlsx", b"PK\x03\x04 and so on", "content"),
        ("a.xlsx", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600), "content"),
        ("a.xls", workbook(), "content"),
        ("a.ods", workbook(), "content"),
        ("a.xlsx", lambda: bomb(big=200_000_000), "content"),
        ("a.xlsx", lambda: bomb(**{f"m{i}": 0 for i in range(10_001)}), "content"),
    ],
)
def test_what_is_not_what_its_name_says_is_refused(store, tmp_path, name, content, code):
    """The bytes go; the record says why, in a sentence and in a word."""
    with pytest.raises(UploadError) as caught:
        send(store, name, content() if callable(content) else content)  # a bomb is made when it is used

    assert caught.value.code == code
    assert files_in(tmp_path) == []
    found = store._repository.newest()
    assert [(record.state, record.refusal_code) for record in found] == (
        [] if code == "unsupported" else [("refused", code)]
    )


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ("..\\..\\x.csv", "x.csv"),
        ("a\u202evsc.csv", "avsc.csv"),
        ("a\x00\n.csv", "a.csv"),
        ("  ", "upload"),
        ("Ü.csv", "Ü.csv"),
        ("\udcff.csv", "?.csv"),
    ],
)
def test_shown_names_are_harmless(given, shown):
    """No folders, nothing unseen, nothing that turns a name round."""
    assert shown_name(given) == shown


def test_an_upload_that_is_cut_goes_on_where_it_was(store, tmp_path):
    """Cut at 100 random points, whatever came is there, and the hash is that of the file."""
    content, draw = random.Random(1).randbytes(300_000).replace(b"\0", b"x"), random.Random(2)
    record = store.create("a.csv", len(content), "token")

    for _ in range(100):
        at = store.get(record.id).received
        with suppress(ConnectionError), store.write(record.id, at) as writer:
            writer.write(content[at : at + draw.randrange(2_000)])
            raise ConnectionError
    at = store.get(record.id).received
    with store.write(record.id, at) as writer:
        writer.write(content[at:])
    done = store.finish(record.id)

    assert 0 < at < len(content)
    assert done.sha256 == sha256(content).hexdigest()


def test_bytes_that_no_record_knows_are_not_believed(store, tmp_path):
    """What a killed process wrote after the record was last true is written anew."""
    record = store.create("a.csv", 6, "token")
    with store.write(record.id, 0) as writer:
        writer.write(b"abc")
    with store.path(record).open("ab") as file:
        file.write(b"\0\0\0")

    with store.write(record.id, 3) as writer:
        writer.write(b"def")

    assert store.path(record).read_bytes() == b"abcdef"
    assert store.finish(record.id).state == "ready"


def test_a_piece_with_a_wrong_checksum_never_came(store):
    """The offset stays, also where the piece was cut; the right one goes on."""
    record = store.create("a.csv", 6, "token")
    with store.write(record.id, 0) as writer:
        writer.write(b"abc")

    for content in (b"dex", b"de"):
        with pytest.raises(UploadError) as caught, store.write(record.id, 3, ("md5", md5(b"def").digest())) as writer:
            writer.write(content)
        assert caught.value.status == 460
    with suppress(ConnectionError), store.write(record.id, 3, ("md5", md5(b"def").digest())) as writer:
        writer.write(b"d")
        raise ConnectionError
    assert store.get(record.id).received == 3

    with store.write(record.id, 3, ("md5", md5(b"def").digest())) as writer:
        writer.write(b"def")
    assert store.path(record).read_bytes() == b"abcdef"


def test_whoever_comes_second_is_told_at_once(store):
    """A lock that is waited for would hold a thread of the server."""
    record = store.create("a.csv", 3, "token")

    with store.write(record.id, 0):
        began = time.monotonic()
        for ask in (lambda: store.write(record.id, 0).__enter__(), lambda: store.remove(record.id)):
            with pytest.raises(UploadError) as caught:
                ask()
            assert caught.value.status == 423
        assert time.monotonic() - began < 1

    store.remove(record.id)


@pytest.mark.parametrize("offset", [2, 4, 10**15])
def test_a_piece_goes_where_the_last_one_ended(store, offset):
    """Neither a gap nor a part twice."""
    record = store.create("a.csv", 9, "token")
    with store.write(record.id, 0) as writer:
        writer.write(b"abc")

    with pytest.raises(UploadError) as caught, store.write(record.id, offset):
        pass
    assert caught.value.status == 409


def test_more_than_was_announced_is_refused(store):
    """So is a file that is larger than any may be, before its first byte."""
    record = store.create("a.csv", 3, "token")

    with pytest.raises(UploadError) as caught, store.write(record.id, 0) as writer:
        writer.write(b"abcd")
    with pytest.raises(UploadError) as larger:
        store.create("a.csv", LIMITS.max_bytes + 1, "token")

    assert (caught.value.status, larger.value.status) == (413, 413)
    assert store.get(record.id).received == 0


def test_room_is_reserved_before_the_first_byte(tmp_path, metadata):
    """Two uploads that together would fill the disk: the second is refused at its beginning, and leaves nothing."""
    store = UploadStore(tmp_path / "uploads", metadata.uploads, LIMITS, free_bytes=lambda folder: 1_000)
    first = store.create("a.csv", 600, "token")

    with pytest.raises(UploadError) as caught:
        store.create("b.csv", 600, "token")
    assert caught.value.status == 507
    assert len(files_in(tmp_path)) == 1

    store.remove(first.id)
    store.create("b.csv", 600, "token")


def test_64_files_at_once_and_the_same_file_twice(store, tmp_path):
    """Each is its own, with its own hash."""
    contents = [f"n\n{i % 32}\n".encode() * 2_000 for i in range(64)]

    with ThreadPoolExecutor(16) as pool:
        records = list(pool.map(lambda content: send(store, "same.csv", content, pieces=3), contents))

    assert [record.sha256 for record in records] == [sha256(content).hexdigest() for content in contents]
    assert len(files_in(tmp_path)) == 64


def test_uploads_expire_with_their_bytes(tmp_path, metadata):
    """Those that never ended after a day, those that were taken after as long as is set."""
    later = timedelta(0)

    def now():
        from datetime import UTC, datetime

        return datetime.now(UTC) + later

    store = UploadStore(tmp_path / "uploads", metadata.uploads, LIMITS, now=now)
    unfinished, kept = store.create("a.csv", 3, "token"), send(store, "b.csv", b"a\n")

    later = timedelta(days=2)
    with pytest.raises(UploadError) as caught:
        store.get(unfinished.id)
    assert caught.value.status == 410
    assert store.expire() == 1
    assert [path.name for path in files_in(tmp_path)] == [kept.stored_name]
    later = timedelta(days=31)
    assert store.expire() == 1
    assert files_in(tmp_path) == []


def test_what_a_generation_needs_does_not_expire(tmp_path, metadata):
    """Past its time it is kept, as long as something names it."""
    used = []
    limits = UploadLimits(1_000, timedelta(seconds=-1))
    store = UploadStore(tmp_path / "uploads", metadata.uploads, limits, in_use=lambda: used)
    kept = store.create("a.csv", 2, "token")
    with store.write(kept.id, 0) as writer:
        writer.write(b"a\n")
    metadata.uploads.change(kept.id, expires_at=kept.created_at - timedelta(days=1))
    used.append(f"upload:{kept.id}")

    assert store.expire() == 0
    assert store.path(kept).read_bytes() == b"a\n"
    used.clear()
    assert store.expire() == 1
    assert files_in(tmp_path) == []


def test_an_upload_whose_judge_was_killed_is_judged_again(store, metadata):
    """It says that it is looked at, and nobody holds it."""
    record = store.create("a.csv", 2, "token")
    with store.write(record.id, 0) as writer:
        writer.write(b"a\n")
    metadata.uploads.change(record.id, state="scanning")

    assert store.finish(record.id).state == "ready"


def scanned(tmp_path, metadata, address, timeout_seconds=5.0):
    """Return a store whose uploads clamd looks at."""
    return UploadStore(
        tmp_path / "uploads", metadata.uploads, LIMITS, scanner=ClamdScan(address, timeout_seconds=timeout_seconds)
    )


@pytest.mark.parametrize("over", ["tcp", "unix"])
def test_clamd_looks_at_every_byte(tmp_path, metadata, over):
    """EICAR is refused by name and its bytes go; a clean file of several blocks was sent whole."""
    clean = b"a,b\n" * 200_000
    with serve_clamd(unix_path=tmp_path / "clamd.sock" if over == "unix" else None) as (address, looked_at):
        store = scanned(tmp_path, metadata, address)
        assert send(store, "clean.csv", clean).state == "ready"
        with pytest.raises(UploadError, match=r"Win\.Test\.EICAR_HDB-1") as caught:
            send(store, "eicar.csv", b"a\n" + EICAR)

    assert caught.value.status == 422
    assert looked_at[0] == clean
    assert len(files_in(tmp_path)) == 1


def test_without_clamd_nothing_is_clean(tmp_path, metadata):
    """Nobody listens: 503, the upload is neither taken nor refused, and may be judged once clamd is back."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        address = f"tcp://127.0.0.1:{free.getsockname()[1]}"
    store = scanned(tmp_path, metadata, address)

    with pytest.raises(UploadError) as caught:
        send(store, "a.csv", b"a\n")
    [record] = metadata.uploads.newest()
    assert (caught.value.status, record.state) == (503, "receiving")

    with serve_clamd() as (back, _):
        assert scanned(tmp_path, metadata, back).finish(record.id).state == "ready"


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"\0",
        b"OK\0",
        b"stream: OK and more\0",
        b"INSTREAM size limit exceeded. ERROR\0",
        b"x" * 100_000,
        b"\xff\xfe\0",
    ],
)
def test_rubbish_is_not_clean(tmp_path, metadata, answer):
    """Only the very words of a clean file are taken for one."""
    with serve_clamd(answer=answer) as (address, _), pytest.raises(UploadError) as caught:
        send(scanned(tmp_path, metadata, address), "a.csv", b"a\n")
    assert caught.value.status == 503


def test_a_slow_clamd_has_a_deadline(tmp_path, metadata):
    """Whoever uploads is answered."""
    began = time.monotonic()
    with serve_clamd(delay_seconds=3) as (address, _), pytest.raises(UploadError) as caught:
        send(scanned(tmp_path, metadata, address, timeout_seconds=0.3), "a.csv", b"a\n")
    assert caught.value.status == 503
    assert time.monotonic() - began < 2
