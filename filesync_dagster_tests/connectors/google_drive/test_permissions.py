import json

import pytest

from filesync_dagster.core.errors import AccessDenied
from filesync_dagster.simulators.kit.faults import Fault
from filesync_dagster.testing.rows import pages, populate


def permissions(source):
    """Return the permissions of each name."""
    rows = [row for page in pages(source) for row in page.batch.to_pylist()]
    return {row["name"]: row["permissions"] and json.loads(row["permissions"]) for row in rows}


def test_they_come_with_the_entries_of_my_drive(mine, opened):
    """No question more than without them."""
    shared = mine.write("a.txt", b"a")
    mine.store.share(shared, "bob@example.com", "writer")
    mine.store.share(shared, "anyone")

    found = permissions(opened(mine, include_permissions=True))["a.txt"]

    assert [one["id"] for one in found] == sorted(one["id"] for one in found)
    assert {(one["type"], one["role"], one.get("emailAddress")) for one in found} == {
        ("user", "owner", "ada@example.com"),
        ("user", "writer", "bob@example.com"),
        ("anyone", "reader", None),
    }
    assert not [r for r in mine.wire.requests if r.url.path.endswith("/permissions")]


def test_they_are_asked_for_one_by_one_in_shared_drives(shared, opened):
    """All pages of them, and whether they are inherited."""
    one = shared.write("a.txt", b"a")
    shared.write("b.txt", b"b")
    for number in range(120):
        shared.store.share(one, f"user{number:03}@example.com")

    found = permissions(opened(shared, include_permissions=True))

    assert len(found["a.txt"]) == 121
    assert len(found["b.txt"]) == 1
    assert {p["emailAddress"]: p["inherited"] for p in found["a.txt"]}["ada@example.com"] is True
    assert {p["emailAddress"]: p["inherited"] for p in found["a.txt"]}["user000@example.com"] is False
    assert len([r for r in shared.wire.requests if r.url.path.endswith("/permissions")]) == 3


def test_permissions_that_may_not_be_known(shared, opened):
    """They are null, which is no error; the entry is listed."""
    populate(shared, {"a.txt": b"a", "b.txt": b"b"})
    source = opened(shared, include_permissions=True, list_workers=1)
    shared.plan.add(Fault.DENY, "permissions.list")

    assert sorted(found is None for found in permissions(source).values()) == [False, True]


def test_an_exhausted_quota_is_not_mistaken_for_permissions_that_may_not_be_known(shared, opened):
    """Rows without permissions would look as if somebody had taken them away."""
    shared.write("a.txt", b"a")
    shared.plan.add(Fault.DENY, "permissions.list", reason="dailyLimitExceeded")

    with pytest.raises(AccessDenied, match="dailyLimitExceeded"):
        permissions(opened(shared, include_permissions=True))


def test_a_drives_own_row_has_its_members(everything, opened):
    """Who is a member of a shared drive, and that My Drive is its owner's."""
    everything.store.create("x", next(iter(everything.store.drives)))
    source = opened(everything, include_permissions=True)

    rows = [row for scope in source.scopes() for page in source.list(scope) for row in page.batch.to_pylist()]

    assert all(row["permissions"] for row in rows)


def test_a_change_of_permissions_is_told(mine, opened):
    """It changes the row, and nothing else of it."""
    shared = mine.write("a.txt", b"a")
    source = opened(mine, include_permissions=True)
    [before] = pages(source)[0].batch.to_pylist()
    cursor = source.cursor()

    mine.store.share(shared, "bob@example.com")
    [delta] = source.changes(cursor)

    [after] = delta.batch.to_pylist()
    assert {name for name in after if after[name] != before[name]} == {"permissions", "fingerprint"}
