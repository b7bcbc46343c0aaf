"""What holds between any two snapshots."""

from dataclasses import asdict
from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from filesync_dagster.core.model import ChangeKind
from filesync_dagster.sync.diff import apply, compact, compare, derive, find_repathed, totals
from filesync_dagster_tests.sync.diff.trees import IDS, content, load, row, table, trees, with_paths

PAIRINGS = st.sampled_from(
    [
        {},
        {"pair_by": ("content_hash", "size"), "pair_as": ChangeKind.MOVED},
        {"pair_by": ("path",), "pair_as": ChangeKind.MODIFIED},
    ]
)
some = settings(max_examples=40, deadline=None)


@some
@given(old=trees(), new=trees(), pairing=PAIRINGS)
def test_applying_a_diff_to_the_old_snapshot_gives_the_new_one(con, old, new, pairing):
    """`apply(compare(a, b), a) == b`, paths included, however folders moved, and however rows were paired."""
    load(con, "a", table(with_paths(old)))
    load(con, "b", table(with_paths(new)))
    compare(con, "a", "b", "changes", **pairing)
    apply(con, "a", "changes", "applied")
    # A live row below a folder that left keeps the path it had: no parent is there to derive one from.
    assert content(con, "applied") == content(con, "b")


@some
@given(old=trees(), new=trees(), pairing=PAIRINGS, left=st.sets(st.sampled_from(IDS)))
def test_the_counts_of_a_diff_add_up(con, old, new, pairing, left):
    """Files before + added + restored - removed - left_scope = files after, whatever became of ids and kinds."""
    load(con, "a", table(with_paths(old)))
    load(con, "b", table(with_paths(new)))
    con.execute("CREATE OR REPLACE TABLE left_scope AS SELECT unnest(?::VARCHAR[]) AS external_id", [sorted(left)])

    counts = compare(con, "a", "b", "changes", left_scope="left_scope", **pairing)

    assert totals(con, "a")[0] + counts.balance == totals(con, "b")[0]


@some
@given(tree=trees(), pairing=PAIRINGS)
def test_a_snapshot_does_not_differ_from_itself(con, tree, pairing):
    """`compare(a, a)` has no rows and counts nothing."""
    load(con, "a", table(with_paths(tree)))
    counts = compare(con, "a", "a", "changes", **pairing)
    assert not any(asdict(counts).values())
    assert con.execute("SELECT count(*) FROM changes").fetchall() == [(0,)]
    assert find_repathed(con, "a", "a", "changes", "moved") == 0


@some
@given(old=trees(), new=trees(), pairing=PAIRINGS)
def test_each_id_of_each_side_is_in_at_most_one_change(con, old, new, pairing):
    """Pairing joins rows, and neither loses nor repeats one."""
    load(con, "a", table(with_paths(old)))
    load(con, "b", table(with_paths(new)))
    compare(con, "a", "b", "plain")
    compare(con, "a", "b", "paired", **pairing)
    for side in ("before", "after"):
        ids = f'SELECT "{side}".external_id AS id FROM {{}} WHERE "{side}" IS NOT NULL ORDER BY id'
        plain = con.execute(ids.format("plain")).fetchall()
        assert con.execute(ids.format("paired")).fetchall() == plain
        assert len(set(plain)) == len(plain)


@some
@given(history=st.lists(trees(), min_size=2, max_size=5), pairing=PAIRINGS)
def test_diffs_fold(con, history, pairing):
    """A base and the diffs since, applied in their order, are the last snapshot."""
    load(con, "folded", table(with_paths(history[0])))
    for old, new in pairwise(history):
        load(con, "a", table(with_paths(old)))
        load(con, "b", table(with_paths(new)))
        compare(con, "a", "b", "changes", **pairing)
        apply(con, "folded", "changes", "next")
        con.execute("CREATE OR REPLACE TABLE folded AS FROM next")
    assert content(con, "folded") == content(con, "b")


