"""Bugs in what REST connectors share."""

from filesync_dagster_tests.planted_bugs.bug import Bug

MODEL = "filesync_dagster_tests/sync/model/test_regressions.py"

BUGS = (
    Bug(
        "an expired access token is not minted anew",
        "connectors/rest/oauth.py",
        "policy, self._renew)",
        "policy, None)",
        MODEL,
        "passing_troubles and expired",
    ),
    Bug(
        "Retry-After is ignored",
        "connectors/rest/calls.py",
        "return policy.pause(self.attempts) if error.retry_after is None else policy.clamp(error.retry_after)",
        "return policy.pause(self.attempts)",
        "filesync_dagster_tests/connectors/rest/test_calls.py",
        "retry_after",
    ),
)
