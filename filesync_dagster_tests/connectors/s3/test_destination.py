"""The destination of a bucket: what only a store of objects can do to it."""

import hashlib

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from filesync_dagster.connectors.base import CopyingDestination
from filesync_dagster.connectors.destination import NOTHING, Deletion, Precondition, Proof, ResumableDestination, Upload
from filesync_dagster.connectors.object_store.tags import TAGS_MAX_BYTES, decode_value, encode_value
from filesync_dagster.connectors.s3 import CONNECTOR, S3Details, open_s3
from filesync_dagster.connectors.s3.destination import S3Destination
from filesync_dagster.connectors.s3.metadata import metadata_headers
from filesync_dagster.connectors.s3.multipart import PARTS_MAX_COUNT, SINGLE_MAX_BYTES, part_size_of
from filesync_dagster.core.content import FileEntry
from filesync_dagster.core.errors import AccessDenied, ContentMismatch, Foreign, SourceError, StaleSource
from filesync_dagster.core.model import Meter
from filesync_dagster.testing import Fault
from filesync_dagster.testing.destination_place import TAGS, pattern, put, stream
from filesync_dagster_tests.connectors.s3.destination_place import S3DestinationPlace
from filesync_dagster_tests.connectors.s3.place import KEYS

OLD, NEW = b"the old content", b"a new and longer content"


@pytest.fixture(params=["rclone", "moto"])
def place(request, monkeypatch):
    """Return an empty bucket of each of the servers."""
    server = request.getfixturevalue("s3_server" if request.param == "rclone" else "moto_s3")
    return S3DestinationPlace(server, KEYS, monkeypatch)


@pytest.fixture
def destination(place):
    """Return its destination."""
    opened = place.open(Meter())
    yield opened
    opened.close()


def test_the_connector_opens_it():
    """Lazily, and it can do all that a destination may."""
    opened = CONNECTOR.open_destination(S3Details(bucket="eng", anonymous=True), Meter())

    assert isinstance(opened, S3Destination)
    assert isinstance(opened, ResumableDestination)
    assert isinstance(opened, CopyingDestination)
    opened.close()


def test_a_small_file_is_proved_by_its_etag(place, destination):
    """In one request, where nothing is expected; the hash that the store tells is ours."""
    receipt = put(destination, "a", NEW, None)

    assert receipt.proof is Proof.HASH
    assert [request.partition(" ")[0] for request in place.wires[0].requests] == ["PUT"]


@pytest.mark.parametrize("size", [SINGLE_MAX_BYTES, SINGLE_MAX_BYTES + 1])
def test_a_large_file_goes_in_parts(place, destination, size):
    """And is proved, too; nothing is left of the upload."""
    content = pattern(size)

    receipt = destination.write(
        Upload(path="large", size=None if size > SINGLE_MAX_BYTES else size),
        stream(content, size=None, algorithms=("md5",)),
    )

    assert place.read("large") == content
    assert receipt.proof is Proof.HASH
    assert any("partNumber" in request for request in place.wires[0].requests) == (size > SINGLE_MAX_BYTES)
    assert place.uploads() == []


def test_a_large_file_that_breaks_off_leaves_nothing(place, destination):
    """No object, and no parts that cost money."""
    with pytest.raises(ContentMismatch):
        destination.write(Upload(path="large", size=20 << 20), stream(pattern(17 << 20), size=20 << 20))

    assert (place.paths(), place.uploads()) == (set(), [])


