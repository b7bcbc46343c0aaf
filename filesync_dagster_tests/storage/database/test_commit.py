import hashlib
import random

import pyarrow as pa
import pytest
from sqlalchemy import select

from filesync_dagster.core.errors import LeaseLost
from filesync_dagster.core.model import ChangeKind
from filesync_dagster.core.schemas import ENTRY_SCHEMA
from filesync_dagster.storage.database.tables import files
from filesync_dagster_tests.storage.database.builders import (
    NOW,
    at,
    batch,
    changes,
    commit,
    entry,
    journal,
    known,
    live,
    log,
    new_state,
)

HOSTILE = [
    "plain",
    "",
    'quotes " and \' and ""',
    "back\\slash \\N \\. \\n",
    "\\.",
    "new\nline\r\nand\ttab",
    "controls " + "".join(map(chr, range(1, 32))) + "\x7f",
    "comma, semicolon; percent %s %(x)s :name ?",
    "emoji 😀 é e\u0301 \u202e \ufeff \uffff",
    "NULL",
    "k" * 1024,
    "ю" * 512,
    "a//b/../c/ ",
]


def test_entries_come_back_as_they_went_in(metadata, endpoint):
    """Every column of an entry survives, whatever text it holds."""
    rows = batch(
        *(
            entry(
                text,
                name=text,
                path=f"x/{text}",
                parent_id=text,
                scope=text,
                size=number * 10**14,
                mime_type=text,
                created_at=at(-number),
                modified_at=None if number % 2 else NOW.replace(year=1, microsecond=number),
                version=text,
                content_hash=text,
                owner=text,
                permissions='["a \\" b"]',
                link=text,
                metadata='{"b":"\\u0001", "a": 1.0}',
            )
            for number, text in enumerate(HOSTILE)
        ),
    )
    commit(metadata, endpoint, "s1", imported=[rows])
    read = pa.Table.from_batches(metadata.files.entries(endpoint, rows=3)).sort_by("external_id")
    assert read.schema == ENTRY_SCHEMA
    assert (
        read.to_pylist() == pa.Table.from_batches([rows]).select(ENTRY_SCHEMA.names).sort_by("external_id").to_pylist()
    )


def test_hostile_text_is_journalled(metadata, endpoint):
    """The journal tells hostile names exactly."""
    rows = [("added", None, entry(text, name=text, metadata='{"a":[1]}')) for text in HOSTILE]
    commit(metadata, endpoint, "s1", changes=[changes(*rows)])
    read = journal(metadata, endpoint)
    assert [row["external_id"] for row in read] == HOSTILE
    assert [row["after"]["name"] for row in read] == HOSTILE
    assert read[0]["after"]["metadata"] == {"a": [1]}


def test_a_date_that_no_database_can_store_is_unknown(metadata, endpoint):
    """A file that claims the year 30828 does not stop the sync."""
    rows = batch(entry("far"))
    column = rows.schema.get_field_index("modified_at")
    far = pa.array([910692730085477580], rows.schema.field(column).type)
    commit(metadata, endpoint, "s1", imported=[rows.set_column(column, rows.schema.field(column), far)])
    assert live(metadata, endpoint)["far"]["modified_at"] is None


def test_an_unknown_size_stays_unknown(metadata, endpoint):
    """A missing size is null, never zero."""
    commit(metadata, endpoint, "s1", imported=[batch(entry("a"), entry("b", size=0))])
    assert [row["size"] for row in live(metadata, endpoint).values()] == [None, 0]


def test_files_come_in_byte_order_of_their_paths(metadata, endpoint):
    """Both databases sort alike, whatever their collation."""
    paths = ["a", "B", "a/b", "a b", "é", "Z", "a-b", "😀", "\uffff"]
    commit(metadata, endpoint, "s1", imported=[batch(*map(entry, paths))])
    assert list(live(metadata, endpoint)) == sorted(paths, key=str.encode)


def test_the_rows_carry_what_users_query(metadata, endpoint):
    """Title, search name and the endpoint's project and user are filled in."""
    commit(metadata, endpoint, "s1", imported=[batch(entry("1", name="PLAN E\u0301.dwg"))])
    with metadata._database.read_transaction() as connection:
        row = connection.execute(select(files)).one()
    assert (row.title, row.name_search) == ("PLAN E\u0301.dwg", "plan é.dwg")
    assert (row.project_id, row.user_id) == ("p1", "u1")


def test_a_modified_file_is_updated_and_journalled(metadata, endpoint):
    """The row changes, the journal holds the columns that changed and no others."""
    old, new = entry("a", size=1, version="1", owner=None), entry("a", size=None, version="2", owner="me")
    commit(metadata, endpoint, "s1", imported=[batch(old)])
    commit(metadata, endpoint, "s2", 5, changes=[changes(("modified", old, new))])
    row = live(metadata, endpoint)["a"]
    assert (row["size"], row["version"], row["first_seen_at"], row["last_seen_at"]) == (None, "2", NOW, at(5))
    (change,) = journal(metadata, endpoint)
    assert change["before"] == {"size": 1, "version": "1", "owner": None}
    assert change["after"] == {"size": None, "version": "2", "owner": "me"}
    assert (change["sync_id"], change["path"], change["observed_at"]) == ("s2", "a", at(5))


