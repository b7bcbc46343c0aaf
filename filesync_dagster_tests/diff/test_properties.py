"""What holds between any two snapshots."""

from dataclasses import asdict
from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from filesync_dagster.diff import apply, compare, repathed
from filesync_dagster.model import ChangeKind
from filesync_dagster_tests.diff.trees import content, load, table, trees, with_paths

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
@given(tree=trees(), pairing=PAIRINGS)
def test_a_snapshot_does_not_differ_from_itself(con, tree, pairing):
    """`compare(a, a)` has no rows and counts nothing."""
    load(con, "a", table(with_paths(tree)))
    counts = compare(con, "a", "a", "changes", **pairing)
    assert not any(asdict(counts).values())
    assert con.execute("SELECT count(*) FROM changes").fetchall() == [(0,)]
    assert repathed(con, "a", "a", "changes", "moved") == 0


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
    repathed(con, "a", "b", "changes", "moved")
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