@pytest.mark.parametrize(
    ("fault", "operation"),
    [
        (Fault.DISCONNECT, "put partNumber"),
        (Fault.EXPIRE_TOKEN, "post uploads"),
        (Fault.ERROR_IN_BODY, "post uploadId"),
        pytest.param(Fault.SERVER_ERROR, "put partNumber", marks=pytest.mark.slow),
        pytest.param(Fault.EXPIRE_TOKEN, "put partNumber", marks=pytest.mark.slow),
        pytest.param(Fault.DISCONNECT, "post uploads", marks=pytest.mark.slow),
        pytest.param(Fault.ERROR_IN_BODY, "post uploads", marks=pytest.mark.slow),
        pytest.param(Fault.SERVER_ERROR, "post uploads", marks=pytest.mark.slow),
        pytest.param(Fault.DISCONNECT, "post uploadId", marks=pytest.mark.slow),
        pytest.param(Fault.EXPIRE_TOKEN, "post uploadId", marks=pytest.mark.slow),
        pytest.param(Fault.SERVER_ERROR, "post uploadId", marks=pytest.mark.slow),
    ],
)
def test_a_part_is_sent_again(place, destination, operation, fault):
    """Credentials that expire are found anew, answers that are lost or are errors with 200 are asked for again."""
    content = pattern(SINGLE_MAX_BYTES + 5)
    rule = place.plan.add(fault, operation)

    destination.write(Upload(path="large", size=len(content), tags=TAGS), stream(content, algorithms=("md5",)))

    assert rule.done == 1
    assert place.read("large") == content


def test_another_content_than_was_sent_is_removed(place, destination):
    """A store that tells another hash, and is read again to be sure, does not keep it."""
    place.wires[0].changed = lambda request, answer: _stored_wrong(place, request, answer)

    with pytest.raises(ContentMismatch):
        put(destination, "a", NEW)

    assert place.paths() == set()


def _stored_wrong(place, request, answer):
    if request.method != "PUT":
        return answer
    place.put("a", b"X" + NEW[1:])
    digest = hashlib.md5(b"X" + NEW[1:]).hexdigest()
    return httpx.Response(200, headers={"etag": f'"{digest}"'})


def test_an_answer_without_an_etag_costs_no_content(place, destination):
    """What was there before is not taken for a wrong copy."""
    version = put(destination, "a", OLD).version
    place.wires[0].changed = lambda request, answer: httpx.Response(200) if request.method == "PUT" else answer

    receipt = put(destination, "a", NEW, Precondition(version))

    assert place.read("a") == NEW
    assert receipt.version == destination.stat("a").version


def test_a_key_of_kms_makes_etags_that_prove_nothing(place, destination):
    """No hash is claimed then; what is read back is proved by that."""

    def encrypted(request, answer):
        if request.method not in {"PUT", "HEAD"}:
            return answer
        headers = {**answer.headers, "x-amz-server-side-encryption": "aws:kms"}
        if "etag" in headers:
            headers["etag"] = '"' + hashlib.md5(headers["etag"].encode()).hexdigest() + '"'
        return httpx.Response(answer.status_code, headers=headers, content=answer.content)

    place.wires[0].changed = encrypted

    receipt = put(destination, "a", NEW)

    assert receipt.proof is Proof.SIZE
    assert destination.stat("a").content_hash is None
    assert place.read("a") == NEW


@pytest.mark.parametrize("moment", ["before", "after"])
def test_the_other_side_of_a_copy_changes(place, destination, moment):
    """The store ignores what a copy is conditional on: the copy is removed, and the stranger's content stays."""
    version = put(destination, "a", OLD).version

    def overwrite(request, answer=None):
        if "x-amz-copy-source" in request.headers:
            place.put("a", b"by somebody else")
        return answer

    if moment == "before":
        place.wires[0].meanwhile = overwrite
    else:
        place.wires[0].changed = overwrite

    with pytest.raises(SourceError):
        destination.move("a", "b", Precondition(version))

    assert place.read("a") == b"by somebody else"
    assert place.paths() == {"a"}


