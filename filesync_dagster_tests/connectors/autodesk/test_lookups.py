import pytest

from filesync_dagster.core.errors import AccessDenied, NotFound, ProtocolViolation
from filesync_dagster.simulators.kit.faults import Fault
from filesync_dagster_tests.connectors.autodesk.site import rows


def test_lookups(site, known):
    """Entries that exist are told as a listing tells them; deleted ones and unknown ones are not."""
    item = site.store.upload(site.folder("1"), "a.pdf", 1)
    hidden = site.store.upload(site.folder("1"), "hidden.pdf", 1)
    site.store.hide(hidden)
    [scope] = known.source.scopes()
    ids = [item, hidden, site.top, site.folder("1/001"), "urn:adsk.wipprod:dm.lineage:none", "urn:adsk.none"]

    found = rows(known.source.lookup(ids, scope))

    listed = rows(known.source.list(scope))
    assert found == {id_: listed[id_] for id_ in (item, site.top, site.folder("1/001"))}


def test_lookups_of_a_whole_account(site):
    """A project is found too, and its top folders lie in it."""
    source = site.open_all()
    [scope] = source.scopes()

    found = rows(source.lookup([site.project, site.top], scope))

    assert found[site.top]["parent_id"] == site.project
    assert found[site.project]["parent_id"] is None


def test_a_lookup_in_a_project_that_went_away(site):
    """Of a whole account it has left nothing behind; a project that was named must be there."""
    other = site.store.project(site.hub, "Other")
    item = site.store.upload(site.store.folder_at(other).children[0].id, "a.pdf", 1)
    site.store.archive(other)

    assert list(site.open_all().lookup([item], f"project:{other}")) == []
    with pytest.raises(NotFound):
        list(site.open(project_ids=[site.project, other]).lookup([item], f"project:{other}"))


def test_a_lookup_that_is_refused(site, known):
    """What may not be seen is not taken for gone."""
    item = site.store.upload(site.folder("1"), "a.pdf", 1)
    site.store.deny(site.folder("1"))

    with pytest.raises(AccessDenied):
        list(known.source.lookup([item], *known.source.scopes()))


def test_a_lookup_without_the_version(site, known):
    """An incomplete answer about a single file raises: it is not gone."""
    item = site.store.upload(site.folder("1"), "a.pdf", 1)
    site.simulator.plan.add(Fault.INCOMPLETE, "getItem")

    with pytest.raises(ProtocolViolation, match="tip version"):
        list(known.source.lookup([item], *known.source.scopes()))


def test_below_a_folder(site, known):
    """Everything below a folder is told, the folder itself not; a gap there concerns the whole scope."""
    [scope] = known.source.scopes()
    site.store.deny(site.folder("1/001"))

    pages = list(known.source.below(site.folder("1"), scope))

    expected = {id_ for id_, row in known.rows.items() if row["parent_id"] in set(rows(pages)) | {site.folder("1")}}
    assert set(rows(pages)) == {id_ for id_ in expected if known.rows[id_]["parent_id"] != site.folder("1/001")}
    assert [gap.path for page in pages for gap in page.gaps] == [""]
