import json
from time import monotonic, sleep

import pytest

from filesync_dagster.core.errors import CursorLost, ProtocolViolation, TemporarilyDown
from filesync_dagster.simulators.kit.faults import Fault
from filesync_dagster.simulators.kit.wire import InProcess
from filesync_dagster_tests.connectors.autodesk.inventory import Inventory
from filesync_dagster_tests.connectors.autodesk.site import HOUR, Altered, gaps, listed, paths, rows, sizes

ADMIN = ("user", "ada.brandt@example.com", "organizer", False)


@pytest.fixture
def known(site):
    """Return what is known of a project with 36 folders and their permissions, an hour after its last change."""
    site.fill(30, files=1)
    return Inventory(site.open(page_size=200, include_permissions=True))


def told(row):
    """Return who may do what with the folder of a row."""
    found = json.loads(row["permissions"])
    return {(one["type"], one.get("emailAddress") or one["name"], one["role"], one["inherited"]) for one in found}


def permissions(site, **details):
    """List, and return the permissions of each folder by its path."""
    found = paths(listed(site.open(include_permissions=True, **details)))
    assert [path for path, row in found.items() if (row["permissions"] is None) == (row["kind"] == "folder")] == []
    return {path: told(row) for path, row in found.items() if row["kind"] == "folder"}


def test_people_companies_and_roles(site):
    """Each folder has its own and what comes from above; files have none, for they have those of their folder."""
    site.store.upload(site.folder("plans/2026"), "a.pdf", 1)
    site.store.share(site.folder("plans"), "bob.miller@example.com")
    site.store.share(site.folder("plans"), "Concrete Inc.", "COMPANY", ["PUBLISH"])
    site.store.share(site.folder("plans/2026"), "Architect", "ROLE", ["VIEW", "DOWNLOAD", "PUBLISH", "EDIT"])
    site.store.share(site.folder("plans/2026"), "bob.miller@example.com", actions=["VIEW", "PUBLISH_MARKUP"])

    found = permissions(site)

    assert found == {
        "Project Files": {ADMIN},
        "Project Files/plans": {
            ADMIN,
            ("user", "bob.miller@example.com", "reader", False),
            ("company", "Concrete Inc.", "uploader", False),
        },
        "Project Files/plans/2026": {
            ADMIN,
            ("user", "bob.miller@example.com", "commenter", False),
            ("company", "Concrete Inc.", "uploader", True),
            ("role", "Architect", "writer", False),
        },
    }


def test_the_text_is_canonical(site):
    """Whatever the order of an answer: the same permissions are the same text, and no change."""

    def reverse(document, request):
        document.reverse()
        for one in document:
            one["actions"].reverse()
            one["subjectStatus"] = "PENDING"

    site.store.share(site.top, "Architect", "ROLE")
    wire = Altered(site.simulator, reverse, "/permissions")

    [one] = rows(listed(site.open(include_permissions=True))).values()
    [other] = rows(listed(site.open(include_permissions=True, wire=wire))).values()

    assert one == other
    assert json.loads(one["permissions"])[0] == {
        "id": json.loads(one["permissions"])[0]["id"],
        "type": "role",
        "name": "Architect",
        "role": "reader",
        "actions": ["COLLABORATE", "DOWNLOAD", "VIEW"],
        "inherited": False,
    }


def test_where_they_are_asked_for(site):
    """The service knows projects without the `b.` of their ids; the urn of a folder is escaped in the address."""
    wire = Altered(site.simulator, lambda document, request: None, "/permissions")

    listed(site.open(include_permissions=True, wire=wire))

    [asked] = [request.url for request in wire.requests if request.url.path.endswith("/permissions")]
    escaped = site.top.replace(":", "%3A")
    place = f"/bim360/docs/v1/projects/{site.project.removeprefix('b.')}/folders/{escaped}/permissions"
    assert asked.raw_path == place.encode()