def test_half_of_the_parts(place, destination):
    """A note of parts that is not all of them makes no object, though the store would make one."""
    content = pattern(SINGLE_MAX_BYTES + 5)
    upload = Upload(path="large", size=len(content))
    resume = destination.begin(upload)
    size = resume["part_size"]
    parts = [destination.put_part(upload, resume, n + 1, stream(content[n * size : (n + 1) * size])) for n in range(3)]

    with pytest.raises(ContentMismatch):
        destination.complete(upload, resume, parts[:2])

    assert place.paths() == set()


def test_copies_inside_the_store(place, destination):
    """From another bucket with the same credentials: no byte passes here, and the object is ours."""
    bucket = place.server.bucket()
    place.client.put_object(Bucket=bucket, Key="from/é.txt", Body=OLD)
    source = open_s3(S3Details(**{**place.details, "bucket": bucket}), Meter())
    [entry] = [FileEntry.from_row(row) for page in source.list("") for row in page.batch.to_pylist()]
    upload = Upload(path="to/é.txt", size=entry.size, tags=TAGS)
    assert destination.can_copy(source)

    receipt = destination.copy(source, entry, upload)
    again = destination.copy(source, entry, upload)

    found = destination.stat("to/é.txt")
    assert place.read("to/é.txt") == OLD
    assert (receipt.version, again.version) == (found.version, found.version)
    assert {name: found.tags.get(name) for name in TAGS} == TAGS
    assert not any(request.startswith("GET") for request in place.wires[0].requests)

    place.client.put_object(Bucket=bucket, Key="from/é.txt", Body=NEW)
    with pytest.raises(StaleSource):
        destination.copy(source, entry, Upload(path="other", size=entry.size, tags=TAGS))
    assert place.paths() == {"to/é.txt"}
    place.put("theirs", b"theirs")
    [entry] = [FileEntry.from_row(row) for page in source.list("") for row in page.batch.to_pylist()]
    with pytest.raises(Foreign):
        destination.copy(source, entry, Upload(path="theirs", size=entry.size, expected=NOTHING))
    other = open_s3(S3Details(**{**place.details, "access_key_id": "X", "secret_access_key": "Y"}), Meter())
    assert not destination.can_copy(other)
    source.close()
    other.close()


def test_many_deletions_are_few_requests(place, destination):
    """One that is refused is told of alone."""
    for number in range(30):
        place.put(f"f/{number}", b"x")

    def refuse(request, answer):
        if "delete" not in request.url.query.decode():
            return answer
        place.put("f/7", b"x")
        error = "<Error><Key>f/7</Key><Code>AccessDenied</Code><Message>locked</Message></Error>"
        return httpx.Response(200, text=f"<DeleteResult>{error}</DeleteResult>")

    place.wires[0].changed = refuse

    ended = destination.delete([Deletion(f"f/{number}") for number in range(30)])

    assert {number: type(error) for number, error in enumerate(ended) if error} == {7: AccessDenied}
    assert place.paths() == {"f/7"}
    assert len(place.wires[0].requests) == 1


@given(st.text(max_size=300))
def test_texts_survive_headers(text):
    """Whatever they are made of; and what is sent is what may be sent."""
    encoded = encode_value(text) if text else ""

    assert decode_value(encoded) == text
    assert encoded.isascii()
    assert encoded.strip() == encoded


@given(st.text(max_size=1_000), st.text(max_size=1_000), st.text(min_size=1, max_size=50))
def test_metadata_has_its_bound(source_id, version, source):
    """What does not fit is left out, the longest first."""
    upload = Upload(path="a", size=1, tags={"source": source, "source_id": source_id, "source_version": version})

    fields = metadata_headers(upload)

    assert sum(len(name) + len(value) for name, value in fields.items()) <= TAGS_MAX_BYTES
    assert "x-amz-meta-filesync-source" in fields


@given(st.integers(0, 5 << 40))
def test_no_file_has_too_many_parts(size):
    """Up to the largest that there are."""
    part = part_size_of(size)

    assert -(-size // part) <= PARTS_MAX_COUNT
    assert 8 << 20 <= part <= 5 << 30
