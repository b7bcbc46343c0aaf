"""Plans: what is done makes the replica what is desired, in an order in which nothing is lost on the way."""

from itertools import permutations, product

import pytest

from filesync_dagster_tests.replication.plans import (
    BUCKET,
    FOLDER,
    ModelDestination,
    SmallPlan,
    replica_row,
    replication,
    row,
)

NAMES, IDS = "abc", "123"


def placements() -> list[dict[str, str]]:
    """Return every way to put some of three files at some of three paths."""
    found = []
    for taken in product([True, False], repeat=3):
        chosen = [one for one, is_taken in zip(IDS, taken, strict=True) if is_taken]
        found += [dict(zip(chosen, names, strict=True)) for names in permutations(NAMES, len(chosen))]
    return found


@pytest.mark.parametrize("facts", [BUCKET, FOLDER], ids=["bucket", "folder"])
def test_every_small_plan_makes_what_is_desired(con, facts):
    """All 34 × 34 placements of three files before and after, each with any of them changed: all in one plan."""
    cases = [
        (before, after, changed)
        for before in placements()
        for after in placements()
        for changed in product([False, True], repeat=len(set(before) & set(after)))
    ]
    rows, replica, gone = [], [], {}
    for number, (before, after, changed) in enumerate(cases):
        both = dict(zip(sorted(set(before) & set(after)), changed, strict=True))
        replica += [replica_row(f"{number}-{one}", f"{number}/{path}") for one, path in before.items()]
        rows += [
            row(f"{number}-{one}", f"{number}/{path}", "2" if both.get(one) else "1") for one, path in after.items()
        ]
        gone |= {f"{number}-{one}": "removed" for one in before if one not in after}
    plan = SmallPlan(con, rows, replica, gone, facts)
    destination = ModelDestination(replica)
    for operation in plan.run():
        destination.do(operation, undesired=frozenset(gone))
    assert destination.files == {one["path"]: (one["external_id"], one["version"]) for one in rows} | {
        path: entry for path, entry in destination.files.items() if path.isdigit()
    }


def test_a_plan_that_was_done_is_followed_by_none(con):
    """The second finds nothing to do."""
    rows = [row("1", "a/x"), row("2", "b")]
    replica = [replica_row("1", "a/x"), replica_row("2", "b")]
    assert SmallPlan(con, rows, replica).run() == []


def operations(plan: SmallPlan) -> list[tuple[str, str, str | None]]:
    """Return what a plan does, in short."""
    return [(one["op"], one["path"], one["new_path"]) for one in plan.run()]


def test_what_only_left_the_scope_stays_unless_configured(con):
    """A filter that was edited deletes nothing."""
    replica = [replica_row("1", "a"), replica_row("2", "b")]
    gone = {"1": "removed", "2": "left_scope"}
    assert operations(SmallPlan(con, [], replica, gone)) == [("delete", "a", None)]
    always = replication(delete="always")
    assert operations(SmallPlan(con, [], replica, gone, replication=always)) == [
        ("delete", "a", None),
        ("delete", "b", None),
    ]
    never = SmallPlan(con, [], replica, gone, replication=replication(delete="never"))
    assert operations(never) == []
    assert never.comparison.counts(skipped=0, impossible=0).kept == 2


def test_what_nobody_knows_to_be_gone_stays(con):
    """Without a proof nothing is deleted."""
    assert operations(SmallPlan(con, [], [replica_row("1", "a")])) == []


@pytest.mark.parametrize(("mode", "expected"), [("add_only", ["create"]), ("update_only", ["update", "create"])])
def test_modes_do_not_do_what_they_say(con, mode, expected):
    """add_only neither overwrites nor deletes; update_only does not delete."""
    rows = [row("1", "a", "2"), row("3", "new")]
    replica = [replica_row("1", "a"), replica_row("2", "old")]
    plan = SmallPlan(con, rows, replica, {"2": "removed"}, replication=replication(mode=mode))
    assert sorted(op for op, *_ in operations(plan)) == sorted(expected)


