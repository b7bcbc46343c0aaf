"""Dagster's web server asked over GraphQL: launch syncs, see what became of them, run them again, end and delete them.

For processes that do not import Dagster: `filesync jobs`, `filesync serve`. Whatever goes wrong is a DagsterUnreachable
(nobody answers there) or a DagsterRefused (it answered, and said no), both with what to do.
"""

from __future__ import annotations

from collections import defaultdict
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import islice
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import unquote, urlsplit

from filesync_dagster.config import without_credentials
from filesync_dagster.core.errors import DagsterRefused, DagsterUnreachable, UnknownEndpoint

if TYPE_CHECKING:
    from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
    from datetime import date
    from pathlib import Path

    import httpx

    from filesync_dagster.config import Environment

DEFAULT_URL = "http://127.0.0.1:3000"
"""Where `filesync up` serves when it is not told otherwise."""

ANNOUNCEMENT = "dagster.url"
"""The file in FILESYNC_HOME that says where its `filesync up` serves."""

ASSET_PREFIX = "filesync"
"""The first part of the asset key of an endpoint; its name is the second."""

REPORTS_PREFIX = "filesync_reports"
"""The first part of the asset key of a report."""

LOCATION = "filesync"
"""The code location of `filesync up` and of the deployments here; a project of one's own has its own name."""

JOB = "sync"
ANY_ASSETS = "__ASSET_JOB"
"""Dagster's own job for any selection of assets, for a project that has no job `sync`."""

OUR_JOBS = (JOB, "receive", "maintenance")
OUR_TAG = "filesync/job"
"""On every run of a job of ours: another team's job in the same instance may have the same name."""

FULL_TAG = "filesync/full"
"""On a run that lists everything from the start, whatever the feeds tell."""

LIVE_TAG = "filesync/live"
"""On a run that syncs what is there when it begins, whatever day it was launched on, and so on its retries."""

PARTITION_TAG = "dagster/partition"

ENDPOINTS_PER_RUN = 1000

RUNS_AT_ONCE = 500

PENDING = ("QUEUED", "NOT_STARTED")
UNFINISHED = (*PENDING, "STARTING", "STARTED", "CANCELING")
FAILED = ("FAILURE",)

UNREACHABLE = "DagsterUserCodeUnreachableError"
"""The kind of error that a code location has whose code server does not answer."""

PATIENCE = 30.0
"""Seconds for one answer: to launch a run, the web server loads the code location."""

_RUN = """
fragment run on Run {
  id status jobName creationTime startTime endTime parentRunId rootRunId canTerminate
  tags { key value } assetSelection { path } assetCheckSelection { assetKey { path } }
}
"""
_RUNS = """
query ($limit: Int, $cursor: String, $filter: RunsFilter) {
  runsOrError(limit: $limit, cursor: $cursor, filter: $filter) {
    __typename ... on Error { message } ... on Runs { results { ...run } }
  }
}
"""
_ONE = "query ($id: ID!) { runOrError(runId: $id) { __typename ... on Error { message } ...run } }"
_NODES = """
query ($keys: [AssetKeyInput!]) {
  assetNodes(assetKeys: $keys) { assetKey { path } isExecutable jobNames repository { name location { name } } }
}
"""
_LAUNCH = """
mutation ($params: ExecutionParams!) {
  answer: launchRun(executionParams: $params) {
    __typename
    ... on LaunchRunSuccess { run { id } }
    ... on Error { message }
    ... on RunConfigValidationInvalid { errors { message } }
  }
}
"""
_AGAIN = """
mutation ($params: ReexecutionParams!) {
  answer: launchRunReexecution(reexecutionParams: $params) {
    __typename
    ... on LaunchRunSuccess { run { id } }
    ... on Error { message }
    ... on RunConfigValidationInvalid { errors { message } }
  }
}
"""
_DELETE = "mutation ($id: String!) { answer: deleteRun(runId: $id) { __typename ... on Error { message } } }"
_TERMINATE = """
mutation ($id: String!, $policy: TerminateRunPolicy) {
  answer: terminateRun(runId: $id, terminatePolicy: $policy) {
    __typename ... on Error { message } ... on TerminateRunFailure { message }
  }
}
"""
_DAEMONS = """
{ instance { daemonHealth { allDaemonStatuses {
  daemonType required healthy lastHeartbeatTime lastHeartbeatErrors { message }
} } } }
"""
_LOCATIONS = """
{ workspaceOrError { ... on Workspace { locationEntries {
  name locationOrLoadError { ... on PythonError { className } }
} } } }
"""
_RELOAD = """
mutation ($name: String!) {
  answer: reloadRepositoryLocation(repositoryLocationName: $name) {
    __typename
    ... on Error { message }
    ... on ReloadNotSupported { message }
    ... on RepositoryLocationNotFound { message }
    ... on WorkspaceLocationEntry { locationOrLoadError { __typename ... on PythonError { message } } }
  }
}
"""


