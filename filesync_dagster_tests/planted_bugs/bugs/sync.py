"""Bugs in the engine."""

from filesync_dagster_tests.planted_bugs.bug import Bug

MODEL = "filesync_dagster_tests/sync/model/test_regressions.py"
FEED = "filesync_dagster_tests/sync/model/test_feed.py"
SCHEDULES = "filesync_dagster_tests/orchestration/test_schedules.py"
HINTED = "filesync_dagster_tests/sync/test_lookup.py"

BUGS = (
    Bug(
        "events go on from a selection that is not that of the filters",
        "sync/run.py",
        "if context.keys and context.source.capabilities.lookups and _is_proved(context, state):",
        "if context.keys and context.source.capabilities.lookups and state.snapshot_uri:",
        HINTED,
        "any_sequence or guard",
    ),
    Bug(
        "what the filters leave out by now stays where an event told of it",
        "sync/lookup.py",
        "        there.append(page.batch.filter(selected))",
        "        there.append(page.batch)",
        HINTED,
        "any_sequence",
    ),
    Bug(
        "a wipe that is told in slices is never held",
        "sync/lookup.py",
        "    if removed and objections(context.endpoint.guard, both):",
        "    if False:",
        HINTED,
        "slices",
    ),
    Bug(
        "what could not be read counts as gone",
        "sync/listing.py",
        "return {gap.scope for gap in self.gaps}",
        "return set()",
        "filesync_dagster_tests/sync/test_scenarios.py",
        "scope_that_breaks",
    ),
    Bug(
        "the cursor is saved though something was not read",
        "sync/incremental.py",
        "following = replace(state, cursor=state.cursor if feed.gaps else feed.cursor)",
        "following = replace(state, cursor=feed.cursor)",
        FEED,
        "unread",
    ),
    Bug(
        "the cursor is taken when the listing is over",
        "sync/listing.py",
        "    listing.gaps += [_gap_of_scope(context, scope, error) for scope, error in failures.items()]\n",
        "    listing.gaps += [_gap_of_scope(context, scope, error) for scope, error in failures.items()]\n"
        "    listing.cursor = context.feed.cursor() if context.feed else None\n",
        FEED,
        "older_than_the_listing",
    ),
    Bug(
        "what a listing does not show is removed unconfirmed",
        "sync/detect_changes.py",
        "if found.missing.count() and context.source.capabilities.stable_ids and _confirm(context, found, listing):",
        "if False:",
        MODEL,
        "listing_that_lies",
    ),
    Bug(
        "what lies in a trashed folder stays live",
        "sync/diff/derivation.py",
        "r.trashed OR coalesce(p.trashed, false) AS trashed",
        "r.trashed AS trashed",
        MODEL,
        "test_a_trashed_folder_takes",
    ),
    Bug(
        "the paths below a folder that moved stay as they were",
        "sync/commit.py",
        "repathed=found.repathed.stream() if found and found.repathed else (),",
        "repathed=(),",
        MODEL,
        "folder_that_moves",
    ),
    Bug(
        "a folder that comes in is not entered",
        "sync/incremental.py",
        "b.external_id IS NULL OR b.scope <> l.scope",
        "b.scope <> l.scope",
        MODEL,
        "comes_in_brings",
    ),
    Bug(
        "a folder that changes drives is not entered",
        "sync/incremental.py",
        "OR b.scope <> l.scope OR",
        "OR",
        MODEL,
        "changes_drives",
    ),
    Bug(
        "a tombstone of another scope is believed",
        "sync/incremental.py",
        'rows.con.execute(f"DELETE FROM {rows.deleted} WHERE {foreign}")',
        "",
        FEED,
        "tombstone",
    ),
    Bug(
        "changes are believed in the order in which they come",
        "sync/incremental.py",
        "PARTITION BY external_id, scope ORDER BY ord DESC, seq DESC",
        "PARTITION BY external_id, scope ORDER BY seq DESC",
        FEED,
        "order",
    ),
    Bug(
        "what lay in a folder that is gone is not asked for",
        "sync/incremental.py",
        "        if orphans:\n",
        "        if False:\n",
        MODEL,
        "outlives",
    ),
    Bug(
        "changes are folded in no order",
        "sync/diff/compaction.py",
        "arg_max({{'entry': entry}}, 2 * number + is_after::INTEGER)",
        "arg_max({{'entry': entry}}, is_after::INTEGER - 2 * number)",
        "filesync_dagster_tests/sync/diff/test_properties.py",
        "folding_at_once",
    ),
    Bug(
        "what is restored from a trash hides among what was updated",
        "sync/diff/comparison.py",
        "return ChangeCounts(added, updated, moved, removed, left_scope, restored=back)",
        "return ChangeCounts(added, updated + back, moved, removed, left_scope)",
        "filesync_dagster_tests/sync/diff/test_properties.py",
        "add_up",
    ),
    Bug(
        "jitter is not kept",
        "sync/pool.py",
        "if pause > 0:",
        "if pause > 0 > 1:",
        SCHEDULES,
        "own_moment",
    ),
)
