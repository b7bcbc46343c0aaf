"""Bugs in endpoints.yaml."""

from filesync_dagster_tests.planted_bugs.bug import Bug

LAST_GOOD = "filesync_dagster_tests/config/test_last_good.py"

BUGS = (
    Bug(
        "quotes around a variable are part of a path",
        "config/environment.py",
        'return without_quotes(env.get(name, "")) or None',
        'return env.get(name, "").strip() or None',
        "filesync_dagster_tests/config/test_environment.py",
        "quotes_around",
    ),
    Bug(
        "an edit that breaks an endpoint is remembered as good",
        "config/last_good.py",
        "if not any(lost.values()):",
        "if True:",
        LAST_GOOD,
    ),
    Bug(
        "a broken entry without a name takes an endpoint with it",
        "config/last_good.py",
        "return set(missing) if nameless else",
        "return set() if nameless else",
        LAST_GOOD,
    ),
    Bug(
        "the copy of the last good file is read by everybody",
        "config/last_good.py",
        "        Path(name).replace(target)",
        "        Path(name).replace(target)\n        target.chmod(0o644)",
        LAST_GOOD,
    ),
    Bug(
        "the time zone of a reconcile is ignored",
        "config/due.py",
        "moments.append(next_tick(reconcile.cron, reconcile.timezone, last or now, zone))",
        "moments.append(next_tick(reconcile.cron, None, last or now, zone))",
        "filesync_dagster_tests/config/test_due.py",
    ),
    Bug(
        "a reconcile by cron is never due",
        "config/due.py",
        "        return next_tick(plan.cron, plan.timezone, proved, zone)",
        "        return next_tick(plan.cron, plan.timezone, datetime.now(zone), zone)",
        "filesync_dagster_tests/sync/test_reconcile.py",
    ),
)
