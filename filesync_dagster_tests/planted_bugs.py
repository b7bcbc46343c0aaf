"""Bugs that are planted on purpose, and the tests that must find them: `python -m filesync_dagster_tests.planted_bugs`.

Copies the package, plants one bug at a time in the copy and runs a few tests there, which must fail; all of them must
pass before. Exits with 1 when a bug survives, or the code that it alters is not there any more. Arguments pick bugs by
their names; `--third` takes a third of them, another one each day.
"""

import argparse
import atexit
import compileall
import multiprocessing
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime
from importlib import import_module
from pathlib import Path
from py_compile import PycInvalidationMode

ROOT = Path(__file__).parent.parent
PACKAGE = "filesync_dagster"
TESTS = "filesync_dagster_tests"
COPIED = (PACKAGE, TESTS, "pyproject.toml")
WARM = (
    "alembic.command",
    "boto3",
    "dagster",
    "duckdb",
    "httpx",
    "hypothesis.stateful",
    "pydantic",
    "pyarrow.parquet",
    "pytest",
)
"""What most tests import besides the package itself: once, before the processes of the bugs are forked."""
MODEL = "filesync_dagster_tests/sync/model/test_regressions.py"
FEED = "filesync_dagster_tests/sync/model/test_feed.py"
LAST_GOOD = "filesync_dagster_tests/config/test_last_good.py"
RELOADING = "filesync_dagster_tests/orchestration/processes/test_reload.py"
SCHEDULES = "filesync_dagster_tests/orchestration/test_schedules.py"
REPORTS = "filesync_dagster_tests/monitoring/reports/test_against_brute_force.py"

LOOKUPS = "filesync_dagster_tests/connectors/s3/test_lookups.py"
HINTED = "filesync_dagster_tests/sync/test_lookup.py"
ENVELOPES = "filesync_dagster_tests/sync/events/test_envelopes.py"
RECEIVING = "filesync_dagster_tests/sync/events/test_receive.py"


@dataclass(frozen=True)
class Bug:
    """What is wrong, the one place in a file of the package that is made so, and the tests that see it."""

    what: str
    file: str
    right: str
    wrong: str
    tests: str  # a file of tests
    names: str = ""  # as pytest's -k has them


