"""What is special to SFTP: whom it trusts, who logs in, what cannot be read."""

import asyncio
import inspect
import os
import socket
import threading
import time

import asyncssh
import pytest
from pydantic import ValidationError

from filesync_dagster.connectors.rest.errors import Forbidden
from filesync_dagster.connectors.sftp import SftpDetails
from filesync_dagster.connectors.sftp.errors import error_of
from filesync_dagster.connectors.sftp.loop import AnswerProgress
from filesync_dagster.connectors.sftp.source import read_folder
from filesync_dagster.core.content import FileEntry
from filesync_dagster.core.errors import (
    AuthenticationFailed,
    NotFound,
    ProtocolViolation,
    SourceError,
    StaleSource,
    TemporarilyDown,
    Unreachable,
)
from filesync_dagster.core.model import Meter, from_storable_text
from filesync_dagster.testing import Fault, FaultSuite
from filesync_dagster_tests.connectors.sftp.place import SftpPlace
from filesync_dagster_tests.connectors.sftp.server import LIST, PASSWORD


class TestFaults(FaultSuite):
    """What every store must do when things go wrong."""

    @pytest.fixture
    def place(self, sftp_server):
        """Return an empty folder of the server."""
        return SftpPlace(sftp_server)


def listed(place, **details):
    """Return the rows of a place by path, and its gaps."""
    opened = place.opened(Meter(), **details)
    try:
        pages = [*opened.list("")]
    finally:
        opened.close()
    rows = {row["path"]: row for page in pages for row in page.batch.to_pylist()}
    return rows, [gap for page in pages for gap in page.gaps]


def other_key():
    """Return a key that is not the server's."""
    return asyncssh.generate_private_key("ssh-ed25519")


def known_hosts(server, tmp_path, key=None):
    """Write a file that knows the server by a key; return where."""
    file = tmp_path / "known_hosts"
    file.write_text(f"[127.0.0.1]:{server.port} {key or server.host_key}\n")
    return str(file)


def test_the_key_of_the_server_is_known(place, tmp_path):
    """As it is, by its fingerprint, among others, or from a file."""
    place.write("a.txt", b"a")
    others = f"{other_key().export_public_key().decode()}{place.server.fingerprint}"

    for trust in (
        {"host_key": place.server.fingerprint},
        {"host_key": others},
        {"host_key": None, "known_hosts": known_hosts(place.server, tmp_path)},
    ):
        assert set(listed(place, **trust)[0]) == {"a.txt"}


def test_the_key_of_the_server_is_another(place, tmp_path):
    """Nothing is read, no password is sent, and the message has the fingerprint that was shown."""
    other = other_key().export_public_key().decode().strip()

    for trust in (
        {"host_key": other},
        {"host_key": other_key().get_fingerprint("sha256")},
        {"host_key": None, "known_hosts": known_hosts(place.server, tmp_path, other)},
        {"host_key": None, "known_hosts": str(tmp_path / "absent")},
    ):
        with pytest.raises(ProtocolViolation, match="cannot prove who it is") as raised:
            listed(place, **trust)
        assert place.server.fingerprint in raised.value.message
        assert "administrator" in raised.value.hint


def test_a_wrong_password(place):
    """It is an error that says what to check, and not the password."""
    with pytest.raises(AuthenticationFailed) as raised:
        listed(place, password="wrong-one")
    assert "password" in raised.value.hint
    assert "wrong-one" not in str(raised.value)


@pytest.mark.slow
def test_private_keys(place, tmp_path):
    """From a file or in the configuration, encrypted or not; one that cannot be read is told without its text."""
    place.write("a.txt", b"a")
    key = place.server.client_key
    plain, locked = key.export_private_key().decode(), key.export_private_key(passphrase="open").decode()
    (tmp_path / "key").write_text(plain)

    for login in (
        {"private_key": plain},
        {"private_key_file": str(tmp_path / "key")},
        {"private_key": locked, "passphrase": "open"},
    ):
        assert set(listed(place, password=None, **login)[0]) == {"a.txt"}
    for login in (
        {"private_key": locked},
        {"private_key": locked, "passphrase": "shut"},
        {"private_key": "nonsense-key"},
        {"private_key_file": str(tmp_path / "absent")},
        {"private_key": other_key().export_private_key().decode()},
    ):
        with pytest.raises(AuthenticationFailed) as raised:
            listed(place, password=None, **login)
        assert "nonsense-key" not in str(raised.value)


