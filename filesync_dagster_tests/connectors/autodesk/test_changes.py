import json

import pytest

from filesync_dagster.connectors.autodesk.changes import SETTLED
from filesync_dagster.connectors.rest.fields import instant_of
from filesync_dagster.core.errors import AccessDenied, CursorLost, NotFound
from filesync_dagster.simulators.kit.faults import Fault
from filesync_dagster_tests.connectors.autodesk.inventory import Inventory
from filesync_dagster_tests.connectors.autodesk.site import HOUR, Dated, sizes

MINUTES = 60


def test_an_idle_project_costs_one_call(site, known):
    """Nothing changed: the top folders say so, and that is all that is asked."""
    _, full = site.called(lambda: list(known.source.list(*known.source.scopes())))

    _, idle = site.called(known.follow)

    assert full == {"getProjectTopFolders": 1, "getFolderContents": 36}
    assert idle == {"getProjectTopFolders": 1}
    assert [(delta.batch.num_rows, delta.read) for delta in known.source.changes(known.cursor)] == [(0, ())]


def test_many_idle_projects_cost_one_call_each(site):
    """With the whole account, the hubs and the projects are asked for as well."""
    for number in range(19):
        site.store.project(site.hub, f"P{number}")
    site.store.clock.advance(HOUR)
    known = Inventory(site.open_all())

    _, idle = site.called(known.follow)

    assert idle == {"getHubs": 1, "getHubProjects": 1, "getProjectTopFolders": 20}


def test_a_change_deep_down_reads_the_way_to_it(site, known):
    """A new file three folders down costs its folder and those above."""
    site.store.upload(site.folder("3/003"), "new.pdf", 9)

    _, calls = site.called(known.follow)

    assert calls == {"getProjectTopFolders": 1, "getFolderContents": 3}
    assert known.read == {site.top, site.folder("3"), site.folder("3/003")}
    assert known.sizes == site.store.listing(site.project)


ACTIONS = {
    "a new file": lambda site: site.store.upload(site.folder("1"), "new.pdf", 5),
    "a new folder": lambda site: site.store.upload(site.folder("2/new/deep"), "new.pdf", 5),
    "a new version": lambda site: site.store.new_version(site.store.upload(site.top, "v.pdf", 1), 2),
    "a renamed folder": lambda site: site.store.rename(site.folder("1"), "renamed"),
    "a moved folder": lambda site: site.store.move(site.folder("1/001"), site.folder("2")),
    "a deleted folder": lambda site: site.store.hide(site.folder("1/001")),
    "a deleted top folder": lambda site: site.store.hide(site.top),
    "a new top folder": lambda site: site.store.upload(site.store.folder(site.project, "Plans"), "p.pdf", 5),
    "a purged folder": lambda site: site.store.purge(site.folder("4")),
    "a restored folder": lambda site: [site.store.hide(site.folder("1")), site.store.unhide(site.folder_at("1"))],
}


@pytest.mark.parametrize("action", ACTIONS.values(), ids=ACTIONS)
def test_changes_lead_to_what_people_see(site, known, action):
    """After the changes are taken, what is known is what is there, and the next time there is nothing new."""
    site.folder_at = lambda name: next(f.id for f in site.store.folders.values() if f.name == name)
    action(site)

    known.follow()

    assert known.sizes == site.store.listing(site.project)
    site.store.clock.advance(HOUR)
    _, idle = site.called(known.follow)
    assert idle == {"getProjectTopFolders": 1}
    assert known.sizes == site.store.listing(site.project)


def test_a_folder_that_moved_with_its_old_rollup(site, known):
    """What a folder holds is not read again because the folder moved: the rows below it only get another path."""
    mover, target = site.folder("1"), site.folder("2/002")
    before = site.store.folders[mover].rollup
    site.store.move(mover, target)
    site.store.folders[mover].rollup = before

    _, calls = site.called(known.follow)

    assert known.sizes == site.store.listing(site.project)
    assert mover not in known.read
    assert calls["getFolderContents"] == 3


@pytest.mark.parametrize(
    ("kind", "action"), [("move", "a moved folder"), ("hide", "a deleted folder"), ("rename", "a renamed folder")]
)
def test_what_no_rollup_tells_a_full_listing_finds(site, known, kind, action):
    """Autodesk does not promise that a move, a deletion or a new name is seen from above: hence the reconcile."""
    site.store.unrolled.add(kind)
    ACTIONS[action](site)

    known.follow()

    assert known.sizes != site.store.listing(site.project)
    assert sizes(known.source.list(*known.source.scopes())) == site.store.listing(site.project)


def test_a_change_that_shows_late(site):
    """A change is found though a newer one showed first: for ten minutes the same folders are read again."""
    late = site.store.upload(site.folder("a"), "late.pdf", 1)
    site.store.upload(site.folder("b"), "early.pdf", 1)
    site.store.clock.advance(5 * MINUTES)
    source = site.open(wire=Dated(site.simulator))
    folder, entry = site.store.entry(site.folder("a")), site.store.entry(late)
    site.store.detach(entry)
    known = Inventory(source)
    site.store.attach(entry, folder)

    known.follow()
    assert known.sizes == site.store.listing(site.project)
    site.store.clock.advance(SETTLED.total_seconds())
    known.follow()
    _, idle = site.called(known.follow)
    assert idle == {"getProjectTopFolders": 1}


