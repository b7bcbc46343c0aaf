"""Contents of objects: what only S3 has. The rest is in the contract suite."""

import httpx
import pytest

from filesync_dagster.connectors.s3 import S3Details
from filesync_dagster.connectors.s3.source import S3Source
from filesync_dagster.core.content import BLOCK_BYTES, FileEntry
from filesync_dagster.core.errors import AccessDenied, AuthenticationFailed, NoContent, SourceError, StaleSource
from filesync_dagster.core.model import Meter
from filesync_dagster.simulators.kit.faults import Fault
from filesync_dagster.testing import IMPATIENT
from filesync_dagster.testing.content_suite import LARGE, entries, pattern, read
from filesync_dagster_tests.connectors.s3 import faulty_server
from filesync_dagster_tests.connectors.s3.place import faulty_place

ENTRY = FileEntry("a.txt", "a.txt", size=3, version="900150983cd24fb0d6963f7d28e17f72",
                  content_hash="md5:900150983cd24fb0d6963f7d28e17f72")  # fmt: skip
ETAG = {"etag": f'"{ENTRY.version}"'}


@pytest.fixture
def place(s3_server):
    """Return a bucket behind a proxy that notes what is asked for."""
    with faulty_place(s3_server) as made:
        yield made


def answered(answer, **details):
    """Return a source whose store gives one answer, and the requests that it was asked with."""
    requests = []

    def wire(request):
        requests.append(request)
        return answer

    given = {"bucket": "eng", "endpoint_url": "https://store.example.com", "anonymous": True, **details}
    return S3Source(S3Details(**given), Meter(), policy=IMPATIENT, wire=httpx.MockTransport(wire)), requests


@pytest.mark.parametrize("fault", [Fault.RESET, Fault.TRUNCATE])
def test_a_stream_that_breaks_goes_on_where_it_was(place, fault):
    """What came is not sent again, but for the block that broke."""
    content = pattern(LARGE)
    place.write("a.bin", content)
    source = place.open(Meter())
    entry = entries(place, source)["a.bin"]
    place.requests.clear()
    place.plan.add(fault, operation=place.content_operation)

    assert read(source, entry) == content

    first, second = place.requests
    assert "range" not in first
    start, _, end = second.get("range", f"bytes=0-{LARGE - 1}").removeprefix("bytes=").partition("-")
    lowest = 0 if fault is Fault.RESET else LARGE // 2 - BLOCK_BYTES  # what nobody had read yet goes with a reset
    assert lowest <= int(start) <= LARGE // 2 + 1
    assert int(end) == LARGE - 1
    assert first["if-match"] == second["if-match"] == f'"{entry.version}"'
    source.close()


def test_answers_that_break_off_again_and_again_are_given_up(place):
    """A store that brings nothing new is not asked for ever."""
    place.write("a.bin", pattern(LARGE))
    source = place.open(Meter())
    entry = entries(place, source)["a.bin"]
    place.requests.clear()
    place.plan.add(Fault.TRUNCATE, operation=place.content_operation, times=-1, share=0.999999)

    with pytest.raises(SourceError):
        read(source, entry)

    assert len(place.requests) <= 2 * IMPATIENT.attempts
    source.close()


def test_a_small_object_is_one_request(place):
    """Neither before nor after it is anything asked: its hash proves it."""
    place.write("a.txt", b"abc")
    source = place.open(Meter())
    entry = entries(place, source)["a.txt"]
    place.requests.clear()

    assert read(source, entry) == b"abc"
    assert len(place.requests) == 1
    source.close()