@pytest.mark.parametrize(("fault", "status"), [(Fault.SERVER_ERROR, None), (Fault.REFUSE, 403), (Fault.REFUSE, 404)])
def test_a_folder_that_cannot_be_read(place, fault, status):
    """It is a gap with its path, and the rest is listed."""
    for path in ("bad/x.txt", "good/deeper/b.txt", "c.txt"):
        place.write(path, b"x")
    place.plan.add(fault, LIST, part="/bad", status=status, times=-1)

    rows, gaps = listed(place)

    assert set(rows) == {"bad", "good", "good/deeper", "good/deeper/b.txt", "c.txt"}
    assert [gap.path for gap in gaps] == ["bad"]


def test_a_folder_that_hangs(place):
    """It is a gap in time, and what was asked for behind it is asked for again."""
    for path in ("bad/x.txt", *(f"{number}/a.txt" for number in range(12))):
        place.write(path, b"x")
    place.plan.add(Fault.TIMEOUT, LIST, part="/bad", times=-1)
    began = time.monotonic()

    rows, gaps = listed(place, list_workers=2)

    assert len(rows) == 25
    assert [gap.path for gap in gaps] == ["bad"]
    assert time.monotonic() - began < 20


def test_a_folder_that_is_gone_before_it_is_read(place):
    """It is nothing."""
    place.write("going/x.txt", b"x")
    place.write("z.txt", b"z")
    opened = place.opened(Meter(), list_workers=1, page_size=1)
    pages = opened.list("")
    found = [next(pages), next(pages)]  # the top was read
    (place.folder / "going" / "x.txt").unlink()
    (place.folder / "going").rmdir()
    found += pages
    opened.close()

    assert not [gap for page in found for gap in page.gaps]


def test_links_are_not_followed(place):
    """They are shortcuts, wherever they lead, and have no content."""
    place.write("folder/a.txt", b"a")
    for name, target in (("up", ".."), ("file", "folder/a.txt"), ("broken", "nowhere")):
        (place.folder / "folder" / name).symlink_to(target)

    rows, gaps = listed(place)

    assert {path: row["kind"] for path, row in rows.items()} == {
        "folder": "folder", "folder/a.txt": "file", "folder/up": "shortcut", "folder/file": "shortcut",
        "folder/broken": "shortcut",
    }  # fmt: skip
    assert not gaps


def test_a_file_that_became_a_link(place):
    """It is stale, though what it leads to has the size and the time that were listed."""
    place.write("a.txt", b"a")
    place.write("b.txt", b"b")
    opened = place.open(Meter())
    [row] = [row for page in opened.list("") for row in page.batch.to_pylist() if row["path"] == "a.txt"]
    times = (place.folder / "a.txt").stat()
    (place.folder / "a.txt").rename(place.folder / "b.txt")
    (place.folder / "a.txt").symlink_to("b.txt")
    assert times.st_mtime_ns == (place.folder / "b.txt").stat().st_mtime_ns

    with pytest.raises(StaleSource, match="no file any more"), opened.open(FileEntry.from_row(row)) as stream:
        stream.read()
    opened.close()


def test_names_that_are_not_utf_8(place):
    """They are listed so that they can be told back, and read."""
    (place.folder / os.fsdecode(b"\xff\xfe")).write_bytes(b"odd")
    opened = place.open(Meter())

    [row] = [row for page in opened.list("") for row in page.batch.to_pylist()]

    assert from_storable_text(row["external_id"]) == b"\xff\xfe"
    with opened.open(FileEntry.from_row(row)) as stream:
        assert b"".join(stream) == b"odd"
    opened.close()


