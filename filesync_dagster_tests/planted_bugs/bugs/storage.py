"""Bugs in the database and the snapshots."""

from filesync_dagster_tests.planted_bugs.bug import Bug

FEED = "filesync_dagster_tests/sync/model/test_feed.py"

INTEGRITY = "filesync_dagster_tests/sync/test_integrity.py"

ROOTS = "filesync_dagster_tests/sync/test_roots.py"

BUGS = (
    Bug(
        "a heartbeat of the future keeps an endpoint busy until then",
        "storage/database/leases.py",
        "row.heartbeat_at - now > _term(row)",
        "False",
        "filesync_dagster_tests/storage/database/test_leases.py",
        "clock_that_was_ahead and sqlite",
    ),
    Bug(
        "a name is a formula in a csv for spreadsheets",
        "storage/snapshots/export.py",
        "query = _without_formulas(con, query) if safe else query",
        "query = query",
        "filesync_dagster_tests/cli/test_inventory.py",
        "safe_csv",
    ),
    Bug(
        "what the database does not know is deleted",
        "storage/snapshots/store.py",
        "(ours is None or key in ours)",
        "True",
        ROOTS,
        "older_database",
    ),
    Bug(
        "any installation may write to any root",
        "storage/snapshots/store.py",
        "        if found != text:",
        "        if False:",
        ROOTS,
        "second_installation and folder",
    ),
    Bug(
        "a stored file is handed out whatever is in it",
        "storage/snapshots/store.py",
        "                is_right = found == wanted",
        "                is_right = True",
        INTEGRITY,
        "no_door and sqlite",
    ),
    Bug(
        "a copy in the cache is believed",
        "storage/snapshots/cache.py",
        "                if digest_of(path) == digest_in(path):",
        "                if path.exists():",
        INTEGRITY,
        "copy_in_the_cache and sqlite",
    ),
    Bug(
        "a file of an older version is believed unread",
        "storage/snapshots/store.py",
        'is_right = not uri.endswith(".parquet") or _is_readable(path, uri)',
        "is_right = True",
        INTEGRITY,
        "older_version and sqlite",
    ),
    Bug(
        "a process is busy with itself",
        "storage/database/leases.py",
        "    return _key(database, row.endpoint_id, row.token) in _alive if is_ours else not holder.is_dead()",
        "    return not holder.is_dead()",
        "filesync_dagster_tests/storage/database/test_leases.py",
        "busy_with_itself",
    ),
    Bug(
        "changes are folded in the order of clocks",
        "storage/database/logs.py",
        "            .order_by(log.seq)\n        )\n        if until is not None:",
        "            .order_by(log.as_of, log.id)\n        )\n        if until is not None:",
        "filesync_dagster_tests/sync/test_clock.py",
        "any_history and sqlite and 40",
    ),
    Bug(
        "the last sync is the one with the latest time",
        "storage/database/logs.py",
        "query.where(~rebuilt).order_by(log.seq.desc(), log.as_of.desc())",
        "query.where(~rebuilt).order_by(log.as_of.desc())",
        "filesync_dagster_tests/sync/test_clock.py",
        "any_history and sqlite and 40",
    ),
    Bug(
        "a held sync moves the cursor on",
        "storage/database/state.py",
        '"held_cursor": cursor}',
        '"held_cursor": cursor, "cursor": cursor}',
        FEED,
        "held",
    ),
    Bug(
        "what is claimed can be claimed again",
        "storage/database/alerts.py",
        "try_at=now + timedelta(seconds=seconds))",
        "try_at=now)",
        "filesync_dagster_tests/monitoring/alerts/test_dispatch.py",
        "being_told",
    ),
    Bug(
        "what changes while it is told counts as told",
        "storage/database/alerts.py",
        "same = cleared.is_(None) if alert.cleared_at is None else cleared == alert.cleared_at",
        "same = alerts.c.kind.is_not(None)",
        "filesync_dagster_tests/storage/database/test_alerts.py",
        "while_it_is_told",
    ),
    Bug(
        "an alert that stands is raised anew",
        "storage/database/alerts.py",
        "where=alerts.c.cleared_at < seen_at,",
        "where=alerts.c.kind.is_not(None),",
        "filesync_dagster_tests/storage/database/test_alerts.py",
        "not_raised_again",
    ),
    Bug(
        "a slow look raises what was cleared",
        "storage/database/alerts.py",
        "where=alerts.c.cleared_at < seen_at,",
        "where=alerts.c.cleared_at.is_not(None),",
        "filesync_dagster_tests/storage/database/test_alerts.py",
        "knows_less",
    ),
    Bug(
        "a request that was taken is still asked for",
        "storage/database/requests.py",
        "requests.c.endpoint == endpoint, requests.c.taken_at.is_(None), requests.c.done_at.is_(None)",
        "requests.c.endpoint == endpoint, requests.c.done_at.is_(None)",
        "filesync_dagster_tests/storage/database/test_requests.py",
        "after_a_run_began and sqlite",
    ),
)