BUGS = (
    Bug(
        "a key that another one begins with is taken for it",
        "connectors/s3/lookups.py",
        "    if page.keys[:1] == [key]:\n        return _rows(page, {key})",
        "    if page.keys:\n        return page.rows([0])",
        LOOKUPS,
        "what_is_there_is_found",
    ),
    Bug(
        "the first key of a store without an order is all there is",
        "connectors/s3/lookups.py",
        "    if page.keys[:1] == [key]:",
        "    if page.keys:",
        LOOKUPS,
        "promises_no_order",
    ),
    Bug(
        "a page that leads back proves that keys are gone",
        "connectors/s3/lookups.py",
        "if page.keys and (page.keys[0] <= key or not is_rising(page.keys)):",
        "if False:",
        LOOKUPS,
        "leads_back",
    ),
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
        "the keys of events are taken as they are encoded",
        "sync/events/envelopes.py",
        'yield unquote_to_bytes(key.replace("+", " "))',
        "yield key.encode()",
        ENVELOPES,
    ),
    Bug(
        "messages are acknowledged whatever became of their endpoints",
        "sync/events/receive.py",
        "finished = [one.message for one in read if one.concerns <= done | run.failed]",
        "finished = [one.message for one in read]",
        RECEIVING,
        "another_sync_runs and sqs",
    ),
    Bug(
        "a listing that went on is taken for one that began after the events",
        "sync/events/receive.py",
        "if result.status in SETTLED and not result.resumed}",
        "if result.status in SETTLED}",
        RECEIVING,
        "went_on and sqs",
    ),
    Bug(
        "what came while an endpoint was switched off is never looked at",
        "sync/events/receive.py",
        "metadata.endpoints.expire_proofs(failed | (metadata.endpoints.ids().keys() - found - followed))",
        "metadata.endpoints.expire_proofs(failed)",
        RECEIVING,
        "cannot_hear and sqs",
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
        "what is wrong in a message is acknowledged and forgotten",
        "sync/events/receive.py",
        "    metadata.queues.dead_letter(queue.name, dead)",
        "    metadata.queues.dead_letter(queue.name, [])",
        RECEIVING,
        "poison and sqs",
    ),
    Bug(
        "a tag of a lost connection acknowledges a message of the next one",
        "sync/events/rabbitmq.py",
        "if opened == self._opened and self._channel is not None",
        "if self._channel is not None",
        RECEIVING,
        "lost_connection",
    ),
    Bug(
        "after a lost cursor the feed is read from now on",
        "connectors/google_drive/feed.py",
        'raise CursorLost(f"The change log cannot go on: {error.message}", hint=FULL_SYNC) from error',
        "return drive.changes(drive.start_token(scope.drive_id), **scope.log)",
        MODEL,
        "lost_cursor",
    ),
    Bug(
        "incompleteSearch is ignored",
        "connectors/google_drive/listing.py",
        'if not answer.get("incompleteSearch"):',
        "if True:",
        MODEL,
        "says_it_is_incomplete",
    ),
    Bug(
        "only times prove that a file changed",
        "core/model.py",
        'UNTRACKED = frozenset({"path"})',
        'UNTRACKED = frozenset({"path", "version", "content_hash", "size", "metadata"})',
        "filesync_dagster_tests/sync/diff/test_comparison.py",
        "each_difference",
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
        "a short page is taken for the last one",
        "connectors/google_drive/listing.py",
        "token = chain.advance(drive.next_token(answer), entries) or END",
        "token = (len(entries) >= drive._page_size and chain.advance(drive.next_token(answer), entries)) or END",
        MODEL,
        "less_than_was_asked",
    ),
    Bug(
        "the log of a shared drive is asked for without its id",
        "connectors/google_drive/layout.py",
        'return {"driveId": self.drive_id, **ALL_DRIVES} if self.drive_id else {}',
        "return {}",
        MODEL,
        "shared_drive_alone",
    ),
    Bug(
        "the listing of a shared drive is asked for without its id",
        "connectors/google_drive/layout.py",
        'return {"corpora": "drive", "driveId": self.drive_id, **ALL_DRIVES, **SUPPORTED}',
        'return {"corpora": "user", **ALL_DRIVES, **SUPPORTED}',
        MODEL,
        "shared_drive_alone",
    ),
    Bug(
        "the children of several folders are asked for in one request",
        "connectors/google_drive/crawl.py",
        """which = {"q": f"'{quoted}' in parents", """,
        """which = {"q": " or ".join(f"'{one}' in parents" for one in [quoted, scope.top]), """,
        MODEL,
        "one_by_one",
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
        "the guard lets everything pass",
        "core/guard.py",
        "if not limits.enabled or proposal.before == 0:",
        "if True:",
        MODEL,
        "held_sync",
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
        "an expired access token is not minted anew",
        "connectors/rest/oauth.py",
        "policy, self._renew)",
        "policy, None)",
        MODEL,
        "passing_troubles and expired",
    ),
    Bug(
        "a throttle that is a 403 counts as a refusal",
        "connectors/google_drive/errors.py",
        '"userRateLimitExceeded": (Throttled, ASK_LATER)',
        '"userRateLimitExceeded": (AccessDenied, ASK_LATER)',
        MODEL,
        "passing_troubles and 403",
    ),
    Bug(
        "Retry-After is ignored",
        "connectors/rest/calls.py",
        "return policy.pause(self.attempts) if error.retry_after is None else policy.clamp(error.retry_after)",
        "return policy.pause(self.attempts)",
        "filesync_dagster_tests/connectors/rest/test_calls.py",
        "retry_after",
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
        "what is claimed can be claimed again",
        "storage/database/alerts.py",
        "try_at=now + timedelta(seconds=seconds))",
        "try_at=now)",
        "filesync_dagster_tests/monitoring/alerts/test_dispatch.py",
        "being_told",
    ),
    Bug(
        "a channel that knows is told again",
        "monitoring/alerts/dispatch.py",
        "if channel.name in know or _is_about(message, channel):",
        "if _is_about(message, channel):",
        "filesync_dagster_tests/monitoring/alerts/test_dispatch.py",
        "hear_twice",
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
        "an endpoint that is disabled has recovered",
        "monitoring/alerts/transitions.py",
        "if _is_about_an_endpoint(alert) and alert.subject not in watched:",
        "if False:",
        "filesync_dagster_tests/monitoring/alerts/test_dispatch.py",
        "leaves_is_not",
    ),
    Bug(
        "a crash is over before a sync has ended",
        "monitoring/alerts/transitions.py",
        "status.last_sync.sync_completed <= alert.raised_at",
        "False",
        "filesync_dagster_tests/monitoring/alerts/test_transitions.py",
        "transitions",
    ),
    Bug(
        "a run that failed for its endpoints counts as crashed",
        "orchestration/sensors/alerts.py",
        "not _explained(runs.instance, run.run_id)",
        "True",
        "filesync_dagster_tests/orchestration/sensors/test_alerts.py",
        "before_it_ends",
    ),
    Bug(
        "a password in a URL is shown",
        "monitoring/alerts/channels.py",
        'text = text.replace(secret, "***")',
        "pass",
        "filesync_dagster_tests/monitoring/alerts/test_messages.py",
        "masked",
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
        "if site.token is None and self.needs_token:",
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
        "a request that was taken is still asked for",
        "storage/database/requests.py",
        "requests.c.endpoint == endpoint, requests.c.taken_at.is_(None), requests.c.done_at.is_(None)",
        "requests.c.endpoint == endpoint, requests.c.done_at.is_(None)",
        "filesync_dagster_tests/storage/database/test_requests.py",
        "after_a_run_began and sqlite",
    ),
    Bug(
        "one object that two endpoints list is a duplicate",
        "monitoring/reports/duplicates.py",
        "HAVING min(object) <> max(object)",
        "HAVING count(*) > 1",
        REPORTS,
        "duplicates",
    ),
    Bug(
        "files of the same hash and another size are duplicates",
        "monitoring/reports/duplicates.py",
        "FROM keyed SEMI JOIN repeated USING (content, size) GROUP BY content, size, object",
        "FROM keyed SEMI JOIN repeated USING (content) GROUP BY content, size, object",
        REPORTS,
        "duplicates",
    ),
    Bug(
        "any ETag is a hash of the content",
        "monitoring/reports/duplicates.py",
        "        AND (NOT starts_with(content_hash, 'etag:') OR regexp_full_match",
        "        OR (NOT starts_with(content_hash, 'etag:') OR regexp_full_match",
        REPORTS,
        "duplicates",
    ),
    Bug(
        "hard links are duplicates",
        "monitoring/reports/snapshot_set.py",
        "THEN hash('local', split_part(external_id, '#', 1))",
        "THEN hash('local', external_id)",
        "filesync_dagster_tests/monitoring/reports/test_what_stores_tell.py",
        "same_file",
    ),
    Bug(
        "a file in an exposed folder of Autodesk is not exposed",
        "monitoring/reports/exposure.py",
        "ON folder.endpoint = e.endpoint AND folder.external_id = e.parent_id",
        "ON folder.endpoint = e.endpoint AND folder.external_id = e.external_id",
        "filesync_dagster_tests/monitoring/reports/test_what_stores_tell.py",
        "autodesk",
    ),
    Bug(
        "a folder of another endpoint exposes files",
        "monitoring/reports/exposure.py",
        "ON folder.endpoint = e.endpoint AND folder.external_id",
        "ON folder.external_id",
        REPORTS,
        "exposure",
    ),
    Bug(
        "any domain that ends like ours is ours",
        "monitoring/reports/grants.py",
        'domain.endswith("." + our)',
        "domain.endswith(our)",
        "filesync_dagster_tests/monitoring/reports/test_grants.py",
        "google_drive",
    ),
    Bug(
        "who may read the ACL may read the object",
        "monitoring/reports/grants.py",
        'S3_ACTIONS = {"READ": "read",',
        'S3_ACTIONS = {"READ_ACP": "read", "READ": "read",',
        "filesync_dagster_tests/monitoring/reports/test_grants.py",
        "s3",
    ),
    Bug(
        "a file without a date is new",
        "monitoring/reports/storage.py",
        'return f"CASE WHEN {WRITTEN} IS NOT NULL THEN greatest({days}, 0) END"',
        'return f"greatest({days}, 0)"',
        REPORTS,
        "age",
    ),
    Bug(
        "what is in the trash counts",
        "monitoring/reports/snapshot_set.py",
        "WHERE NOT trashed",
        "WHERE true",
        REPORTS,
        "type",
    ),
    Bug(
        "a past day is told from the last snapshot",
        "monitoring/reports/snapshot_set.py",
        "moment = min(day.last_moment, datetime.now(UTC))",
        "moment = datetime.now(UTC)",
        "filesync_dagster_tests/monitoring/reports/test_writer.py",
        "past_day",
    ),
    Bug(
        "activity is in UTC",
        "monitoring/reports/activity.py",
        "local = quarter.astimezone(zone)",
        "local = quarter",
        "filesync_dagster_tests/monitoring/reports/test_writer.py",
        "activity",
    ),
    Bug(
        "a lost snapshot loses the whole report",
        "monitoring/reports/snapshot_set.py",
        "except SnapshotError as error:",
        "except ZeroDivisionError as error:",
        "filesync_dagster_tests/monitoring/reports/test_writer.py",
        "lost_snapshot",
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
        "an edit is taken while the file is being written",
        "orchestration/processes/reload.py",
        "if digest == self._loaded or not settled or",
        "if digest == self._loaded or",
        RELOADING,
    ),
    Bug(
        "a reload that failed is not tried again",
        "orchestration/processes/reload.py",
        "            self._tried = time.monotonic()",
        "            self._tried, self._loaded = time.monotonic(), digest",
        RELOADING,
    ),
    Bug(
        "what was missed is always caught up",
        "orchestration/schedules.py",
        "if not (late and not endpoint.schedule_config.catch_up) and",
        "if True and",
        SCHEDULES,
        "missed or late",
    ),
    Bug(
        "a slow endpoint keeps the others of its run from being synced",
        "orchestration/schedules.py",
        "if record.start_time is None or done.get(name, 0.0) < record.start_time",
        "",
        SCHEDULES,
        "slow",
    ),
    Bug(
        "what was done before a run began counts as done in it",
        "orchestration/schedules.py",
        "if record.start_time is None or done.get(name, 0.0) < record.start_time",
        "if name not in done",
        SCHEDULES,
        "slow or again",
    ),
    Bug(
        "a reconcile and a sync of one endpoint are asked for at the same moment",
        "orchestration/schedules.py",
        "not (own and own.is_tick(scheduled))",
        "True",
        SCHEDULES,
        "reconcile",
    ),
    Bug(
        "jitter is not kept",
        "sync/pool.py",
        "if pause > 0:",
        "if pause > 0 > 1:",
        SCHEDULES,
        "own_moment",
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


def places(bug: Bug, package: Path = ROOT / PACKAGE) -> int:
    """Return how many times the code that a bug alters is there; it must be once."""
    file = package / bug.file
    return file.read_text().count(bug.right) if file.is_file() else 0


@contextmanager
def new_folder(parent: Path | None = None) -> Iterator[Path]:
    """Yield a new folder, which goes afterwards; not with a forked process that ends, as a TemporaryDirectory would."""
    folder = Path(tempfile.mkdtemp(prefix="filesync-planted-", dir=parent))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def copy_project(target: Path) -> Path:
    """Copy what the tests need. What is compiled there is valid by what the source says, not by when it was written."""
    for name in COPIED:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, target / name, ignore=shutil.ignore_patterns("__pycache__"))
            compileall.compile_dir(target / name, quiet=1, invalidation_mode=PycInvalidationMode.CHECKED_HASH)
        else:
            shutil.copy2(source, target / name)
    return target


