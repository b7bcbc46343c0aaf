"""Dagster's web server asked over GraphQL: launch syncs, see what became of them, run them again, end and delete them.

For processes that do not import Dagster: `filesync jobs`, `filesync serve`. Whatever goes wrong is a DagsterUnreachable
(nobody answers there) or a DagsterRefused (it answered, and said no; a DagsterForeign where it does not prove to be of
our installation), with what to do. Each question begins with that proof: another one may have taken the port since.
"""

from __future__ import annotations

from collections import defaultdict
from itertools import islice
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import unquote, urlsplit

from filesync_dagster.config import without_credentials
from filesync_dagster.core.errors import DagsterRefused, DagsterUnreachable, UnknownEndpoint
from filesync_dagster.orchestration.client.locations import (
    UNREACHABLE,
    CodeLocation,
    name_some,
    own_location,
    parse_locations,
)
from filesync_dagster.orchestration.client.queries import (
    DAEMONS_QUERY,
    DELETE_MUTATION,
    LAUNCH_MUTATION,
    LOCATIONS_QUERY,
    NODES_QUERY,
    REEXECUTE_MUTATION,
    RELOAD_MUTATION,
    RUN_FRAGMENT,
    RUN_QUERY,
    RUNS_QUERY,
    TERMINATE_MUTATION,
)
from filesync_dagster.orchestration.client.runs import DaemonStatus, DagsterRun, moment_of, parse_run, selects_ours
from filesync_dagster.orchestration.tags import (
    ANY_ASSETS,
    ASSET_PREFIX,
    FULL_TAG,
    INSTALLATION_TAG,
    LIVE_TAG,
    OUR_JOBS,
    PARTITION_TAG,
    REPLICA_PREFIX,
    SYNC,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from datetime import date


ENDPOINTS_PER_RUN = 1000

RUNS_AT_ONCE = 500

IS_LIVE = {LIVE_TAG: "true"}

ANSWER_TIMEOUT_SECONDS = 30.0
"""For one answer: to launch a run, the web server loads the code location."""


class DagsterClient:
    """Asks the web server at one URL about one installation. Use as a context manager; threads may share it.

    `url` may have a user and a password, for a proxy that asks for them; the attribute is without, to be shown.
    `installation`: the id that its code must show.
    """

    def __init__(self, url: str, installation: str | None, *, timeout: float = ANSWER_TIMEOUT_SECONDS) -> None:
        from filesync_dagster.core.http import BoundedClient

        self.url = without_credentials(url).rstrip("/")
        self._installation = installation
        self._proved: str | None = None  # the code location that last proved to be of the installation
        self._http = BoundedClient(timeout=timeout, follow_redirects=True, auth=_credentials(url))

    def launch(
        self, endpoints: Sequence[str], *, day: date, full: bool = False, tags: Mapping[str, str] | None = None
    ) -> list[str]:
        """Launch the sync of some endpoints, or runs of replications; return the ids: one, unless of over a thousand.

        `day` is the partition: today, in the time zone of the partitions. Raises UnknownEndpoint for a name that
        Dagster has no asset of.
        """
        home = self._own().name
        wanted = {PARTITION_TAG: f"{day:%Y-%m-%d}", LIVE_TAG: "true", **self._tag, **(tags or {})}
        if full:
            wanted[FULL_TAG] = "true"
        launched = []
        for (repository, location, job), paths in self._homes(endpoints, home).items():
            for start in range(0, len(paths), ENDPOINTS_PER_RUN):
                some = paths[start : start + ENDPOINTS_PER_RUN]
                params = {
                    "selector": {
                        "repositoryName": repository,
                        "repositoryLocationName": location,
                        "pipelineName": job,
                        "assetSelection": [{"path": path} for path in some],
                    },
                    "executionMetadata": {"tags": [{"key": k, "value": v} for k, v in wanted.items()]},
                }
                launched.append(self._mutate(LAUNCH_MUTATION, params=params)["run"]["id"])
        return launched

    def runs(self, limit: int | None = 25, *, statuses: Iterable[str] | None = None) -> list[DagsterRun]:
        """Return the last runs of ours, newest first; all of them without a `limit`. Others may share the instance."""
        home = self._own().name
        found = [run for job in (*OUR_JOBS, ANY_ASSETS) for run in islice(self._runs_of(job, home, statuses), limit)]
        return sorted(found, key=lambda run: run.created, reverse=True)[:limit]

    def _runs_of(self, job: str, home: str, statuses: Iterable[str] | None) -> Iterator[DagsterRun]:
        """Yield the runs of a job that are ours, newest first, and ask for them as far as somebody wants to know."""
        wanted = {"pipelineName": job, **({"statuses": sorted(statuses)} if statuses else {})}
        filters = {"filter": wanted, "ours": _with_tags(wanted, self._tag), "live": _with_tags(wanted, IS_LIVE)}
        cursor: str | None = None
        while True:
            data = self._query(RUN_FRAGMENT + RUNS_QUERY, limit=RUNS_AT_ONCE, cursor=cursor, **filters)
            answer = data["runsOrError"]
            if answer["__typename"] != "Runs":
                raise DagsterRefused(f"Dagster does not list its runs: {_sentence(answer)}")
            page = answer["results"]
            ours, live = _ids(data["ours"]), _ids(data["live"])
            yield from (parse_run(one, live) for one in page if one["id"] in ours or selects_ours(one, home))
            if len(page) < RUNS_AT_ONCE:
                return
            cursor = page[-1]["id"]

    def run(self, run_id: str) -> DagsterRun | None:
        """Return one run, or None when Dagster does not know it, or it is none of ours."""
        home, this = self._own().name, {"runIds": [run_id]}
        filters = {"ours": _with_tags(this, self._tag), "live": _with_tags(this, IS_LIVE)}
        data = self._query(RUN_FRAGMENT + RUN_QUERY, id=run_id, **filters)
        answer = data["runOrError"]
        if answer["__typename"] == "Run":
            ours = run_id in _ids(data["ours"]) or selects_ours(answer, home)
            return parse_run(answer, _ids(data["live"])) if ours else None
        if answer["__typename"] == "RunNotFoundError":
            return None
        raise DagsterRefused(f"Dagster does not show the run {run_id}: {_sentence(answer)}")

    def reexecute(self, run_id: str) -> str:
        """Run again what a run of ours did not materialize; return the id of the new run."""
        self._require_run(run_id)
        params = {"parentRunId": run_id, "strategy": "FROM_ASSET_FAILURE"}
        again: str = self._mutate(REEXECUTE_MUTATION, params=params)["run"]["id"]
        return again

    def delete(self, run_id: str) -> None:
        """Forget a run of ours and its events. A run that goes on must be terminated first."""
        self._require_run(run_id)
        self._mutate(DELETE_MUTATION, id=run_id)

    def terminate(self, run_id: str, *, force: bool = False) -> None:
        """Ask a run of ours to end; `force` marks it as canceled at once, even when its process does not answer."""
        self._require_run(run_id)
        policy = "MARK_AS_CANCELED_IMMEDIATELY" if force else "SAFE_TERMINATE"
        self._mutate(TERMINATE_MUTATION, id=run_id, policy=policy)

    def daemon_health(self) -> list[DaemonStatus]:
        """Return how Dagster's daemons are doing."""
        self._own()
        statuses = self._query(DAEMONS_QUERY)["instance"]["daemonHealth"]["allDaemonStatuses"]
        return [
            DaemonStatus(
                type=one["daemonType"],
                required=one["required"],
                healthy=bool(one["healthy"]),
                last_heartbeat=moment_of(one["lastHeartbeatTime"]),
                errors=tuple(error["message"].strip() for error in one["lastHeartbeatErrors"]),
            )
            for one in statuses
        ]

    def reload(self, location: str | None = None) -> None:
        """Make the code server read endpoints.yaml again. Running syncs go on.

        Without a `location`: the one that proves to be of the installation, or did when this was last asked and has
        lost its code since.
        """
        home = self._own(location, once=True).name
        answer = self._mutate(RELOAD_MUTATION, name=home)
        loaded = answer.get("locationOrLoadError") or {}
        if loaded.get("__typename") == "PythonError":
            raise DagsterRefused(f"The code location {home} does not load: {_sentence(loaded)}")

    def reaches(self, location: str | None = None) -> bool:
        """Tell whether the code server of our location answers; code that does not load is another matter."""
        return self._own(location, once=True).error != UNREACHABLE

    def _own(self, wanted: str | None = None, *, once: bool = False) -> CodeLocation:
        """Return the code location that proves to be of the installation. Raises DagsterForeign.

        With `once`, one without code will do that proved it before: it has nothing to show.
        """
        found = parse_locations(self._query(LOCATIONS_QUERY)["workspaceOrError"])
        lost = [one for one in found if once and one.error and one.name == self._proved and wanted in {None, one.name}]
        own = lost[0] if lost else own_location(self.url, found, self._installation, wanted)
        self._proved = own.name
        return own

    @property
    def _tag(self) -> dict[str, str]:
        return {INSTALLATION_TAG: self._installation or ""}

    def _require_run(self, run_id: str) -> None:
        if self.run(run_id) is None:
            raise DagsterRefused(f"Dagster at {self.url} has no run {run_id} of this configuration.")

    def _homes(self, endpoints: Sequence[str], home: str) -> dict[tuple[str, str, str], list[list[str]]]:
        """Return by which job of our code location the assets of endpoints, and of replications, are made."""
        # No two of them have one name.
        keys = [{"path": [prefix, name]} for prefix in (ASSET_PREFIX, REPLICA_PREFIX) for name in endpoints]
        nodes = self._query(NODES_QUERY, keys=keys)["assetNodes"] if keys else []
        homes: dict[tuple[str, str, str], list[list[str]]] = defaultdict(list)
        known = set()
        for node in nodes:
            name = node["assetKey"]["path"][-1]
            is_here = node["repository"]["location"]["name"] == home
            if is_here and node["isExecutable"] and name not in known:
                job = SYNC if SYNC in node["jobNames"] else ANY_ASSETS
                homes[node["repository"]["name"], node["repository"]["location"]["name"], job].append(
                    node["assetKey"]["path"]
                )
                known.add(name)
        unknown = [name for name in endpoints if name not in known]
        if unknown:
            raise UnknownEndpoint(
                f"Dagster at {self.url} has no active endpoint or replication {name_some(unknown)}.",
                hint="Look for errors of the code location in its UI; reload it there after an edit.",
            )
        return homes

    def _mutate(self, query: str, **variables: Any) -> dict[str, Any]:
        """Return the answer to a mutation. Raises DagsterRefused for each kind of no that the schema has."""
        answer: dict[str, Any] = self._query(query, **variables)["answer"]
        kind = answer["__typename"]
        if kind.endswith("Success") or kind == "WorkspaceLocationEntry":
            return answer
        if kind == "UnauthorizedError":
            raise DagsterRefused(f"Dagster at {self.url} only shows (it is read-only).", hint="Ask another web server.")
        raise DagsterRefused(f"Dagster refused: {_sentence(answer)}")

    def _query(self, query: str, **variables: Any) -> dict[str, Any]:
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
            reason = f": {errors[0].get('message', '')}" if errors else "."
            raise DagsterRefused(
                f"{self.url} answered {response.status_code}, and not as Dagster does{reason}",
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


def _credentials(url: str) -> tuple[str, str] | None:
    """Return the user and the password of a URL."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return None
    return (unquote(parts.username or ""), unquote(parts.password or "")) if "@" in parts.netloc else None


def _with_tags(wanted: Mapping[str, Any], tags: Mapping[str, str]) -> dict[str, Any]:
    """Return a filter of runs for those among them that have tags, which may be hidden."""
    return {**wanted, "tags": [{"key": key, "value": value} for key, value in tags.items()]}


def _ids(answer: Mapping[str, Any]) -> set[str]:
    return {run["id"] for run in answer.get("results") or ()}


def _sentence(answer: Mapping[str, Any]) -> str:
    """Return what an error of the schema says, without a traceback."""
    text = answer.get("message") or " ".join(error["message"] for error in answer.get("errors") or ())
    return " ".join(text.split())[:500] or str(answer.get("__typename"))