@dataclass(frozen=True)
class DagsterRun:
    """One run as Dagster knows it."""

    id: str
    status: str  # Dagster's word: QUEUED, NOT_STARTED, STARTING, STARTED, CANCELING, SUCCESS, FAILURE, CANCELED
    job: str
    created: datetime
    started: datetime | None = None
    ended: datetime | None = None
    endpoints: tuple[str, ...] = ()  # what it was asked to sync; empty: no endpoint, or the whole job
    whole_job: bool = False  # launched without a selection: every active endpoint
    parent: str | None = None
    root: str | None = None
    can_terminate: bool = False
    tags: Mapping[str, str] = field(default_factory=dict)

    @property
    def partition(self) -> str | None:
        """The day it syncs."""
        return self.tags.get(PARTITION_TAG)

    @property
    def is_live(self) -> bool:
        """Whether it syncs what is there when it begins, whatever its partition."""
        return self.tags.get(LIVE_TAG) == "true"

    @property
    def is_full(self) -> bool:
        """Whether it lists everything from the start."""
        return self.tags.get(FULL_TAG) == "true"

    @property
    def is_pending(self) -> bool:
        """Whether it waits to be started."""
        return self.status in PENDING

    @property
    def is_finished(self) -> bool:
        """Whether nothing will happen to it any more."""
        return self.status not in UNFINISHED


@dataclass(frozen=True)
class DaemonStatus:
    """How one of Dagster's daemons is doing."""

    type: str  # SCHEDULER, SENSOR, MONITORING, …
    required: bool
    healthy: bool
    last_heartbeat: datetime | None = None
    errors: tuple[str, ...] = ()