def test_credentials_that_expire_in_the_middle(place, monkeypatch):
    """They are looked up anew, once, and the same content goes on."""
    content = pattern(LARGE)
    place.write("a.bin", content)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", place.server.access_key_id)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", place.server.secret_access_key)
    place._details |= {"access_key_id": None, "secret_access_key": None}
    source = place.open(Meter())
    entry = entries(place, source)["a.bin"]
    place.plan.add(Fault.RESET, operation=place.content_operation)
    place.plan.add(Fault.EXPIRE_TOKEN, operation=place.content_operation, after=1)

    assert read(source, entry) == content

    place.plan.add(Fault.EXPIRE_TOKEN, operation=place.content_operation, times=-1)
    with pytest.raises(AuthenticationFailed):
        read(source, entry)
    source.close()


@pytest.mark.parametrize(
    ("status", "code", "error", "words"),
    [
        (403, "InvalidObjectState", NoContent, "archived: restore it first"),
        (400, "InvalidRequest", NoContent, "SSE-C"),
        (403, "AccessDenied", AccessDenied, "requester_pays"),
        (412, "PreconditionFailed", StaleSource, "next sync"),
        (404, "NoSuchKey", StaleSource, "next sync"),
        (404, "NoSuchVersion", StaleSource, "next sync"),
        (405, "MethodNotAllowed", StaleSource, "next sync"),
        (416, "InvalidRange", StaleSource, "next sync"),
        (403, "KMS.DisabledException", AccessDenied, "KMS"),
    ],
)
def test_refusals_of_an_object(status, code, error, words):
    """Each is one sentence that names the object and says what to do."""
    body = f"<Error><Code>{code}</Code><Message>No.</Message></Error>"
    source, _ = answered(httpx.Response(status, text=body))

    with pytest.raises(error, match=words) as raised:
        read(source, ENTRY)

    assert raised.value.message.startswith("The object a.txt of bucket eng")
    source.close()


@pytest.mark.parametrize(
    "headers",
    [
        {"x-amz-server-side-encryption": "aws:kms"},
        {"x-amz-server-side-encryption": "aws:kms:dsse"},
        {"x-amz-server-side-encryption-customer-algorithm": "AES256"},
    ],
)
def test_an_etag_of_an_encrypted_object_proves_nothing(headers):
    """It looks like an MD5, and is none: the content is not measured by it, but by its version afterwards."""
    source, requests = answered(httpx.Response(200, content=b"xyz", headers={**ETAG, **headers}))

    assert read(source, ENTRY) == b"xyz"
    assert [request.method for request in requests] == ["GET", "HEAD"]
    source.close()


def test_who_pays_and_which_version_is_asked_for():
    """As the details and the row say."""
    source, requests = answered(httpx.Response(200, content=b"abc", headers=ETAG), requester_pays=True)
    entry = FileEntry(**{name: getattr(ENTRY, name) for name in ("external_id", "path", "size", "version")},
                      metadata={"version_id": "3/L4 kqt"})  # fmt: skip

    assert read(source, entry) == b"abc"
    assert requests[0].headers["x-amz-request-payer"] == "requester"
    assert requests[0].url.query == b"versionId=3%2FL4%20kqt"
    source.close()


def test_an_object_without_an_etag_in_its_row_is_told_by_its_time():
    """To the second, as headers have it."""
    from datetime import UTC, datetime

    listed = datetime(2026, 11, 29, 12, 0, 0, 500_000, tzinfo=UTC)
    entry = FileEntry("a.txt", "a.txt", size=3, modified_at=listed)
    for moment, fits in (("Sun, 29 Nov 2026 12:00:00 GMT", True), ("Sun, 29 Nov 2026 12:00:02 GMT", False)):
        source, _ = answered(httpx.Response(200, content=b"abc", headers={**ETAG, "last-modified": moment}))
        if fits:
            assert read(source, entry) == b"abc"
        else:
            with pytest.raises(StaleSource):
                read(source, entry)
        source.close()


def test_the_proxy_can_do_what_it_says():
    """A fault that cannot happen would test nothing."""
    assert faulty_server.REFUSALS.keys() | {Fault.TRUNCATE, Fault.RESET, Fault.FLIP_BIT} == faulty_server.FAULTS
