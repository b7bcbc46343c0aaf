"""Bugs in the model and the guard."""

from filesync_dagster_tests.planted_bugs.bug import Bug

MODEL = "filesync_dagster_tests/sync/model/test_regressions.py"

BUGS = (
    Bug(
        "only times prove that a file changed",
        "core/schemas.py",
        'UNTRACKED = frozenset({"path"})',
        'UNTRACKED = frozenset({"path", "version", "content_hash", "size", "metadata"})',
        "filesync_dagster_tests/sync/diff/test_comparison.py",
        "each_difference",
    ),
    Bug(
        "the guard lets everything pass",
        "core/guard.py",
        "if not limits.enabled or proposal.before == 0:",
        "if True:",
        MODEL,
        "held_sync",
    ),
)
