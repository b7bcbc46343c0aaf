import pytest

from filesync_dagster.core.model import ChangeCounts, ChangeKind
from filesync_dagster.core.schemas import CHANGE_SCHEMA
from filesync_dagster.sync.diff import apply, compare, count_unproved, find_repathed
from filesync_dagster_tests.sync.diff.trees import content, load, row, table

ALL = ("added", "updated", "moved", "removed", "left_scope")
TRASHED = {"trashed": True}


def changes_between(con, old, new, **options):
    """Compare two lists of rows, see that the changes apply, and return (change, id before, id after) and counts."""
    load(con, "a", table(old))
    load(con, "b", table(new))
    counts = compare(con, "a", "b", "changes", **options)
    found = con.execute(
        'SELECT change, "before".external_id, "after".external_id FROM changes ORDER BY ALL NULLS FIRST'
    ).fetchall()
    apply(con, "a", "changes", "applied")
    assert content(con, "applied") == content(con, "b")
    return found, counts


@pytest.mark.parametrize(
    ("what", "old", "new", "change", "counted"),
    [
        ("a new file", [], [row("x")], "added", "added"),
        ("a file that is gone", [row("x")], [], "removed", "removed"),
        ("a file put in the trash", [row("x")], [row("x", **TRASHED)], "removed", "removed"),
        ("a file back from the trash", [row("x", **TRASHED)], [row("x")], "restored", "restored"),
        ("back from the trash elsewhere", [row("x", **TRASHED)], [row("x", name="y")], "restored", "restored"),
        ("a file first seen in the trash", [], [row("x", **TRASHED)], "removed", None),
        ("the trash emptied", [row("x", **TRASHED)], [], "removed", None),
        ("changed in the trash", [row("x", **TRASHED)], [row("x", name="y", **TRASHED)], "removed", None),
        ("renamed", [row("x")], [row("x", name="y")], "moved", "moved"),
        ("re-parented", [row("x")], [row("x", parent_id="p", path="p/x")], "moved", "moved"),
        ("moved to another scope", [row("x")], [row("x", scope="s")], "moved", "moved"),
        ("renamed and edited", [row("x")], [row("x", name="y", size=2)], "moved", "moved"),
        ("a folder renamed", [row("x", kind="folder")], [row("x", kind="folder", name="y")], "moved", "moved"),
        ("a new folder", [], [row("x", kind="folder")], "added", None),
        ("a folder gone", [row("x", kind="folder")], [], "removed", None),
        ("a new version", [row("x", version="1")], [row("x", version="2")], "modified", "updated"),
        ("a size now unknown", [row("x")], [row("x", size=None)], "modified", "updated"),
        ("another kind", [row("x")], [row("x", kind="shortcut")], "modified", "updated"),
        ("a file whose id is a folder's now", [row("x")], [row("x", kind="folder")], "modified", "removed"),
        ("a folder whose id is a file's now", [row("x", kind="folder")], [row("x")], "modified", "added"),
        ("only metadata", [row("x")], [row("x", metadata="{}")], "modified", "updated"),
        (
            "a chmod, which the local store dates",
            [row("x")],
            [row("x", permissions="{}", metadata="{}")],
            "permissions_changed",
            "updated",
        ),
        ("only permissions", [row("x")], [row("x", permissions="{}")], "permissions_changed", "updated"),
        ("only the owner", [row("x")], [row("x", owner="ann")], "permissions_changed", "updated"),
        ("owner and link", [row("x")], [row("x", owner="ann", link="l")], "modified", "updated"),
    ],
)
def test_each_difference_has_one_kind(con, what, old, new, change, counted):
    """The first kind that fits is the row's; folders and rows that were never live do not count."""
    found, counts = changes_between(con, old, new)
    assert [c for c, _, _ in found] == [change], what
    assert {name: getattr(counts, name) for name in ALL} == {name: int(name == counted) for name in ALL}, what