@pytest.mark.parametrize("workers", [1, 4])
def test_one_call_for_each_folder(site, workers):
    """Each folder is asked about once, each call counts, and without the option nothing is asked."""
    site.fill(30, files=1)

    _, calls = site.called(lambda: permissions(site, list_workers=workers))
    counted = site.meter.api_calls - calls.pop("fetch-token", 0)
    _, without = site.called(lambda: listed(site.open(list_workers=workers)))

    assert calls["getFolderPermissions"] == 36
    assert counted == sum(calls.values())
    assert calls == {**without, "getFolderPermissions": 36}


class Watched(InProcess):
    """Autodesk, with the number of calls that are under way at once."""

    def __init__(self, simulator):
        super().__init__(simulator)
        self.now = self.most = 0

    def handle_request(self, request):
        self.now += 1
        self.most = max(self.most, self.now)
        sleep(0.001)  # so that calls meet
        try:
            return super().handle_request(request)
        finally:
            self.now -= 1


def test_no_more_calls_at_once_than_workers(site):
    """Asking about folders takes its turns among the calls that read them."""
    site.fill(60, files=0)
    wire = Watched(site.simulator)

    listed(site.open(include_permissions=True, list_workers=3, wire=wire))

    assert 1 < wire.most <= 3


def test_a_listing_goes_on_from_any_checkpoint(site):
    """What an earlier listing yielded is read again silently, and not asked about again."""
    site.fill(12, files=1)
    source = site.open(include_permissions=True, page_size=3)
    whole = listed(source)
    [scope] = source.scopes()

    for number, page in enumerate(whole, start=1):
        rest, calls = site.called(lambda at=page.checkpoint: list(source.list(scope, at)))
        found = rows(whole[:number]) | rows(rest)
        assert found == rows(whole)
        folders = [row for row in rows(rest).values() if row["kind"] == "folder"]
        assert calls.get("getFolderPermissions", 0) == len(folders)


@pytest.mark.parametrize("fault", [Fault.THROTTLE, Fault.SERVER_ERROR, Fault.EXPIRE_TOKEN])
def test_what_passes_is_waited_for(site, fault):
    """Calls for permissions are repeated like all others."""
    site.fill(5, files=1)
    truth = permissions(site)
    site.simulator.plan.add(fault, "getFolderPermissions", after=2, seconds=0)

    assert permissions(site, list_workers=1) == truth  # of several at once, each may meet the expired token
    assert site.meter.retries == 1


def test_a_throttle_holds_everything_back(site):
    """Autodesk counts for the whole app: permissions that are throttled pause the listing, and the other way round."""
    site.fill(5, files=1)
    site.simulator.plan.add(Fault.THROTTLE, "getFolderPermissions", after=2, seconds=1)
    began = monotonic()

    permissions(site)

    assert site.meter.throttled_seconds > 0
    assert monotonic() - began >= site.meter.throttled_seconds


def test_a_service_that_is_down_is_not_taken_for_nobody(site):
    """Rows without permissions would look as if somebody had taken them away."""
    site.fill(5, files=1)
    site.simulator.plan.add(Fault.SERVER_ERROR, "getFolderPermissions", after=2, times=-1)

    with pytest.raises(TemporarilyDown):
        listed(site.open(include_permissions=True))


def test_permissions_that_may_not_be_known(site):
    """They are null: nothing is missing in the listing, no gap keeps anything from being removed, and it is said."""
    site.fill(5, files=1)
    site.simulator.plan.add(Fault.DENY, "getFolderPermissions", times=3)

    found = listed(site.open(include_permissions=True))

    assert gaps(found) == []
    assert sizes(found) == site.store.listing(site.project)
    folders = [row for row in rows(found).values() if row["kind"] == "folder"]
    assert sum(row["permissions"] is None for row in folders) == 3
    [remark] = site.meter.remarks.values()
    assert remark.startswith("The permissions of 3 folders are not known, hence null. Folder Project Files of project")
    assert "HTTP 403" in remark
    assert "at least View permission" in remark