class DagsterClient:
    """Asks the web server at one URL. Use as a context manager, or close it; threads may share it.

    `url` may have a user and a password, for a proxy that asks for them; the attribute is without, to be shown.
    """

    def __init__(self, url: str = DEFAULT_URL, *, timeout: float = PATIENCE) -> None:
        import httpx

        self.url = without_credentials(url).rstrip("/")
        self._http: httpx.Client = httpx.Client(timeout=timeout, follow_redirects=True, auth=_credentials(url))

    def launch(
        self, endpoints: Sequence[str], *, day: date, full: bool = False, tags: Mapping[str, str] | None = None
    ) -> list[str]:
        """Launch the sync of some endpoints; return the ids of its runs: one, unless they are more than a thousand.

        `day` is the partition: today, in the time zone of the partitions. Raises UnknownEndpoint for a name that
        Dagster has no asset of.
        """
        wanted = {PARTITION_TAG: f"{day:%Y-%m-%d}", LIVE_TAG: "true", **(tags or {})}
        if full:
            wanted[FULL_TAG] = "true"
        launched = []
        for (repository, location, job), names in self._homes(endpoints).items():
            for start in range(0, len(names), ENDPOINTS_PER_RUN):
                some = names[start : start + ENDPOINTS_PER_RUN]
                params = {
                    "selector": {
                        "repositoryName": repository,
                        "repositoryLocationName": location,
                        "pipelineName": job,
                        "assetSelection": [{"path": [ASSET_PREFIX, name]} for name in some],
                    },
                    "executionMetadata": {"tags": [{"key": k, "value": v} for k, v in wanted.items()]},
                }
                launched.append(self._said_yes(_LAUNCH, params=params)["run"]["id"])
        return launched

    def runs(self, limit: int | None = 25, *, statuses: Iterable[str] | None = None) -> list[DagsterRun]:
        """Return the last runs of ours, newest first; all of them without a `limit`. Others may share the instance."""
        found = [run for job in (*OUR_JOBS, ANY_ASSETS) for run in islice(self._runs_of(job, statuses), limit)]
        return sorted(found, key=lambda run: run.created, reverse=True)[:limit]

    def _runs_of(self, job: str, statuses: Iterable[str] | None) -> Iterator[DagsterRun]:
        """Yield the runs of a job that are ours, newest first, and ask for them as far as somebody wants to know."""
        wanted = {"pipelineName": job, **({"statuses": sorted(statuses)} if statuses else {})}
        cursor: str | None = None
        while True:
            answer = self._asked(_RUN + _RUNS, limit=RUNS_AT_ONCE, cursor=cursor, filter=wanted)["runsOrError"]
            if answer["__typename"] != "Runs":
                raise DagsterRefused(f"Dagster does not list its runs: {_sentence(answer)}")
            page = answer["results"]
            yield from (_run(one) for one in page if _is_ours(one))
            if len(page) < RUNS_AT_ONCE:
                return
            cursor = page[-1]["id"]

    def run(self, run_id: str) -> DagsterRun | None:
        """Return one run, or None when Dagster does not know it."""
        answer = self._asked(_RUN + _ONE, id=run_id)["runOrError"]
        if answer["__typename"] == "Run":
            return _run(answer)
        if answer["__typename"] == "RunNotFoundError":
            return None
        raise DagsterRefused(f"Dagster does not show the run {run_id}: {_sentence(answer)}")

    def reexecute(self, run_id: str) -> str:
        """Run again what a run did not materialize; return the id of the new run."""
        params = {"parentRunId": run_id, "strategy": "FROM_ASSET_FAILURE"}
        again: str = self._said_yes(_AGAIN, params=params)["run"]["id"]
        return again

    def delete(self, run_id: str) -> None:
        """Forget a run and its events. A run that goes on must be terminated first."""
        self._said_yes(_DELETE, id=run_id)

    def terminate(self, run_id: str, *, force: bool = False) -> None:
        """Ask a run to end; `force` marks it as canceled at once, even when its process does not answer."""
        policy = "MARK_AS_CANCELED_IMMEDIATELY" if force else "SAFE_TERMINATE"
        self._said_yes(_TERMINATE, id=run_id, policy=policy)

    def daemon_health(self) -> list[DaemonStatus]:
        """Return how Dagster's daemons are doing."""
        statuses = self._asked(_DAEMONS)["instance"]["daemonHealth"]["allDaemonStatuses"]
        return [
            DaemonStatus(
                type=one["daemonType"],
                required=one["required"],
                healthy=bool(one["healthy"]),
                last_heartbeat=_moment(one["lastHeartbeatTime"]),
                errors=tuple(error["message"].strip() for error in one["lastHeartbeatErrors"]),
            )
            for one in statuses
        ]

    def reload(self, location: str | None = None) -> None:
        """Make the code server read endpoints.yaml again. Running syncs go on.

        Without a `location`: `filesync`, or the only one that there is.
        """
        location = location or self._only(self._locations())
        answer = self._said_yes(_RELOAD, name=location)
        loaded = answer.get("locationOrLoadError") or {}
        if loaded.get("__typename") == "PythonError":
            raise DagsterRefused(f"The code location {location} does not load: {_sentence(loaded)}")

    def reaches(self, location: str | None = None) -> bool:
        """Tell whether the code server of a location answers; code that does not load is another matter."""
        found = self._locations()
        return found.get(location or self._only(found)) != UNREACHABLE

    def _locations(self) -> dict[str, str | None]:
        """Return the code locations, each with the kind of error that it has instead of code."""
        answer = self._asked(_LOCATIONS)["workspaceOrError"]
        entries = answer.get("locationEntries") or ()
        return {entry["name"]: (entry.get("locationOrLoadError") or {}).get("className") for entry in entries}

    def _only(self, locations: Iterable[str]) -> str:
        names = sorted(locations)
        if LOCATION in names or len(names) == 1:
            return LOCATION if LOCATION in names else names[0]
        raise DagsterRefused(
            f"Dagster at {self.url} has the code locations {_listed(names)}." if names else "Dagster has no code.",
            hint="Say with --location which of them is meant.",
        )

    def _homes(self, endpoints: Sequence[str]) -> dict[tuple[str, str, str], list[str]]:
        """Return which endpoints are in which code location, and by which job they are run there."""
        keys = [{"path": [ASSET_PREFIX, name]} for name in endpoints]
        nodes = self._asked(_NODES, keys=keys)["assetNodes"] if keys else []
        homes: dict[tuple[str, str, str], list[str]] = defaultdict(list)
        known = set()
        for node in nodes:
            name = node["assetKey"]["path"][-1]
            if node["isExecutable"] and name not in known:
                job = JOB if JOB in node["jobNames"] else ANY_ASSETS
                homes[node["repository"]["name"], node["repository"]["location"]["name"], job].append(name)
                known.add(name)
        unknown = [name for name in endpoints if name not in known]
        if unknown:
            raise UnknownEndpoint(
                f"Dagster at {self.url} has no active endpoint {_listed(unknown)}.",
                hint="Look for errors of the code location in its UI; reload it there after an edit.",
            )
        return homes

    def _said_yes(self, query: str, **variables: Any) -> dict[str, Any]:
        """Return the answer to a mutation. Raises DagsterRefused for each kind of no that the schema has."""
        answer: dict[str, Any] = self._asked(query, **variables)["answer"]
        kind = answer["__typename"]
        if kind.endswith("Success") or kind == "WorkspaceLocationEntry":
            return answer
        if kind == "UnauthorizedError":
            raise DagsterRefused(f"Dagster at {self.url} only shows (it is read-only).", hint="Ask another web server.")
        raise DagsterRefused(f"Dagster refused: {_sentence(answer)}")

    def _asked(self, query: str, **variables: Any) -> dict[str, Any]:
        import httpx

        try:
            response = self._http.post(f"{self.url}/graphql", json={"query": query, "variables": variables})
            answer = response.json()
        except (httpx.HTTPError, httpx.InvalidURL, UnicodeError) as exc:
            raise DagsterUnreachable(
                f"Dagster's web server does not answer at {self.url} ({str(exc) or type(exc).__name__}).",
                hint="Start it with `filesync up`, or say where it is with --dagster-url or FILESYNC_DAGSTER_URL.",
            ) from exc
        except ValueError as exc:
            answer = None
            cause: Exception | None = exc
        else:
            cause = None
        if not isinstance(answer, dict) or not isinstance(answer.get("data"), dict):
            errors = answer.get("errors") if isinstance(answer, dict) else None
            told = f": {errors[0].get('message', '')}" if errors else "."
            raise DagsterRefused(
                f"{self.url} answered {response.status_code}, and not as Dagster does{told}",
                hint="Is it Dagster's web server, of version 1.13?",
            ) from cause
        data: dict[str, Any] = answer["data"]
        return data

    def close(self) -> None:
        """Give the connections back."""
        self._http.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()


