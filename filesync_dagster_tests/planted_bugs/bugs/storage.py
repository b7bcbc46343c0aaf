"""Bugs in the database and the snapshots."""

from filesync_dagster_tests.planted_bugs.bug import Bug

FEED = "filesync_dagster_tests/sync/model/test_feed.py"

BUGS = (
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
        "connection.execute(query.where(~rebuilt).order_by(log.seq.desc()))",
        "connection.execute(query.where(~rebuilt).order_by(log.as_of.desc()))",
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