def test_the_same_content_under_another_version_is_not_sent(con):
    """A hash of the whole and the size say so."""
    same = {"content_hash": "md5:0123", "size": 5}
    etag = {"content_hash": "etag:0123-2", "size": 5}
    rows = [row("1", "a", "2", **same), row("2", "b", "2", **etag)]
    replica = [replica_row("1", "a", **same), replica_row("2", "b", **etag)]
    assert operations(SmallPlan(con, rows, replica)) == [("adopt", "a", None), ("update", "b", None)]


def test_an_editor_that_saves_by_a_new_file_updates_the_old_one(con):
    """Another id at the same path: one update, and no deletion."""
    plan = SmallPlan(con, [row("new", "a", "2")], [replica_row("old", "a")], {"old": "removed"})
    [found] = plan.run()
    assert (found["op"], found["external_id"], found["expected_dest_version"]) == ("update", "new", "at-a")


def test_a_folder_moves_as_one_where_it_can(con):
    """With everything below it, and what changed below it is sent to where it is then."""
    folder = {"kind": "folder", "version": None, "size": None}
    rows = [row("f", "new", **folder), row("1", "new/a"), row("2", "new/b", "2"), row("3", "other")]
    replica = [
        replica_row("f", "old", kind="folder", source_version=None),
        replica_row("1", "old/a"),
        replica_row("2", "old/b"),
        replica_row("3", "old/c"),
    ]
    plan = SmallPlan(con, rows, replica, facts=FOLDER)
    assert operations(plan) == [("move", "old", "new"), ("move", "new/c", "other"), ("update", "new/b", None)]
    assert [op for op, *_ in operations(SmallPlan(con, rows, replica, facts=BUCKET))].count("move") == 3


def test_two_files_of_one_path_are_a_problem_of_both(con):
    """Neither is copied, nothing of them is deleted, and others go on."""
    lower = replication(paths={"style": "lower"})
    rows = [row("1", "A"), row("2", "a"), row("3", "b")]
    plan = SmallPlan(con, rows, [replica_row("1", "a")], replication=lower)
    assert operations(plan) == [("create", "b", None)]
    [problem] = plan.state.problems
    assert (problem.kind, problem.paths) == ("collision", ("A", "a"))
    assert "'A' and 'a'" in problem.sentence


def test_a_file_that_is_a_folder_of_others_is_a_problem_only_where_there_are_folders(con):
    """`a` beside `a/b`."""
    rows = [row("1", "a"), row("2", "a/b")]
    assert len(operations(SmallPlan(con, rows, []))) == 2
    plan = SmallPlan(con, rows, [], facts=FOLDER)
    assert operations(plan) == [("folder", "a", None), ("create", "a/b", None)]
    assert [problem.paths for problem in plan.state.problems] == [("a",)]


def test_paths_are_mapped(con):
    """What is not below the folder that is stripped is left out."""
    mapped = replication(paths={"strip": "drawings/", "add": "archive/eng/"})
    plan = SmallPlan(con, [row("1", "drawings/a/b.dwg"), row("2", "mail/c")], [], replication=mapped)
    assert operations(plan) == [("create", "archive/eng/a/b.dwg", None)]


def test_an_edited_mapping_moves_what_is_there(con):
    """And sends nothing."""
    mapped = replication(paths={"add": "new/"})
    plan = SmallPlan(con, [row("1", "a")], [replica_row("1", "old/a")], replication=mapped)
    assert operations(plan) == [("move", "old/a", "new/a")]


def test_what_has_no_bytes_is_counted_and_skipped(con):
    """Shortcuts, and documents unless they are exported."""
    rows = [row("1", "link", kind="shortcut"), row("2", "doc", kind="document", size=None)]
    plan = SmallPlan(con, rows, [])
    assert (operations(plan), plan.state.skipped) == ([], 2)
    plan = SmallPlan(con, rows, [], replication=replication(export_documents="pdf"))
    assert (operations(plan), plan.state.skipped) == ([("create", "doc.pdf", None)], 1)


def test_the_largest_of_a_window_goes_first(con):
    """Windows of 1 GiB in the order of paths, so that the tail is short."""
    sizes = {"a": 10, "b": 900 << 20, "c": 300 << 20, "d": 20, "e": 30}
    rows = [row(path, path, size=size) for path, size in sizes.items()]
    assert [path for _, path, _ in operations(SmallPlan(con, rows, []))] == ["b", "c", "a", "e", "d"]
