"""Contents of Autodesk: what only Autodesk has. The rest is in the contract suite."""

import pytest

from filesync_dagster.core.content import BLOCK_BYTES, FileEntry
from filesync_dagster.core.errors import AccessDenied, ContentMismatch, NoContent, StaleSource
from filesync_dagster.simulators.autodesk.downloads import DOWNLOAD, GOOD_SECONDS, SIGNED_PATH
from filesync_dagster.simulators.autodesk.entries import VersionKind
from filesync_dagster.simulators.kit.faults import Fault
from filesync_dagster.simulators.kit.wire import InProcess
from filesync_dagster_tests.connectors.autodesk.site import Site, listed, rows


class Noted(InProcess):
    """Autodesk, whose requests are noted; it may do something before each."""

    def __init__(self, simulator):
        super().__init__(simulator)
        self.requests = []
        self.before = lambda request: None

    def handle_request(self, request):
        self.requests.append(request)
        self.before(request)
        return super().handle_request(request)


@pytest.fixture
def site():
    """Return an account with a project."""
    made = Site()
    yield made
    made.close()


def entry(source, item):
    """Return what a listing has of an item."""
    return FileEntry.from_row(rows(listed(source))[item])


def read(source, listed_entry, **part):
    """Return what is read of an item."""
    with source.open(listed_entry, **part) as stream:
        return b"".join(stream)


def test_no_token_goes_to_the_storage(site):
    """The address is the token; it leads to another host."""
    wire = Noted(site.simulator)
    source = site.open(wire=wire)
    item = site.store.upload(site.top, "a.dwg", content=b"drawing")

    assert read(source, entry(source, item)) == b"drawing"

    fetched = [request for request in wire.requests if request.url.path.startswith(SIGNED_PATH)]
    assert len(fetched) == 1
    assert "authorization" not in fetched[0].headers


def test_an_address_that_expires_is_signed_anew(site):
    """In the middle of a file, after the connection broke."""
    wire = Noted(site.simulator)
    source = site.open(wire=wire)
    content = bytes(range(256)) * (BLOCK_BYTES // 64)
    item = site.store.upload(site.top, "a.dwg", content=content)
    known = entry(source, item)
    clock = {"now": site.simulator.now()}
    site.simulator.now = lambda: clock["now"]
    site.simulator.plan.add(Fault.RESET, operation=DOWNLOAD)

    with source.open(known) as stream:
        blocks = iter(stream)
        came = next(blocks)
        clock["now"] += GOOD_SECONDS + 1
        assert came + b"".join(blocks) == content

    assert site.calls["signedS3Download"] == 2


def test_storage_that_refuses_every_address_is_given_up(site):
    """That is said once, with what to do."""
    source = site.open()
    known = entry(source, site.store.upload(site.top, "a.dwg", content=b"drawing"))
    site.simulator.plan.add(Fault.EXPIRE_TOKEN, operation=DOWNLOAD, times=-1)

    with pytest.raises(AccessDenied, match="Download permission"):
        read(source, known)


def test_a_version_that_lies_in_storage_with_another_size(site):
    """It is not what was listed."""
    source = site.open()
    known = entry(source, site.store.upload(site.top, "a.dwg", content=b"drawing"))
    storage = next(iter(site.store.contents))
    site.store.contents[storage] = b"drawing, longer"

    with pytest.raises(ContentMismatch):
        read(source, known)


def test_what_has_no_bytes(site):
    """A cloud model has none; nothing is exported."""
    source = site.open()
    known = entry(source, site.store.upload(site.top, "m.rvt", kind=VersionKind.CLOUD_MODEL))

    for export in (None, "pdf"):
        with pytest.raises(NoContent):
            source.open(known, export=export)


def test_made_up_contents_are_the_same_each_time(site):
    """A file of a bulk has one, too."""
    source = site.open()
    known = entry(source, site.store.upload(site.top, "a.dwg", 3_000))

    assert len(read(source, known)) == 3_000
    assert read(source, known) == read(source, known)


def test_a_deleted_and_a_lost_file_are_stale(site):
    """Hidden, or kept from this account."""
    source = site.open()
    items = [site.store.upload(site.folder("below"), name, content=b"x") for name in ("a", "b")]
    known = [entry(source, item) for item in items]
    site.store.hide(items[0])
    with pytest.raises(StaleSource):
        read(source, known[0])
    site.store.deny(site.folder("below"))
    with pytest.raises(AccessDenied):
        read(source, known[1])


def test_the_meter_counts_what_it_costs(site):
    """Item, address, content, item."""
    source = site.open()
    known = entry(source, site.store.upload(site.top, "a.dwg", content=b"drawing"))
    _, calls = site.called(lambda: read(source, known))

    assert calls == {"getItem": 2, "signedS3Download": 1, DOWNLOAD: 1}