def test_changes_are_in_change_schema(con):
    """Whatever the order of the columns in the snapshots, changes have the columns of CHANGE_SCHEMA."""
    load(con, "a", table([row("x")]))
    load(con, "shuffled", table([row("x", size=2), row("y")]))
    con.execute(
        "CREATE OR REPLACE TEMP VIEW reordered AS SELECT size, fingerprint, * EXCLUDE (size, fingerprint) FROM shuffled"
    )
    for same in ("reordered", "a"):  # nothing changed, and then something
        compare(con, same, "reordered", "changes")
        found = con.sql("FROM changes").to_arrow_table()
        assert found.schema.names == CHANGE_SCHEMA.names
        for side in ("before", "after"):
            assert [(f.name, f.type) for f in found.schema.field(side).type] == [
                (f.name, f.type) for f in CHANGE_SCHEMA.field(side).type
            ]
    assert [r["before"] for r in found.to_pylist() if r["change"] == "added"] == [None]


def test_ids_with_one_hash_are_told_apart(con):
    """Different ids of one id_hash are different files; one of them changing does not touch the other."""
    load(con, "a", table([row("x"), row("y"), row("z")], id_hash=[7, 7, 7]))
    load(con, "b", table([row("y", size=2), row("x"), row("w")], id_hash=[7, 7, 7]))
    counts = compare(con, "a", "b", "changes")
    assert counts == ChangeCounts(added=1, updated=1, removed=1)
    assert con.execute('SELECT coalesce("after", "before").external_id FROM changes ORDER BY 1').fetchall() == [
        ("w",),
        ("y",),
        ("z",),
    ]


def test_equal_fingerprints_of_different_ids_mean_nothing(con):
    """A fingerprint counts with its id only."""
    load(con, "a", table([row("x"), row("y")], fingerprint=[5, 6]))
    load(con, "b", table([row("y", size=3), row("z", size=3)], fingerprint=[5, 6]))
    assert compare(con, "a", "b", "changes") == ChangeCounts(added=1, updated=1, removed=1)


def hashed(external_id, digest="md5:1", **columns):
    """A file with a content hash."""
    return row(external_id, content_hash=digest, **columns)


BY_CONTENT = {"pair_by": ("content_hash", "size"), "pair_as": ChangeKind.MOVED}
BY_PATH = {"pair_by": ("path",), "pair_as": ChangeKind.MODIFIED}


@pytest.mark.parametrize(
    ("what", "old", "new", "options", "expected"),
    [
        ("same content, new key", [hashed("x")], [hashed("y")], BY_CONTENT, [("moved", "x", "y")]),
        ("same path, new id", [row("x", path="p")], [row("y", path="p")], BY_PATH, [("modified", "x", "y")]),
        (
            "two with that content are gone",
            [hashed("x"), hashed("w")],
            [hashed("y")],
            BY_CONTENT,
            [("added", None, "y"), ("removed", "w", None), ("removed", "x", None)],
        ),
        (
            "two with that content came",
            [hashed("x")],
            [hashed("y"), hashed("z")],
            BY_CONTENT,
            [("added", None, "y"), ("added", None, "z"), ("removed", "x", None)],
        ),
        (
            "empty",
            [hashed("x", size=0)],
            [hashed("y", size=0)],
            BY_CONTENT,
            [("added", None, "y"), ("removed", "x", None)],
        ),
        ("no hash", [row("x")], [row("y")], BY_CONTENT, [("added", None, "y"), ("removed", "x", None)]),
        (
            "another kind",
            [row("x", path="p")],
            [row("y", path="p", kind="folder")],
            BY_PATH,
            [("added", None, "y"), ("removed", "x", None)],
        ),
        (
            "put in the trash",
            [hashed("x")],
            [hashed("x", **TRASHED), hashed("y")],
            BY_CONTENT,
            [("added", None, "y"), ("removed", "x", "x")],
        ),
        (
            "the trash emptied",
            [hashed("x", **TRASHED)],
            [hashed("y")],
            BY_CONTENT,
            [("added", None, "y"), ("removed", "x", None)],
        ),
    ],
)
def test_a_file_under_a_new_id_is_recognised_only_without_doubt(con, what, old, new, options, expected):
    """One removed and one added row that agree become one; any ambiguity leaves them as they are."""
    assert changes_between(con, old, new, **options)[0] == expected, what