def run_tests(copy: Path, tests: str, names: str) -> bool:
    """Run tests in a copy; return whether they pass. Raises RuntimeError when none of them ran."""
    log = copy / "log"
    process = os.fork()  # it has imported all but the package already
    if process == 0:
        _run_here(copy, ["-qq", "-x", "-p", "no:cacheprovider", "-n0", "--assert=plain", tests, "-k", names], log)
    code = os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])
    if code not in {0, 1}:
        raise RuntimeError(f"These tests did not run: {tests} -k {names!r}\n{log.read_text()[-3000:]}")
    return code == 0


def _run_here(copy: Path, arguments: list[str], log: Path) -> None:
    """Run pytest in this process, as if it had begun in the copy; never return."""
    code = 3  # pytest's own for an error of its own
    try:
        with log.open("wb") as output:
            os.dup2(output.fileno(), 1)
            os.dup2(output.fileno(), 2)
        os.chdir(copy)
        os.environ |= {"PYTHONPATH": str(copy), "PYTHONDONTWRITEBYTECODE": "1"}
        sys.dont_write_bytecode = True
        sys.path.insert(0, str(copy))
        _find_without_shrinking()
        for name in [name for name in sys.modules if name.split(".")[0] in {PACKAGE, TESTS}]:
            del sys.modules[name]
        code = int(sys.modules["pytest"].main(arguments))
        atexit._run_exitfuncs()
        sys.stdout.flush()
    finally:
        os._exit(code)