@pytest.mark.parametrize(("change", "reason"), [("removed", "removed"), ("left_scope", "left_scope")])
def test_a_file_that_goes_leaves_a_tombstone(metadata, endpoint, change, reason):
    """It is not live any more; its row says since when, why, and when it was last seen."""
    row = entry("a", size=1)
    commit(metadata, endpoint, "s1", imported=[batch(row)])
    commit(metadata, endpoint, "s2", 5)
    commit(metadata, endpoint, "s3", 9, changes=[changes((change, row, None))])
    assert live(metadata, endpoint) == {}
    gone = known(metadata, endpoint)["a"]
    assert (gone["deleted_at"], gone["gone_reason"], gone["last_seen_at"]) == (at(9), reason, at(5))
    (entry_of_journal,) = journal(metadata, endpoint)
    assert entry_of_journal["after"] is None
    assert entry_of_journal["before"]["size"] == 1


def test_a_file_that_comes_back_is_the_same_row(metadata, endpoint):
    """It is live again and was first seen when it was first seen."""
    row = entry("a")
    commit(metadata, endpoint, "s1", imported=[batch(row)])
    commit(metadata, endpoint, "s2", 1, changes=[changes(("removed", row, None))])
    commit(metadata, endpoint, "s3", 2, changes=[changes(("added", None, row))])
    back = live(metadata, endpoint)["a"]
    assert (back["first_seen_at"], back["deleted_at"], back["gone_reason"]) == (NOW, None, None)


def test_a_trashed_file_is_gone_until_restored(metadata, endpoint):
    """Trash counts as removed, keeps the first moment of removal, and can be left again."""
    row, trashed = entry("a"), entry("a", trashed=True)
    renamed = entry("a", trashed=True, owner="me")
    commit(metadata, endpoint, "s1", imported=[batch(row)])
    commit(metadata, endpoint, "s2", 1, changes=[changes(("removed", row, trashed))])
    commit(metadata, endpoint, "s3", 2, changes=[changes(("modified", trashed, renamed))])
    gone = known(metadata, endpoint)["a"]
    assert (gone["deleted_at"], gone["gone_reason"], gone["owner"]) == (at(1), "trashed", "me")
    commit(metadata, endpoint, "s4", 3, changes=[changes(("restored", renamed, row))])
    assert live(metadata, endpoint)["a"]["deleted_at"] is None


def test_ids_swap_in_one_commit(metadata, endpoint):
    """A → B, B → A and a chain C → D → E: each row goes on under its new id."""
    rows = [entry(name, owner=name) for name in "abcd"]
    commit(metadata, endpoint, "s1", imported=[batch(*rows)])
    moves = [("moved", entry(old, owner=old), entry(new, owner=old)) for old, new in ("ab", "ba", "cd", "de")]
    commit(metadata, endpoint, "s2", 1, changes=[changes(*moves)])
    found = live(metadata, endpoint)
    assert {name: row["owner"] for name, row in found.items()} == {"a": "b", "b": "a", "d": "c", "e": "d"}
    assert all(row["first_seen_at"] == NOW for row in found.values())
    assert len(known(metadata, endpoint)) == 4


def test_a_move_takes_the_id_of_a_tombstone(metadata, endpoint):
    """What is left of the file that had the id makes room; the journal still tells of it."""
    a, b = entry("a"), entry("b")
    commit(metadata, endpoint, "s1", imported=[batch(a, b)])
    commit(metadata, endpoint, "s2", 1, changes=[changes(("removed", b, None))])
    commit(metadata, endpoint, "s3", 2, changes=[changes(("moved", a, b))])
    assert list(known(metadata, endpoint)) == ["b"]
    assert live(metadata, endpoint)["b"]["first_seen_at"] == NOW
    assert [row["change"] for row in journal(metadata, endpoint)] == ["removed", "moved"]


def test_an_id_left_by_a_move_can_be_taken_by_a_new_file(metadata, endpoint):
    """A → B and a new A in one commit are two files."""
    a = entry("a", owner="old")
    commit(metadata, endpoint, "s1", imported=[batch(a)])
    new = entry("a", owner="new")
    moved = entry("b", owner="old")
    commit(metadata, endpoint, "s2", 1, changes=[changes(("moved", a, moved), ("added", None, new))])
    found = live(metadata, endpoint)
    assert (found["a"]["first_seen_at"], found["b"]["first_seen_at"]) == (at(1), NOW)


def test_files_below_a_moved_folder_get_their_path_alone(metadata, endpoint):
    """Their path changes without a row in the journal."""
    commit(metadata, endpoint, "s1", imported=[batch(entry("1", path="x/1"), entry("2", path="x/2"))])
    paths = pa.record_batch({"external_id": ["1"], "path": ["y/1"]})
    commit(metadata, endpoint, "s2", 1, repathed=[paths])
    assert {row["path"] for row in live(metadata, endpoint).values()} == {"y/1", "x/2"}
    assert journal(metadata, endpoint) == []