def test_the_cursor_goes_by_the_clock_of_autodesk(site):
    """What is newer than ten minutes before the cursor is told again, by the time in Autodesk's answers."""
    site.store.upload(site.top, "a.pdf", 1)
    newest = site.store.folders[site.top].rollup

    cursor = json.loads(site.open(wire=Dated(site.simulator)).cursor())

    [[since, _]] = cursor.values()
    assert abs((instant_of(since) + SETTLED).timestamp() * 1000 - newest) < 1_000


def test_a_cursor_never_goes_back(site, known):
    """Deleting the newest folder lowers the rollups; what was told stays told."""
    before = instant_of(json.loads(known.cursor)[f"project:{site.project}"][0])
    site.store.folders[site.top].rollup -= HOUR * 1000

    known.follow()

    assert instant_of(json.loads(known.cursor)[f"project:{site.project}"][0]) == before


def test_a_denied_folder_is_asked_for_again_until_it_can_be_read(site, known):
    """It stays a gap, and what it holds is found when it may be read, whatever its rollup says."""
    folder = site.folder("1/001")
    site.store.deny(folder)
    site.store.upload(folder, "unseen.pdf", 1)

    for _ in range(2):
        known.follow()
        assert [gap.path for gap in known.unread] == ["Project Files/1/001"]
        assert folder not in known.read
        site.store.clock.advance(HOUR)
    site.store.unrolled.add("permission")
    site.store.allow(folder)
    known.follow()

    assert known.unread == []
    assert known.sizes == site.store.listing(site.project)


def test_a_file_without_its_version_is_asked_for_again(site, known):
    """An incomplete answer is a gap, its folder does not count as read, and the next sync completes it."""
    site.store.upload(site.folder("1/001"), "new.pdf", 1)
    site.simulator.plan.add(Fault.INCOMPLETE, "getFolderContents", after=2, share=0.1)

    known.follow()
    assert [gap.path for gap in known.unread] == ["Project Files/1/001"]
    assert site.folder("1/001") not in known.read
    site.store.clock.advance(HOUR)
    known.follow()

    assert known.unread == []
    assert known.sizes == site.store.listing(site.project)


def test_a_gap_that_is_deleted_is_no_gap_any_more(site, known):
    """A folder that could not be read and then went away is not asked for for ever."""
    folder = site.folder("1/001")
    site.store.deny(folder)
    site.store.upload(folder, "unseen.pdf", 1)
    known.follow()
    site.store.allow(folder)
    site.store.purge(folder)

    known.follow()
    known.follow()

    assert known.unread == []
    assert known.sizes == site.store.listing(site.project)


def test_excluded_folders_are_followed(site):
    """Filters are not applied to changes: what comes back from an excluded folder must be known."""
    site.fill(10)
    known = Inventory(site.open(prune=lambda path: path == "Project Files/1"))
    site.store.upload(site.folder("1/001"), "new.pdf", 1)

    known.follow()

    assert "Project Files/1/001/new.pdf" in known.sizes


def test_a_new_project_needs_a_full_listing(site):
    """Which projects there are is part of the cursor: a new one, or one less, loses it."""
    known = Inventory(site.open_all())
    other = site.store.project(site.hub, "New")

    with pytest.raises(CursorLost, match="1 new"):
        known.follow()
    known = Inventory(site.open_all())
    site.store.archive(other)
    with pytest.raises(CursorLost, match="1 no longer there"):
        known.follow()


@pytest.mark.parametrize(
    "cursor", ["", "nonsense", "[]", "null", "{}", '{"x": 1}', '{"x": ["never", ""]}', '{"x": [null]}']
)
def test_a_cursor_that_is_none(site, cursor):
    """A cursor that cannot be read is lost; nothing starts from now."""
    with pytest.raises(CursorLost):
        list(site.open().changes(cursor))


def test_a_project_that_cannot_be_read_waits(site):
    """Of several projects the others go on; what happened in it meanwhile is told when it can be read again."""
    other = site.store.project(site.hub, "Other")
    site.store.clock.advance(HOUR)
    known = Inventory(site.open(project_ids=[site.project, other]))
    site.store.upload(site.top, "unseen.pdf", 1)
    site.store.upload(site.store.folder_at(other).children[0].id, "seen.pdf", 1)
    site.simulator.plan.add(Fault.DENY, "getProjectTopFolders")
    known.source._details = known.source._details.model_copy(update={"list_workers": 1})

    known.follow()
    [gap] = known.unread
    assert gap.path == ""
    assert len(known.sizes) == 1
    site.store.clock.advance(HOUR)
    known.follow()

    assert known.unread == []
    assert known.sizes == site.store.listing()


def test_no_project_can_be_read(site, known):
    """Then there is an error, not an empty feed."""
    site.store.deny(site.project)

    with pytest.raises(AccessDenied):
        known.follow()
    with pytest.raises(AccessDenied):
        known.source.cursor()
    site.store.allow(site.project)
    site.store.archive(site.project)
    with pytest.raises(NotFound):
        known.follow()