def test_a_row(place):
    """It has what the protocol tells."""
    place.write("a.txt", b"content")
    (place.folder / "a.txt").chmod(0o640)

    row = listed(place)[0]["a.txt"]

    assert row["version"] == f"{place.seconds}-7"
    assert row["permissions"] == f'{{"gid":{os.getgid()},"mode":"0640","uid":{os.getuid()}}}'
    assert row["owner"] == str(os.getuid())


def test_what_is_filtered_out_is_not_entered(place):
    """It is listed, and its folder is not read."""
    place.write("unwanted/b.txt", b"b")
    place.plan.add(Fault.DENY, LIST, part="unwanted", times=-1)

    rows, gaps = listed(place, prune=lambda path: path == "unwanted")

    assert set(rows) == {"unwanted"}
    assert not gaps


def test_a_path_that_is_a_file(place):
    """It is no empty folder."""
    place.write("a.txt", b"a")

    with pytest.raises(SourceError):
        listed(place, path=f"/{place.folder.name}/a.txt")


class EndlessClient:
    """A client of a server that tells one name again and again."""

    async def scandir(self, path):
        while True:
            yield asyncssh.SFTPName(b"a.txt", attrs=asyncssh.SFTPAttrs(permissions=0o100644))


def test_a_folder_without_an_end():
    """Names that come again and again are no listing."""
    with pytest.raises(ProtocolViolation, match="no end of them"):
        asyncio.run(read_folder(EndlessClient(), b"/", "", AnswerProgress()))


def test_nobody_answers(place):
    """It is unreachable, which is said once the retries are through."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]

    with pytest.raises(Unreachable, match="could not be reached") as raised:
        listed(place, port=port)
    assert "firewall" in raised.value.hint


@pytest.mark.parametrize("said", [b"", b"HTTP/1.1 400 Bad Request\r\n\r\n" * 100])
def test_something_else_answers(place, said):
    """Silence and another protocol are errors, in time."""
    began = time.monotonic()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        held = []

        def answer():
            while True:
                try:
                    connection, _ = listener.accept()
                except OSError:
                    return
                connection.sendall(said)
                held.append(connection)

        thread = threading.Thread(target=answer, daemon=True)
        thread.start()
        with pytest.raises(SourceError):
            listed(place, port=listener.getsockname()[1], connect_timeout=0.3)
        listener.shutdown(socket.SHUT_RDWR)
    thread.join()
    for connection in held:
        connection.close()
    assert time.monotonic() - began < 20


def test_every_error_of_asyncssh_has_a_meaning():
    """When the library grows another one, it is one of these or falls under one."""
    kinds = [kind for _, kind in inspect.getmembers(asyncssh, inspect.isclass) if issubclass(kind, asyncssh.Error)]
    assert len(kinds) > 30
    found = {kind: type(error_of("s", kind.__new__(kind))) for kind in kinds}

    assert found[asyncssh.SFTPPermissionDenied] is Forbidden
    assert found[asyncssh.PermissionDenied] is AuthenticationFailed
    assert found[asyncssh.SFTPNoSuchFile] is NotFound
    assert found[asyncssh.ConnectionLost] is TemporarilyDown
    assert set(found.values()) <= {Forbidden, AuthenticationFailed, NotFound, TemporarilyDown, ProtocolViolation}


@pytest.mark.parametrize(
    "details",
    [
        {"password": None},
        {"host": "ann@host"},
        {"private_key": "secret-word", "private_key_file": "key"},
        {"host_key": "MD5:00"},
        {"host_key": "SHA256:" + "a" * 43, "known_hosts": "file"},
        {"path": "a\x00b"},
        {"agent": True},
    ],
)
def test_details_that_do_not_fit(details):
    """They are refused, and no secret is shown."""
    with pytest.raises(ValidationError) as raised:
        SftpDetails(**{"host": "h", "username": "ann", "password": PASSWORD, **details})
    assert PASSWORD not in str(raised.value)
    assert "secret-word" not in str(raised.value)
