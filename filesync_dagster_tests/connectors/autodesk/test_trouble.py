from urllib.parse import unquote

import httpx
import pytest

from filesync_dagster.core.errors import AuthenticationFailed, SourceError, TemporarilyDown, Throttled
from filesync_dagster.simulators.kit.faults import Fault
from filesync_dagster.simulators.kit.wire import InProcess
from filesync_dagster_tests.connectors.autodesk.site import HOUR, Altered, gaps, listed, rows, sizes


@pytest.mark.parametrize(
    "href",
    [
        "https://elsewhere.example.com/data",
        "//elsewhere.example.com/data",
        "http://{host}/data",
        "https://{host}:8443/data",
        "https://{host}@elsewhere.example.com/",
        "https://[",
    ],
)
def test_a_next_link_to_elsewhere_is_refused(site, href):
    """The token is for Autodesk only; a page that leads away from it proves that the listing cannot be trusted."""
    site.fill(1)
    host = site.address.removeprefix("https://")

    def alter(document, request):
        document["links"]["next"] = {"href": href.format(host=host)}

    wire = Altered(site.simulator, alter)

    [(path, reason)] = gaps(listed(site.open(wire=wire)))
    assert path == "Project Files"
    assert "leads away" in reason
    assert {request.url.host for request in wire.requests} == {host}


def test_pages_that_lead_back_end_the_folder(site):
    """A next link that was followed before would go on for ever: a gap, and what came is there."""
    for number in range(35):
        site.store.upload(site.top, f"{number}.pdf", number)
    site.simulator.plan.add(Fault.REPEAT_TOKEN, "getFolderContents", after=2, times=-1)

    found = listed(site.open())

    [(path, reason)] = gaps(found)
    assert path == "Project Files"
    assert "leads back" in reason
    assert len(sizes(found)) >= 20


def test_a_file_without_its_version_is_not_guessed(site):
    """An answer that leaves out a tip version is told as a gap of its folder; everything else is listed."""
    site.fill(3)
    site.store.upload(site.top, "beside.pdf", 1)
    site.simulator.plan.add(Fault.INCOMPLETE, "getFolderContents", share=0.1)

    found = listed(site.open())

    [(path, reason)] = gaps(found)
    assert path == "Project Files"
    assert "did not send the tip version" in reason
    assert len(sizes(found)) == len(site.store.listing(site.project)) - 1


def test_an_unknown_kind_of_entry_is_a_gap(site):
    """What the connector does not know is told, not skipped."""
    site.fill(1)

    def alter(document, request):
        for entry in document["data"]:
            entry["type"] = "hologram" if entry["type"] == "items" else entry["type"]

    found = listed(site.open(wire=Altered(site.simulator, alter)))

    assert {path for path, _ in gaps(found)} == {"Project Files/0/000"}
    assert "unknown type 'hologram'" in gaps(found)[0][1]


def test_a_denied_folder_is_a_gap_and_the_others_go_on(site):
    """A folder that the app may not read is told with its path and what to do, and costs nothing else."""
    site.fill(10)
    site.store.deny(site.folder("1"))

    found = listed(site.open())

    [(path, reason)] = gaps(found)
    assert path == "Project Files/1"
    assert "View permission" in reason
    there = {
        path: size for path, size in site.store.listing(site.project).items() if not path.startswith("Project Files/1/")
    }
    assert sizes(found) == there


def test_a_folder_that_vanishes_while_it_is_listed(site):
    """It was told, and is gone when its turn comes: a gap, and the next listing knows."""
    site.fill(10)
    victim = site.folder("1/001")

    def alter(document, request):
        if victim in {entry["id"] for entry in document["data"]}:
            site.store.purge(victim)

    found = listed(site.open(wire=Altered(site.simulator, alter)))

    assert [path for path, _ in gaps(found)] == ["Project Files/1/001"]
    assert gaps(listed(site.open())) == []


def test_a_folder_that_moves_while_it_is_listed(site):
    """A folder that turns up in two places is read once, and its later place counts."""
    site.fill(10)
    mover, target = site.folder("0"), site.folder("zzz")
    moved = []

    def alter(document, request):
        if not moved and request.url.path.split("/")[-2] == mover:
            moved.append(True)
            site.store.move(mover, target)

    found = listed(site.open(wire=Altered(site.simulator, alter), list_workers=1))

    assert moved
    assert {row["parent_id"] for row in rows(found).values() if row["external_id"] == mover} <= {site.top, target}
    assert len(sizes(found)) == 30


def test_a_token_that_expires_in_the_middle(site):
    """One new token is minted and the listing goes on, however many folders were being read."""
    site.fill(30)
    source = site.open()
    source.scopes()
    site.simulator.plan.add(Fault.EXPIRE_TOKEN, "getFolderContents", after=10)

    found, calls = site.called(lambda: listed(source))

    assert len(sizes(found)) == 90
    assert calls["fetch-token"] == 2