def test_a_folder_that_vanishes_before_it_is_asked_about(site):
    """It was listed, and its permissions cannot be known any more; the next listing knows that it is gone."""
    site.fill(5, files=0)
    victim = site.folder("1/001")

    def alter(document, request):
        if victim in {entry["id"] for entry in document["data"]}:
            site.store.purge(victim)

    found = listed(site.open(include_permissions=True, wire=Altered(site.simulator, alter)))

    assert rows(found)[victim]["permissions"] is None
    assert "of a folder are not known" in next(iter(site.meter.remarks.values()))


def test_projects_of_other_products(site):
    """Only ACC and BIM 360 tell permissions: elsewhere nobody is asked, and it is said."""
    other = f"a.{site.project.removeprefix('b.')}"
    project = site.store.projects.pop(site.project)
    project.id = other
    site.store.projects[other] = project

    found, calls = site.called(lambda: listed(site.open(include_permissions=True, project_ids=[other])))

    assert [row["permissions"] for row in rows(found).values()] == [None]
    assert "getFolderPermissions" not in calls
    assert "none of ACC or BIM 360" in next(iter(site.meter.remarks.values()))


@pytest.mark.parametrize(
    "spoil",
    [
        lambda one: one.pop("subjectId"),
        lambda one: one.update(subjectType=None),
    ],
)
def test_a_permission_of_nobody(site, spoil):
    """An answer that cannot be understood is an error, not less than there is."""
    wire = Altered(site.simulator, lambda document, request: spoil(document[0]), "/permissions")

    with pytest.raises(ProtocolViolation, match="of nobody"):
        listed(site.open(include_permissions=True, wire=wire))


def test_an_answer_that_is_no_list(site):
    """So is one of another kind."""
    wire = Altered(site.simulator, lambda document, request: document.append("text"), "/permissions")

    with pytest.raises(ProtocolViolation, match="not a JSON list of objects"):
        listed(site.open(include_permissions=True, wire=wire))


def test_what_is_null_or_missing_in_a_permission(site):
    """Names, addresses and actions need not be there; a name that no database can store is made storable."""

    def alter(document, request):
        document[0].update(name=None, email=None, actions=None, inheritActions=["VIEW", "PUBLISH"])
        document.append({"subjectId": "1", "subjectType": "ROLE", "name": "a\x00b"})

    wire = Altered(site.simulator, alter, "/permissions")

    [row] = rows(listed(site.open(include_permissions=True, wire=wire))).values()

    role, user = json.loads(row["permissions"])
    assert (role["name"], role["role"], role["actions"]) == ("a\\x00b", "none", [])
    assert (user["type"], user["role"], user["inherited"]) == ("user", "writer", True)
    assert not {"name", "emailAddress"} & set(user)


def test_a_check_tells_whether_they_can_be_read(site):
    """One folder is asked about; what is not allowed is a problem."""
    good = site.open(include_permissions=True)
    report, calls = site.called(good.check)
    site.simulator.plan.add(Fault.DENY, "getFolderPermissions")
    bad = site.open(include_permissions=True).check()
    without = site.open().check()

    assert report.permissions[-1] == "read folder permissions"
    assert report.problems == ()
    assert calls["getFolderPermissions"] == 1
    assert "read folder permissions" not in bad.permissions
    assert "HTTP 403" in bad.problems[0]
    assert "read folder permissions" not in without.permissions


def test_an_idle_project_costs_what_it_does_without(site, known):
    """Nothing changed: nobody's permissions are asked for."""
    _, full = site.called(lambda: list(known.source.list(*known.source.scopes())))

    _, idle = site.called(known.follow)

    assert full == {"getProjectTopFolders": 1, "getFolderContents": 36, "getFolderPermissions": 36}
    assert idle == {"getProjectTopFolders": 1}