def test_rows_that_left_the_scope_are_not_removed(con):
    """left_scope wins over removed, is never paired, and not for what is listed; the trash does not count."""
    con.execute("CREATE OR REPLACE TEMP TABLE narrowed AS SELECT unnest(['x', 'k', 't']) AS external_id")
    found, counts = changes_between(
        con,
        [hashed("x"), hashed("w", "md5:2"), row("k"), row("t", **TRASHED)],
        [hashed("y"), row("k", size=5)],
        left_scope="narrowed",
        **BY_CONTENT,
    )
    assert found == [
        ("added", None, "y"),
        ("left_scope", "t", None),
        ("left_scope", "x", None),
        ("modified", "k", "k"),
        ("removed", "w", None),
    ]
    assert counts == ChangeCounts(added=1, updated=1, removed=1, left_scope=1)


def tree_of(top):
    """A folder called `top` with a folder and a file below it, and a file beside it."""
    return [
        row("d", kind="folder", name=top),
        row("e", kind="folder", name="sub", parent_id="d", path=f"{top}/sub"),
        row("f", name="deep", parent_id="e", path=f"{top}/sub/deep"),
        row("g", name="beside"),
    ]


def test_a_moved_folder_is_one_change_and_the_rest_is_repathed(con):
    """Everything below a renamed folder gets its new path without changes of its own."""
    found, counts = changes_between(con, tree_of("old"), tree_of("new"))
    assert found == [("moved", "d", "d")]
    assert counts == ChangeCounts(moved=1)
    assert find_repathed(con, "a", "b", "changes", "moved") == 2
    assert con.execute("FROM moved ORDER BY ALL").fetchall() == [("e", "new/sub"), ("f", "new/sub/deep")]


def test_a_cycle_of_parents_does_not_hang_apply(con):
    """A store that says that two folders lie in each other gets its own paths back."""
    loop = [
        row("d", kind="folder", parent_id="e", path="?"),
        row("e", kind="folder", parent_id="d", path="?"),
        row("self", kind="folder", parent_id="self", path="?"),
        row("f", kind="folder", name="f"),
    ]
    changes_between(con, loop, [*loop[:3], row("f", kind="folder", name="g")])
    changes_between(con, loop, [{**loop[0], "size": 3, "path": "?"}, *loop[1:]])


def test_names_that_need_quoting_are_quoted(con):
    """Any relation name will do."""
    load(con, '"be fore"', table([row("x")]))
    load(con, '"select"', table([row("y")]))
    assert compare(con, "be fore", "select", 'in "to"') == ChangeCounts(added=1, removed=1)


def dated(changed_at, links=1, **more):
    """Return a row with a time of change and a number of links."""
    return row("x", metadata=f'{{"changed_at":{changed_at},"links":{links}}}', **more)


@pytest.mark.parametrize(
    ("what", "old", "new", "change", "unproved"),
    [
        ("nothing but the time", dated(1), dated(2), "modified", 1),
        ("the time and the size", dated(1), dated(2, size=9), "modified", 0),
        ("the time and another link", dated(1), dated(2, links=2), "refreshed", 0),
        ("the time and the mode", dated(1), dated(2, permissions="{}"), "permissions_changed", 0),
        ("the time and the name", dated(1), dated(2, name="y", path="y"), "moved", 0),
        ("an equal hash", dated(1, content_hash="md5:1"), dated(2, version="2", content_hash="md5:1"), "refreshed", 0),
        ("another hash", dated(1, content_hash="md5:1"), dated(1, content_hash="md5:2"), "modified", 0),
        ("a hash that is new", dated(1), dated(1, content_hash="md5:1"), "refreshed", 0),
        ("another folder of the same path", dated(1), dated(1, parent_id="p"), "refreshed", 0),
        ("other metadata", dated(1), row("x", metadata='{"changed_at":1,"links":1,"target":"t"}'), "modified", 0),
    ],
)
def test_bookkeeping(con, what, old, new, change, unproved):
    """A time that moves for many reasons proves a change only when nothing explains it."""
    found, counts = changes_between(con, [old], [new], bookkeeping=("changed_at", "links"))

    assert [kind for kind, _, _ in found] == [change], what
    assert count_unproved(con, "changes", ("changed_at", "links")) == unproved
    assert counts.updated == (change in {"modified", "permissions_changed"})