def test_a_token_that_is_never_good(site):
    """Two refusals in a row are an error that says what to do."""
    site.simulator.plan.add(Fault.EXPIRE_TOKEN, times=-1)

    with pytest.raises(AuthenticationFailed, match="AUTH-006"):
        listed(site.open())


def test_a_token_is_shared_by_the_process_and_kept(site):
    """The sources of one app need one token; another app's is its own."""
    for _ in range(3):
        listed(site.open())

    assert site.calls["fetch-token"] == 1


@pytest.mark.parametrize("reason", [None, "date"])
def test_a_throttled_listing_waits_and_goes_on(site, reason):
    """429 is waited for, with Retry-After as seconds or as a date."""
    site.fill(10)
    site.simulator.plan.add(Fault.THROTTLE, "getFolderContents", after=3, times=2, seconds=1, reason=reason)

    found = listed(site.open())

    assert len(sizes(found)) == 30
    assert site.meter.retries == 2


def test_a_store_that_throttles_for_ever(site):
    """After some attempts the listing fails, with the wait that was asked for."""
    site.simulator.plan.add(Fault.THROTTLE, "getFolderContents", times=-1, seconds=60)

    with pytest.raises(Throttled, match="Quota limit exceeded") as caught:
        listed(site.open())
    assert caught.value.retry_after == 60


@pytest.mark.parametrize("fault", [Fault.SERVER_ERROR, Fault.TIMEOUT, Fault.DISCONNECT])
def test_what_passes_is_asked_again(site, fault):
    """Errors of the server and of the connection cost a retry."""
    site.fill(5)
    site.simulator.plan.add(fault, after=3, times=2)

    assert len(sizes(listed(site.open()))) == 15


def test_a_server_that_stays_down(site):
    """A listing that cannot go on fails; it does not end."""
    site.fill(5)
    site.simulator.plan.add(Fault.SERVER_ERROR, "getFolderContents", after=2, times=-1, status=503)

    with pytest.raises(TemporarilyDown):
        listed(site.open())


def test_half_an_answer_is_asked_for_again(site):
    """A body that is cut off proves nothing, and comes whole the next time."""
    site.fill(5)
    site.simulator.plan.add(Fault.GARBAGE, "getFolderContents", after=2)

    assert sizes(listed(site.open())) == site.store.listing(site.project)
    assert site.meter.retries == 1


class Failing(InProcess):
    """Autodesk, which answers with one status to whatever names an id."""

    def __init__(self, simulator, named, status=500):
        super().__init__(simulator)
        self.named, self.status = named, status

    def handle_request(self, request):
        if self.named in unquote(str(request.url)):
            return httpx.Response(self.status, request=request)
        return super().handle_request(request)


@pytest.mark.parametrize("status", [500, 504, 403, 404, 400])
def test_a_folder_that_always_fails_is_a_gap(site, status):
    """In a listing and in what is told of changes: all others are read, and the cursor stays for its project."""
    site.fill(10)
    bad = site.folder("1")
    source = site.open(wire=Failing(site.simulator, f"{bad}/contents", status))

    found = listed(source)
    assert [path for path, _ in gaps(found)] == ["Project Files/1"]
    there = {path for path in site.store.listing(site.project) if not path.startswith("Project Files/1/")}
    assert set(sizes(found)) == there

    cursor = source.cursor()
    site.store.clock.advance(HOUR)
    site.store.upload(bad, "new.pdf", 1)
    new = site.store.upload(site.folder("2"), "new.pdf", 1)
    deltas = list(source.changes(cursor))
    assert new in rows(deltas)
    assert [gap.path for delta in deltas for gap in delta.gaps] == ["Project Files/1"]
    assert deltas[-1].cursor == cursor


@pytest.mark.parametrize("status", [500, 504, 404])
def test_a_project_that_always_fails_is_a_gap(site, status):
    """Its top cannot be read: the other projects are, in a listing and in what is told of changes."""
    site.fill(2)
    other = site.store.project(site.hub, "Bridge")
    [top] = site.store.folder_at(other).children
    source = site.open_all(wire=Failing(site.simulator, f"{other}/topFolders", status))

    assert set(source.scopes()) == {f"project:{site.project}", f"project:{other}"}
    assert sizes(source.list(f"project:{site.project}"))
    with pytest.raises(SourceError):
        list(source.list(f"project:{other}"))
    cursor = source.cursor()
    site.store.upload(top.id, "unseen.pdf", 1)
    deltas = list(source.changes(cursor))
    assert [gap.scope for delta in deltas for gap in delta.gaps] == [f"project:{other}"]


def test_short_and_empty_pages_are_no_end(site):
    """Only the missing next link ends a folder, whatever a page holds."""
    site.fill(5, files=25)
    site.simulator.plan.add(Fault.SHORT_PAGE, "getFolderContents", after=3, times=4)
    site.simulator.plan.add(Fault.EMPTY_PAGE, "getFolderContents", after=9, times=2)

    assert sizes(listed(site.open())) == site.store.listing(site.project)