def _find_without_shrinking() -> None:
    """Make Hypothesis stop at the first example that fails: here nobody reads it."""
    from hypothesis import Phase, settings

    phases = [phase for phase in Phase if phase not in {Phase.shrink, Phase.explain}]
    settings.register_profile("planted", settings.get_profile(settings.get_current_profile_name()), phases=phases)
    settings.load_profile("planted")


def verdict(bug: Bug, copy: Path) -> str:
    """Plant a bug in a copy, run its tests and take it out again; return what came of it."""
    file = copy / PACKAGE / bug.file
    if (found := places(bug, copy / PACKAGE)) != 1:
        return f"cannot be planted: {bug.right!r} is {found} times in {bug.file}"
    text = file.read_text()
    file.write_text(text.replace(bug.right, bug.wrong))
    try:
        return "SURVIVES" if run_tests(copy, bug.tests, bug.names) else "found"
    finally:
        file.write_text(text)


def plant(tests: str, bugs: Sequence[Bug], folder: Path) -> list[tuple[Bug, str, float]]:
    """Return what came of the bugs that one file of tests must find, and how many seconds each took."""
    with new_folder(folder) as copied:
        copy = copy_project(copied)
        names = " or ".join(f"({bug.names})" for bug in bugs) if all(bug.names for bug in bugs) else ""
        if not run_tests(copy, tests, names):
            return [(bug, "its tests fail without it", 0.0) for bug in bugs]
        told = []
        for bug in bugs:
            began = time.monotonic()
            told.append((bug, verdict(bug, copy), time.monotonic() - began))
        return told