@some
@given(old=trees(), new=trees())
def test_changed_and_repathed_rows_are_all_that_differ(con, old, new):
    """What is neither in the changes nor repathed is equal in every column; nothing is in both."""
    load(con, "a", table(with_paths(old)))
    load(con, "b", table(with_paths(new)))
    compare(con, "a", "b", "changes")
    find_repathed(con, "a", "b", "changes", "moved")
    changed = {i for (i,) in con.execute('SELECT coalesce("after", "before").external_id FROM changes').fetchall()}
    moved = dict(con.execute("SELECT external_id, path FROM moved").fetchall())
    assert not changed & set(moved)
    rest = [{r[0]: r for r in content(con, side) if r[0] not in changed} for side in ("a", "b")]
    assert {i for i in rest[0] if rest[0][i] != rest[1][i]} == set(moved)
    assert all(rest[1][i][4] == path for i, path in moved.items())


@some
@given(old=trees(), new=trees(), pairing=PAIRINGS)
def test_counts_tell_how_the_number_of_live_files_changed(con, old, new, pairing):
    """Live files after = live files before + added + restored - removed, whatever went through the trash."""

    def live(tree):
        return sum(not r["trashed"] and r["kind"] != "folder" for r in tree.values())

    # An entry that turns from file to folder counts as modified: keep kinds apart for this sum.
    new = {i: r for i, r in new.items() if i not in old or old[i]["kind"] == r["kind"]}
    new = {i: {**r, "parent_id": r["parent_id"] if r["parent_id"] in new else None} for i, r in new.items()}
    load(con, "a", table(with_paths(old)))
    load(con, "b", table(with_paths(new)))
    counts = compare(con, "a", "b", "changes", **pairing)
    [(back,)] = con.execute(
        "SELECT count(*) FROM changes WHERE change = 'restored' AND \"after\".kind <> 'folder'"
    ).fetchall()
    assert live(new) == live(old) + counts.added + back - counts.removed


@some
@given(history=st.lists(trees(), min_size=2, max_size=5), pairing=PAIRINGS)
def test_folding_at_once_is_applying_one_by_one(con, history, pairing):
    """However ids came, went and came again, the last word on each is true, and paths follow from the last parents."""
    load(con, "base", table(with_paths(history[0])))
    names = []
    for number, (old, new) in enumerate(pairwise(history)):
        load(con, "a", table(with_paths(old)))
        load(con, "b", table(with_paths(new)))
        names.append(f"changes_{number}")
        compare(con, "a", "b", names[-1], **pairing)

    compact(con, "base", names, "folded")

    assert content(con, "folded") == content(con, "b")


@some
@given(tree=trees(), cut=st.integers(0, 12))
def test_deriving_paths(con, tree, cut):
    """A row lies where its parents say, in the trash with its folders; below what is not here, nothing lies."""
    rows = with_paths(tree)
    here = {row["external_id"]: row for row in rows[cut:]}
    load(con, "rows", table({**row, "path": row["name"]} for row in here.values()))

    derive(con, "rows", "placed")

    def line(row):
        above = here.get(row["parent_id"]) if row["parent_id"] else None
        return [row] if row["parent_id"] is None else [row, *line(above)] if above else []

    def lies(row):
        return bool(line(row)) and line(row)[-1]["parent_id"] is None

    expected = {i: (row["path"], any(one["trashed"] for one in line(row))) for i, row in here.items() if lies(row)}
    found = con.execute("SELECT external_id, path, trashed FROM placed").fetchall()
    assert {external_id: (path, trashed) for external_id, path, trashed in found} == expected


def test_parents_that_go_round_in_a_circle_lie_nowhere(con):
    """No store should have it; a listing during which folders moved can show it."""
    rows = [row("a", kind="folder", parent_id="b"), row("b", kind="folder", parent_id="a"), row("c", parent_id="a")]
    load(con, "rows", table([*rows, row("d")]))

    derive(con, "rows", "placed")

    assert con.execute("SELECT external_id FROM placed").fetchall() == [("d",)]


def test_anchors_hold(con):
    """What is known of a folder that is not among the rows decides where they lie, and whether in the trash."""
    rows = [row("f", parent_id="known"), row("g", parent_id="trash"), row("known", name="other", parent_id="nowhere")]
    load(con, "rows", table(rows))
    load(con, "anchors", table([row("known", path="top/known"), row("trash", path="old", trashed=True)]))

    derive(con, "rows", "placed", "anchors")

    found = con.execute("SELECT external_id, path, trashed FROM placed ORDER BY 1").fetchall()
    assert found == [("f", "top/known/f", False), ("g", "old/g", True)]
