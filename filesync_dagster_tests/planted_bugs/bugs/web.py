"""Bugs in the server."""

from filesync_dagster_tests.planted_bugs.bug import Bug

BUGS = (
    Bug(
        "another plan than the one that was looked at is approved",
        "web/replications.py",
        "        if waiting != plan_id:",
        "        if waiting is None:",
        "filesync_dagster_tests/web/test_replications.py",
        "decided_by_its_id",
    ),
    Bug(
        "any signature of a notification is believed",
        "web/webhooks.py",
        "return same(signature, expected)",
        "return True",
        "filesync_dagster_tests/web/test_webhooks.py",
        "asks_for_nothing",
    ),
    Bug(
        "without a token everybody may write",
        "web/requests.py",
        'if principal.via == "nobody" and self.needs_token:',
        "if False:",
        "filesync_dagster_tests/web/test_rest.py",
        "refuses_to_write",
    ),
    Bug(
        "a sync that is committed late is in no total",
        "web/metrics.py",
        "max(self._started, self._looked - OVERLAP)",
        "max(self._started, self._looked)",
        "filesync_dagster_tests/web/test_metrics.py",
        "committed_late",
    ),
    Bug(
        "the database is closed under requests that began before an edit",
        "web/site.py",
        "opened is not self._opened and not opened.users",
        "opened is not self._opened",
        "filesync_dagster_tests/web/test_server.py",
        "began_before",
    ),
    Bug(
        "an edit that takes long to read holds every request",
        "web/site.py",
        "reload.done.wait(max(0.0, reload.waited_for_until - time.monotonic()))",
        "reload.done.wait(20)",
        "filesync_dagster_tests/web/test_connections.py",
        "takes_long_to_read",
    ),
    Bug(
        "strangers are told what a store says of an error",
        "web/routes/health.py",
        "return found if await _is_known(request) else found.without_texts()",
        "return found",
        "filesync_dagster_tests/web/test_health.py",
        "strangers",
    ),
    Bug(
        "a request that never comes is waited for",
        "web/connections.py",
        "            self.transport.abort()\n\n    def _make_room",
        "            pass\n\n    def _make_room",
        "filesync_dagster_tests/web/test_connections.py",
        "is_not_waited_for",
    ),
    Bug(
        "a moment outside the years of UTC crashes a request",
        "web/row_messages.py",
        "AfterValidator(_in_utc)",
        "AfterValidator(lambda value: value)",
        "filesync_dagster_tests/web/test_rows.py",
        "edge_of_the_calendar",
    ),
)