def group_by_tests(bugs: Iterable[Bug]) -> list[tuple[str, list[Bug]]]:
    """Return the bugs by the file of their tests, the largest group first."""
    groups: dict[str, list[Bug]] = {}
    for bug in bugs:
        groups.setdefault(bug.tests, []).append(bug)
    return sorted(groups.items(), key=lambda group: -len(group[1]))


def third_of(day: date, bugs: Sequence[Bug]) -> list[Bug]:
    """Return every third bug; in three days, all of them."""
    return list(bugs[day.toordinal() % 3 :: 3])


def main(arguments: Sequence[str]) -> int:
    """Plant the bugs; print and return how many were not found."""
    parser = argparse.ArgumentParser(prog="planted_bugs", description="Plants bugs that the tests must find.")
    parser.add_argument("names", nargs="*", help="parts of the names of bugs; all of them otherwise")
    parser.add_argument("--third", action="store_true", help="only a third of them, another one each day")
    chosen = parser.parse_args(arguments)
    bugs = [bug for bug in BUGS if not chosen.names or any(word in bug.what for word in chosen.names)]
    bugs = third_of(datetime.now(UTC).date(), bugs) if chosen.third else bugs
    for name in WARM:
        import_module(name)
    missed = 0
    forking = multiprocessing.get_context("fork")
    with (
        new_folder() as folder,
        ProcessPoolExecutor(os.cpu_count() or 1, mp_context=forking) as pool,
    ):
        groups = [pool.submit(plant, tests, group, folder) for tests, group in group_by_tests(bugs)]
        for group in groups:
            for bug, said, seconds in group.result():
                missed += said != "found"
                print(f"{seconds:5.1f} s  {said:9} {bug.what} ({bug.file})", flush=True)
    print(f"{len(bugs) - missed} of {len(bugs)} planted bugs are found")
    return missed


if __name__ == "__main__":
    sys.exit(min(1, main(sys.argv[1:])))