def test_a_change_asks_about_the_folders_beside_the_way_to_it(site, known):
    """Rows of folders are told whole: each folder in a folder that is read again is asked about."""
    site.store.upload(site.folder("3/003"), "new.pdf", 9)

    _, calls = site.called(known.follow)

    assert calls == {"getProjectTopFolders": 1, "getFolderContents": 3, "getFolderPermissions": 1 + 5 + 6}
    assert known.rows == rows(known.source.list(*known.source.scopes()))


ACTIONS = {
    "a new folder": lambda site: site.store.upload(site.folder("2/new/deep"), "new.pdf", 5),
    "a new top folder": lambda site: site.store.folder(site.project, "Plans"),
    "a moved folder": lambda site: site.store.move(site.folder("1/001"), site.folder("2")),
    "a shared folder": lambda site: site.store.share(site.folder("1/001"), "Architect", "ROLE"),
    "a shared folder with folders in it": lambda site: site.store.share(site.folder("1"), "Architect", "ROLE"),
    "a folder taken back": lambda site: site.store.unshare(site.folder("4/004"), "Mason", "ROLE"),
}


@pytest.mark.parametrize("action", ACTIONS.values(), ids=ACTIONS)
def test_changes_lead_to_what_a_listing_finds(site, action):
    """New and moved folders come with their permissions; a changed one is told where its rollup tells of it."""
    site.store.share(site.folder("4/004"), "Mason", "ROLE")
    site.fill(30, files=1)
    known = Inventory(site.open(page_size=200, include_permissions=True))
    action(site)

    known.follow()

    assert known.rows == rows(known.source.list(*known.source.scopes()))


def test_what_is_inherited_waits_for_a_full_listing(site, known):
    """A folder that is shared and those in it are told, those further down are not: no rollup has changed there."""
    site.store.share(site.top, "Architect", "ROLE")

    known.follow()

    architect = ("role", "Architect", "reader")
    assert (*architect, False) in told(known.rows[site.top])
    assert (*architect, True) in told(known.rows[site.folder("1")])
    assert (*architect, True) not in told(known.rows[site.folder("1/001")])
    whole = rows(known.source.list(*known.source.scopes()))
    assert (*architect, True) in told(whole[site.folder("1/001")])


def test_a_permission_that_no_rollup_tells_of(site, known):
    """Autodesk does not promise that one does: a full listing finds it."""
    site.store.unrolled.add("permission")
    site.store.share(site.folder("1/001"), "Architect", "ROLE")
    site.store.advance(HOUR)

    _, calls = site.called(known.follow)

    assert calls == {"getProjectTopFolders": 1}
    whole = rows(known.source.list(*known.source.scopes()))
    [changed] = [id_ for id_, row in whole.items() if row != known.rows[id_]]
    assert changed == site.folder("1/001")
    assert whole[changed]["fingerprint"] != known.rows[changed]["fingerprint"]


def test_lookups_have_them_too(site, known):
    """A folder that is looked up is told as a listing tells it; nobody asks about files."""
    item = site.store.upload(site.folder("1"), "a.pdf", 1)
    [scope] = known.source.scopes()

    found, calls = site.called(lambda: rows(known.source.lookup([item, site.top, site.folder("1/001")], scope)))

    whole = rows(known.source.list(scope))
    assert found == {id_: whole[id_] for id_ in (item, site.top, site.folder("1/001"))}
    assert calls["getFolderPermissions"] == 2


@pytest.mark.parametrize("wanted", [True, False])
def test_a_cursor_of_rows_without_permissions_does_not_go_on_with_them(site, wanted):
    """No rollup tells those of what did not change: a full listing does."""
    cursor = site.open(include_permissions=not wanted).cursor()

    with pytest.raises(CursorLost, match="Permissions"):
        list(site.open(include_permissions=wanted).changes(cursor))
    list(site.open(include_permissions=not wanted).changes(cursor))