def test_endpoints_do_not_touch_each_other(metadata, endpoint):
    """The same external_id is another file in another endpoint."""
    from filesync_dagster.storage.database import EndpointRecord

    other = metadata.endpoints.register(EndpointRecord("other", "local"))
    for name, number in (("s1", endpoint), ("s2", other)):
        commit(metadata, number, name, imported=[batch(entry("a"))])
    commit(metadata, endpoint, "s3", 1, changes=[changes(("removed", entry("a"), None))])
    assert live(metadata, endpoint) == {}
    assert list(live(metadata, other)) == ["a"]


def test_a_commit_that_fails_changes_nothing(metadata, endpoint):
    """An error while the rows are read leaves the state, the files and the checkpoints as they were."""

    def broken():
        yield batch(entry("b"))
        raise RuntimeError("the snapshot cannot be read")

    commit(metadata, endpoint, "s1", imported=[batch(entry("a"))])
    with pytest.raises(RuntimeError), metadata.leases.hold(endpoint) as lease:
        metadata.commit(lease, log(endpoint, "s2", 1), new_state("s2", 1), imported=broken())
    assert list(live(metadata, endpoint)) == ["a"]
    assert metadata.endpoints.state(endpoint).snapshot_sync_id == "s1"
    assert metadata.syncs.get("s2") is None


def test_a_stale_lease_cannot_commit(metadata, endpoint):
    """Another sync takes over while the rows of this one are being read: this one commits nothing."""

    def slow():
        yield batch(entry("a"))
        _expire(metadata, endpoint)
        with metadata.leases.hold(endpoint):
            yield batch(entry("b"))

    with metadata.leases.hold(endpoint) as lease:
        with pytest.raises(LeaseLost):
            metadata.commit(lease, log(endpoint, "s1"), new_state("s1"), imported=slow())
        with pytest.raises(LeaseLost):
            lease.check()
    assert known(metadata, endpoint) == {}
    assert metadata.syncs.between(endpoint) == []
    assert metadata.endpoints.state(endpoint).snapshot_uri is None


def test_a_stale_lease_cannot_hold_nor_checkpoint(metadata, endpoint):
    """Nor can it reject, or forget the listing of its successor."""
    with metadata.leases.hold(endpoint) as stale:
        _expire(metadata, endpoint)
        with metadata.leases.hold(endpoint):
            for act in (
                lambda: metadata.syncs.hold(stale, log(endpoint, "s1")),
                lambda: metadata.endpoints.drop_held(stale),
                lambda: metadata.checkpoints.clear(stale),
            ):
                with pytest.raises(LeaseLost):
                    act()


def test_staging_leaves_nothing_behind(metadata, endpoint, tmp_path):
    """After a commit and after a failed one no staging file is left beside the database."""
    commit(metadata, endpoint, "s1", imported=[batch(entry("a"))])
    assert list(tmp_path.glob("incoming-*")) == []


def _expire(metadata, endpoint):
    from filesync_dagster.storage.database.tables import leases

    with metadata._database.write_transaction() as connection:
        connection.execute(leases.update().where(leases.c.endpoint_id == endpoint).values(expires_at=NOW))


def test_ids_of_any_length_are_told_apart(metadata, endpoint):
    """An index of PostgreSQL holds 2,704 bytes; a store's ids may have more, and none of them is another one."""
    noise = random.Random(2704)
    long = "".join(chr(noise.randrange(0x4E00, 0x9FFF)) for _ in range(3_000))
    ids = [
        long + "a",
        long + "b",
        long[:666],
        long[:667],
        "\\" + long,
        "\\\\" + long,
        hashlib.sha256(long.encode()).hexdigest(),
    ]
    rows = [entry(one, path=f"p{number}", parent_id=one) for number, one in enumerate(ids)]
    commit(metadata, endpoint, "s1", imported=[batch(*rows)])
    newer = [entry(one, path=f"q{number}", parent_id=one) for number, one in enumerate(ids)]
    edits = [(ChangeKind.MODIFIED, before, after) for before, after in zip(rows, newer, strict=True)]
    commit(metadata, endpoint, "s2", 1, changes=[changes(*edits, (ChangeKind.ADDED, None, entry(long)))])

    assert {one: row["path"] for one, row in live(metadata, endpoint).items()} == {
        long: long,
        **{one: f"q{number}" for number, one in enumerate(ids)},
    }
    [found] = metadata.files.entries_of(endpoint, [long + "b"])
    assert found.column("path").to_pylist() == ["q1"]
    [below] = metadata.files.children(endpoint, [long + "a"])
    assert below.column("external_id").to_pylist() == [long + "a"]
    commit(metadata, endpoint, "s3", 2, changes=[changes((ChangeKind.REMOVED, newer[0], None))])
    assert long + "a" not in live(metadata, endpoint)
    assert long + "b" in live(metadata, endpoint)
