import pytest

from filesync_dagster.core.errors import (
    AccessDenied,
    AuthenticationFailed,
    NotFound,
    TemporarilyDown,
)
from filesync_dagster.core.model import UNNAMED
from filesync_dagster.simulators.kit.faults import Fault
from filesync_dagster_tests.connectors.autodesk.site import Altered, gaps, listed, rows, sizes
from filesync_dagster_tests.connectors.autodesk.test_trouble import Failing


def test_every_project_of_every_hub(site):
    """Without hub and project everything is listed, each project a scope and a folder at the top."""
    site.fill(3)
    other = site.store.project(site.store.hub("Europe", "EMEA"), "Bridge")
    site.store.upload(site.store.folder(site.store.folder_at(other).children[0].id, "deep"), "b.pdf", 7)

    source = site.open_all()
    found = [page for scope in source.scopes() for page in source.list(scope)]

    assert set(source.scopes()) == {f"project:{site.project}", f"project:{other}"}
    assert sizes(found) == site.store.listing()
    assert {row["external_id"] for row in rows(found).values() if row["parent_id"] is None} == {site.project, other}


def test_projects_come_in_pages_too(site):
    """The 201st project of a hub is one as well."""
    for number in range(205):
        site.store.project(site.hub, f"P{number}", folders=())

    assert len(site.open(project_ids=[]).scopes()) == 206


def test_a_region(site):
    """With a region only hubs of that region are looked at, and every request names it."""
    there = site.store.project(site.store.hub("Europe", "EMEA"), "Bridge")
    wire = Altered(site.simulator, lambda document, request: None)
    source = site.open_all(wire=wire, region="EMEA")

    assert source.scopes() == (f"project:{there}",)
    assert {request.headers.get("x-ads-region") for request in wire.requests[1:]} == {"EMEA"}


def test_a_project_is_found_in_its_hub(site):
    """Without a hub id the hub of a project is looked for."""
    site.fill(1)
    site.store.hub("Europe", "EMEA")

    assert len(sizes(listed(site.open(hub_id=None)))) == 3


def test_hubs_of_a_region_that_refuses(site):
    """An answer that says that hubs are missing is not taken for all; naming the region or the hub is the way out."""
    site.store.project(site.store.hub("Europe", "EMEA"), "Bridge")
    site.simulator.plan.add(Fault.INCOMPLETE, "getHubs", times=-1)

    with pytest.raises(AccessDenied, match="could not tell all hubs") as caught:
        site.open_all().scopes()
    assert f"{site.hub} (Acme)" in caught.value.hint
    assert site.open(project_ids=[]).scopes() == (f"project:{site.project}",)
    assert site.open_all(region="US").scopes() == (f"project:{site.project}",)
    with pytest.raises(AccessDenied, match="EMEA"):
        site.open_all(region="EMEA").scopes()
    assert gaps(listed(site.open(hub_id=None))) == []


def test_hubs_of_a_region_that_is_down(site):
    """A region that fails for the moment is asked again by the next sync; its hubs are not gone."""

    def alter(document, request):
        document["meta"] = {"warnings": [{"HttpStatusCode": "504", "Title": "Unable to get hubs from BIM360DM EMEA."}]}

    with pytest.raises(TemporarilyDown, match="could not tell all hubs"):
        site.open_all(wire=Altered(site.simulator, alter, suffix="/hubs")).scopes()


def test_one_hub_of_two_that_refuses_its_projects(site):
    """The others are listed. What lies in it was not named, so it cannot be said to be gone."""
    site.fill(2)
    hub = site.store.hub("Europe", "EMEA")
    other = site.store.project(hub, "Bridge")
    whole = site.open_all()
    cursor, known = whole.cursor(), set(rows(whole.list(f"project:{other}")))
    source = site.open_all(wire=Failing(site.simulator, f"{hub}/projects?", 403))

    assert source.scopes() == (f"project:{site.project}", f"hub:{hub}")
    assert sizes(source.list(f"project:{site.project}"))
    [gap] = [gap for page in source.list(f"hub:{hub}") for gap in page.gaps]
    assert gap.scope == UNNAMED
    assert hub in gap.reason
    with pytest.raises(AccessDenied):
        list(source.lookup(sorted(known), f"project:{other}"))
    deltas = list(source.changes(cursor))
    assert [gap.scope for delta in deltas for gap in delta.gaps] == [UNNAMED]
    assert deltas[-1].cursor == cursor
    assert hub in " ".join(source.check().problems)

    with pytest.raises(AccessDenied):
        site.open_all(wire=Failing(site.simulator, "/projects?", 403)).scopes()


def test_a_project_without_an_id(site):
    """It cannot be named, so no project that is not named can be said to be gone; the others are listed."""
    site.fill(1)
    site.store.project(site.hub, "Bridge")

    def alter(document, request):
        for entry in document["data"]:
            if entry["attributes"]["name"] == "Bridge":
                del entry["id"]

    source = site.open_all(wire=Altered(site.simulator, alter, suffix="/projects"))

    assert source.scopes() == (f"project:{site.project}", f"hub:{site.hub}")
    assert sizes(source.list(f"project:{site.project}"))
    assert [gap.scope for page in source.list(f"hub:{site.hub}") for gap in page.gaps] == [UNNAMED]


def test_no_hub_at_all(site):
    """An app that was not added to the account sees no hub, which is said as such and not as an empty inventory."""
    site.store.deny(site.hub)

    with pytest.raises(AccessDenied, match="no hub") as caught:
        site.open_all().scopes()
    assert "custom integration in ACC Account Admin" in caught.value.hint


def test_a_hub_that_refuses(site):
    """403 on a hub says what an administrator has to do."""
    site.store.deny(site.hub)

    with pytest.raises(AccessDenied) as caught:
        listed(site.open())
    assert "custom integration in ACC Account Admin" in caught.value.hint


def test_an_archived_project(site):
    """A project that is no longer active is an error, not an empty one."""
    site.fill(1)
    source = site.open(project_ids=[site.project, "b.other"])
    site.store.archive(site.project)

    with pytest.raises(NotFound, match="no active project") as caught:
        list(source.list(f"project:{site.project}"))
    assert "must be active" in caught.value.hint


def test_a_check_tells_of_projects_that_cannot_be_read(site):
    """A project that is not there is a problem of the endpoint, and the others are told."""
    report = site.open(project_ids=[site.project, "b.missing"]).check()

    assert report.sees == "2 projects of Acme, 1 top folders in 1 of them"
    assert "b.missing" in report.problems[0]


def test_a_wrong_secret_is_told_at_once(site):
    """Wrong credentials are asked for once, and the error says where the right ones are."""
    credentials = {**site.simulator.credentials(site.address), "client_secret": "wrong"}
    details = site.details().model_validate({**site.details().model_dump(), **credentials})

    with pytest.raises(AuthenticationFailed, match="AUTH-003") as caught:
        listed(site.open(client_secret=details.client_secret))
    assert "client_secret" in caught.value.hint
    assert site.calls == {"fetch-token": 1}
