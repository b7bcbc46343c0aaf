"""Uploads, and tables that were read."""

from dataclasses import replace
from datetime import timedelta

import pytest

from filesync_dagster.core.errors import TableError
from filesync_dagster.storage.database.stored_tables import StoredTableRecord, UnknownTable
from filesync_dagster.storage.database.uploads import UnknownUpload, UploadRecord
from filesync_dagster_tests.storage.database.builders import NOW


def upload(name="u1", **values):
    """Return an upload."""
    moments = {"created_at": NOW, "updated_at": NOW, "expires_at": NOW + timedelta(days=30)}
    columns = {"state": "receiving", "owner": "ann", "size": 100, **moments, **values}
    return UploadRecord(name, f"20260101_000000_{name}.csv", "salaries.csv", **columns)


def table(table_id, name="orders", **values):
    """Return a stored table."""
    columns = {"source": "erp", "day": "2026-01-05", "created_at": NOW, **values}
    return StoredTableRecord(table_id, name, {"name": name}, f"/data/{table_id}.json", 3, 100, "sha256:a", **columns)


def test_an_upload_comes_as_far_as_it_comes(metadata):
    """It is found by its id and by the name that it is stored under; a step is taken from the state before it only."""
    metadata.uploads.add(upload())
    assert metadata.uploads.change("u1", received=60)
    assert metadata.uploads.reserved_bytes() == 40
    assert metadata.uploads.change("u1", only_in={"receiving"}, state="reading", received=100, sha256="ab")
    assert not metadata.uploads.change("u1", only_in={"receiving"}, state="refused")
    assert metadata.uploads.reserved_bytes() == 0

    found = metadata.uploads.get("u1")
    assert (found.state, found.received, found.sha256, found.options) == ("reading", 100, "ab", {})
    assert metadata.uploads.of_name(found.stored_name) == found
    assert metadata.uploads.find_unfinished() == [found]
    with pytest.raises(UnknownUpload):
        metadata.uploads.get("u2")
    with pytest.raises(UnknownUpload):
        metadata.uploads.of_name("../etc/passwd")


def test_uploads_come_newest_first_page_by_page(metadata):
    """Of the same moment, by their ids; those past their time are told."""
    for number in range(4):
        metadata.uploads.add(upload(f"u{number}", created_at=NOW + timedelta(seconds=number // 2)))
    first = metadata.uploads.newest(3)
    last = first[-1]
    rest = metadata.uploads.newest(3, (last.created_at, last.id))
    assert [one.id for one in [*first, *rest]] == ["u3", "u2", "u1", "u0"]
    assert [one.id for one in metadata.uploads.newest(state="ready")] == []

    assert metadata.uploads.find_expired(NOW) == []
    assert len(metadata.uploads.find_expired(NOW + timedelta(days=31))) == 4
    assert metadata.uploads.remove("u1")
    assert not metadata.uploads.remove("u1")


def test_of_a_day_the_last_reading_is_current(metadata):
    """The one before is replaced, and is there for who works with it; other days and sources stay as they are."""
    metadata.tables.add([table("a"), table("b", "customers")])
    metadata.tables.add([table("c", day="2026-01-06"), table("x", source="crm")])
    metadata.tables.add([table("d", created_at=NOW + timedelta(hours=1))])

    assert [one.id for one in metadata.tables.latest("erp")] == ["b", "c"]
    assert [one.id for one in metadata.tables.latest("erp", day="2026-01-05")] == ["b", "d"]
    assert metadata.tables.get("a").state == "replaced"
    assert [one.id for one in metadata.tables.latest("crm")] == ["x"]
    with pytest.raises(UnknownTable):
        metadata.tables.get("z")


def test_an_upload_has_the_tables_of_its_last_reading(metadata):
    """Read with other options it has other tables, and none of those before."""
    metadata.tables.add([table("a", "sheet_1", source="", upload_id="u1"), table("b", "s2", source="", upload_id="u1")])
    metadata.tables.add([table("c", "sheet_1", source="", upload_id="u2")])
    metadata.tables.add([table("d", "other", source="", upload_id="u1")])
    assert [one.id for one in metadata.tables.of_upload("u1")] == ["d"]
    assert [one.id for one in metadata.tables.of_upload("u2")] == ["c"]


def test_what_is_held_is_current_once_it_is_approved(metadata):
    """Until then the table before stays; nothing can be approved twice."""
    metadata.tables.add([table("a")])
    metadata.tables.add([table("b", state="held", held_reason="60 % of the rows are gone.")])
    assert [one.id for one in metadata.tables.latest("erp")] == ["a"]

    assert metadata.tables.approve("b").held_reason is None
    assert [one.id for one in metadata.tables.latest("erp")] == ["b"]
    with pytest.raises(TableError, match="no decision"):
        metadata.tables.approve("b")


def test_tables_come_page_by_page_and_go_when_they_are_old(metadata):
    """What was replaced goes sooner."""
    metadata.tables.add([table("a"), table("b", "customers")])
    metadata.tables.add([replace(table("c"), created_at=NOW + timedelta(hours=1))])
    assert [one.id for one in metadata.tables.page(limit=1)] == ["c"]
    assert [one.id for one in metadata.tables.page(before=(NOW + timedelta(hours=1), "c"), source="erp")] == ["b"]
    assert metadata.tables.note_schema("b", {"name": "customers", "rows": 3})
    assert metadata.tables.get("b").schema["rows"] == 3

    week, year = NOW + timedelta(days=7), NOW - timedelta(days=400)
    assert [one.id for one in metadata.tables.prunable(week, year)] == ["a"]
    assert metadata.tables.remove(["a", "nothing"]) == 1
    assert metadata.tables.uris() == {"/data/b.json", "/data/c.json"}
