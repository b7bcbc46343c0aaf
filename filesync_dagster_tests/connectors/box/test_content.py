"""What is Box's own about contents: another host, no token there, and the version that was listed."""

import httpx
import pytest

from filesync_dagster.core.content import FileEntry
from filesync_dagster.core.errors import AccessDenied, ProtocolViolation, SourceError
from filesync_dagster.simulators.box.downloads import LINK_PATH
from filesync_dagster.simulators.kit.faults import Fault
from filesync_dagster.testing.rows import files


@pytest.fixture
def entry(box, opened):
    """Return a file as it was listed."""
    box.write("a.txt", b"content")
    return FileEntry.from_row(files(box, opened(box))["a.txt"])


def read(source, entry):
    """Return the content of a file."""
    with source.open(entry) as stream:
        return stream.read()


def test_no_token_goes_to_another_host(box, opened, entry):
    """The version is named to Box, and the address that it gives is enough."""
    source = opened(box)

    assert read(source, entry) == b"content"

    [located] = box.wire.asked("/content")
    [download] = box.wire.asked(LINK_PATH)
    assert located.url.params["version"] == entry.metadata["file_version"]
    assert located.url.host != download.url.host
    assert "authorization" not in download.headers


def test_a_renamed_file_has_the_same_content(box, opened, entry):
    """Its version as an entry is another one, that of its content is not."""
    box.rename("a.txt", "b.txt")

    assert read(opened(box), entry) == b"content"


@pytest.mark.parametrize("location", [None, "/login", "ftp://elsewhere.example/x", "file:///etc/passwd"])
def test_an_address_that_is_none(box, opened, entry, location):
    """A network that asks for a login, and anything else that leads nowhere, is no content."""

    def instead(request):
        headers = {} if location is None else {"location": location}
        return httpx.Response(302, headers=headers) if request.url.path.endswith("/content") else None

    with pytest.raises(ProtocolViolation):
        read(opened(box, instead=instead), entry)


def test_a_content_that_is_not_ready(box, opened, entry):
    """202 says when to ask again."""
    waited = []

    def instead(request):
        if not request.url.path.endswith("/content") or waited:
            return None
        waited.append(request)
        return httpx.Response(202, headers={"retry-after": "0"})

    assert read(opened(box, instead=instead), entry) == b"content"
    assert waited


def test_an_address_that_expired(box, opened, entry):
    """Another one is asked for; one that is refused time and again is no expired one."""
    box.plan.add(Fault.EXPIRE_TOKEN, "download")
    assert read(opened(box), entry) == b"content"
    box.plan.clear()
    box.plan.add(Fault.DENY, "download", times=-1)
    with pytest.raises(AccessDenied):
        read(opened(box), entry)


def test_a_file_that_may_not_be_downloaded(box, opened, entry):
    """The refusal is Box's, in a sentence with what to do."""
    box.plan.add(Fault.DENY, "locate_content", times=-1)
    with pytest.raises(SourceError) as refused:
        read(opened(box), entry)
    assert "403" in refused.value.message
    assert refused.value.hint