def dagster_url(environment: Environment) -> str:
    """Return where Dagster's web server is: FILESYNC_DAGSTER_URL, or where `filesync up` serves, or would."""
    return environment.dagster_url or announced(environment.home) or DEFAULT_URL


def announced(home: Path) -> str | None:
    """Return where the `filesync up` of this FILESYNC_HOME serves; None when none does.

    One that was killed has not taken it back: that nobody answers there is worth knowing.
    """
    try:
        return (home / ANNOUNCEMENT).read_text("utf-8").strip() or None
    except (OSError, UnicodeDecodeError):
        return None


@contextmanager
def announcing(home: Path, url: str) -> Iterator[None]:
    """Let others know, as long as this lasts. It is a convenience: what cannot be written is not."""
    file = home / ANNOUNCEMENT
    with suppress(OSError):
        file.write_text(url, "utf-8")
    try:
        yield
    finally:
        if announced(home) == url:  # not that of another one, begun since
            with suppress(OSError):
                file.unlink()


def _credentials(url: str) -> tuple[str, str] | None:
    """Return the user and the password of a URL."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return None
    return (unquote(parts.username or ""), unquote(parts.password or "")) if "@" in parts.netloc else None


def is_ours(tags: Container[str], assets: Iterable[Sequence[str]]) -> bool:
    """Tell whether a run with these tags, of these assets and of checks of them, is one of ours.

    It is when it is of one of our jobs, or of nothing but our assets: others may share the instance.
    """
    folders = {path[0] for path in assets}
    return OUR_TAG in tags or (bool(folders) and folders <= {ASSET_PREFIX, REPORTS_PREFIX})


def _is_ours(answer: Mapping[str, Any]) -> bool:
    checked = (check["assetKey"] for check in answer["assetCheckSelection"] or ())
    keys = (*(answer["assetSelection"] or ()), *checked)
    return is_ours({tag["key"] for tag in answer["tags"]}, [key["path"] for key in keys])


def _run(answer: Mapping[str, Any]) -> DagsterRun:
    paths = [key["path"] for key in answer["assetSelection"] or ()]
    return DagsterRun(
        id=answer["id"],
        status=answer["status"],
        job=answer["jobName"],
        created=datetime.fromtimestamp(answer["creationTime"], UTC),
        started=_moment(answer["startTime"]),
        ended=_moment(answer["endTime"]),
        endpoints=tuple(path[1] for path in paths if len(path) == 2 and path[0] == ASSET_PREFIX),  # noqa: PLR2004
        whole_job=answer["jobName"] == JOB and not answer["assetSelection"] and not answer["assetCheckSelection"],
        parent=answer["parentRunId"],
        root=answer["rootRunId"],
        can_terminate=answer["canTerminate"],
        tags={tag["key"]: tag["value"] for tag in answer["tags"]},
    )


def _moment(seconds: float | None) -> datetime | None:
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC)


def _sentence(answer: Mapping[str, Any]) -> str:
    """Return what an error of the schema says, without a traceback."""
    told = answer.get("message") or " ".join(error["message"] for error in answer.get("errors") or ())
    return " ".join(told.split())[:500] or str(answer.get("__typename"))


def _listed(names: Iterable[str], most: int = 5) -> str:
    names = list(names)
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(repr(name) for name in names[:most]) + more
