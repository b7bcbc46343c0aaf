"""Plans: what a replication would do now, written down before any of it is done.

A plan compares states, never replays events: the journal only says which files to compare. So what was told twice, late
or never makes no plan wrong, and a second run finds nothing to do.
"""

import hashlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import duckdb

from filesync_dagster.config import Endpoint, Replication
from filesync_dagster.connectors.destination import Destination, DestinationFacts
from filesync_dagster.core.errors import NothingKnown
from filesync_dagster.core.model import canonical_json
from filesync_dagster.replication.comparison import Comparison
from filesync_dagster.replication.guard import objections
from filesync_dagster.replication.listing import list_destination
from filesync_dagster.replication.model import PlanCounts, PlanProblem, PlanScope, PlanStatus
from filesync_dagster.replication.plan_inputs import PlanInputs
from filesync_dagster.storage.database import EndpointState, Lease
from filesync_dagster.storage.database.replications import ProblemRecord, ReplicationRecord
from filesync_dagster.sync.runtime import Runtime

MANY_SHARE: Final = 0.2
MANY_LEAST: Final = 5_000
"""Changes that the journal has past this share of the inventory, and this number: then everything is compared."""

SHOWN_PROBLEMS: Final = 100
"""Problems that a plan keeps in its own row; all of them are in `replication_problems`."""


@dataclass(frozen=True, slots=True)
class Draft:
    """A plan that is not written yet."""

    scope: PlanScope
    counts: PlanCounts
    from_seq: int
    to_seq: int
    state: EndpointState
    problems: tuple[PlanProblem, ...]
    objections: tuple[str, ...]
    comparison: Comparison = field(repr=False)
    ids: frozenset[str] | None = None  # those that were compared; None: all
    renamed: tuple[tuple[str, str], ...] = ()
    missing: int = 0  # files that the destination does not have any more, though we put them there
    changed: int = 0  # files that somebody else changed there

    @property
    def reason(self) -> str | None:
        """Why the guard holds it; None when it does not."""
        return " ".join(self.objections) or None

    def records(self, batch_rows: int = 5_000) -> Iterator[list[dict[str, Any]]]:
        """Yield its operations as rows of `operations`, in batches."""
        position = 0
        for batch in self.comparison.operations():
            rows = batch.to_pylist()
            for start in range(0, len(rows), batch_rows):
                some = rows[start : start + batch_rows]
                yield [{**row, "position": position + at, "state": "planned"} for at, row in enumerate(some)]
                position += len(some)

    def missing_ids(self) -> list[str]:
        """Return the files and folders that are not at the destination any more, and are not to be put there again.

        The others stay known until that is done: a plan that is not done must not be all that knows of them.
        """
        con = self.comparison.con
        if not self.comparison.has_listing:
            return []
        query = "SELECT external_id FROM missing_files WHERE external_id NOT IN (SELECT external_id FROM planned)"
        return [str(one) for (one,) in con.execute(query).fetchall()]

    def settled_ids(self, known: Iterable[str]) -> list[str]:
        """Return those of some files with a problem of which nothing is the matter any more, nor to be done."""
        compared = [one for one in known if self.ids is None or one in self.ids]
        query = "SELECT external_id FROM planned WHERE list_contains(?, external_id)"
        due = {str(one) for (one,) in self.comparison.con.execute(query, [compared]).fetchall()}
        return [one for one in compared if one not in due]

    def problem_records(self) -> list[ProblemRecord]:
        """Return the files of which something is the matter, as rows of `replication_problems`."""
        rows = self.comparison.con.execute("SELECT external_id, kind, path, sentence FROM excluded").fetchall()
        return [ProblemRecord(*row) for row in rows]


def fingerprint_of(replication: Replication) -> str:
    """Return a text that differs when another state may be desired: mapping, filters, mode, destination."""
    said = {
        "source": replication.source,
        "destination": [replication.destination.type, replication.destination.endpoint],
        "where": replication.destination.public_details(),
        "mode": replication.mode.value,
        "delete": replication.delete,
        "paths": replication.paths.model_dump(),
        "filters": replication.filters.fingerprint(),
        "permissions": replication.permissions,
        "rename": replication.rename_impossible,
        "export": replication.export_documents,
    }
    return hashlib.sha256(canonical_json(said).encode()).hexdigest()[:32]


def choose_scope(
    runtime: Runtime, replication: Replication, record: ReplicationRecord, asked: PlanScope | None
) -> PlanScope:
    """Return what has to be compared now."""
    now, journal_days = datetime.now(UTC), runtime.config.settings.retention.journal_days
    if record.applied_sync_id is None or asked is PlanScope.INITIAL:
        return PlanScope.INITIAL
    if asked is PlanScope.RECONCILE:
        return PlanScope.RECONCILE
    if record.fingerprint != fingerprint_of(replication):
        return PlanScope.FULL
    checked = record.reconciled_at
    if asked is None and (checked is None or now - checked >= timedelta(hours=replication.reconcile_hours)):
        return PlanScope.RECONCILE
    is_old = now - record.updated_at >= timedelta(days=journal_days)  # the journal may not reach back so far
    return PlanScope.FULL if asked is PlanScope.FULL or is_old else PlanScope.INCREMENTAL


@dataclass(frozen=True)
class Planner:
    """Makes the draft of a plan. Reads only; the destination too, where everything is compared with what lies there."""

    runtime: Runtime
    endpoint: Endpoint
    replication: Replication
    record: ReplicationRecord
    destination: Destination

    @property
    def facts(self) -> DestinationFacts:
        """What the destination is."""
        return self.destination.facts

    @contextmanager
    def draft(self, scope: PlanScope) -> Iterator[Draft]:
        """Lend a draft. Raises NothingKnown when the source was never synced; SourceError of the destination."""
        state = self.runtime.metadata.endpoints.state(self.record.source_endpoint_id)
        if state.snapshot_uri is None:
            raise NothingKnown(
                f"Nothing is known of {self.endpoint.name!r}, so there is nothing to replicate.",
                hint=f"Run `filesync sync {self.endpoint.name}` first.",
            )
        to_seq = self.runtime.metadata.files.last_seq(self.record.source_endpoint_id)
        with self.runtime.engine() as con:
            yield self._draft(con, scope, state, to_seq)

    def _draft(self, con: duckdb.DuckDBPyConnection, scope: PlanScope, state: EndpointState, to_seq: int) -> Draft:
        # Names that differ in case only are found beside all others.
        if scope is PlanScope.INCREMENTAL and (not self.facts.case_sensitive or self._is_many(to_seq, state)):
            scope = PlanScope.FULL
        named, renamed = self._named_ids(scope, to_seq)
        found = PlanInputs(self.runtime, self.endpoint, self.replication, self.record, self.facts, con)
        if scope is PlanScope.INCREMENTAL:
            desired, ids = found.load_some(named, renamed)
        else:
            desired, ids = found.load_all(renamed), None
        drift = None
        if scope in {PlanScope.INITIAL, PlanScope.RECONCILE} and self.facts.lists:
            drift = list_destination(con, self.destination, self.replication)
        comparison = Comparison(con, self.replication, self.facts, has_listing=drift is not None)
        found.load_gone({old for old, _ in renamed})
        comparison.run()
        counts = comparison.counts(skipped=desired.skipped, impossible=desired.impossible)
        before = self.runtime.metadata.replications.totals(self.record.id).files
        return Draft(
            scope,
            counts,
            self.record.applied_seq,
            to_seq,
            state,
            desired.problems[:SHOWN_PROBLEMS],
            tuple(objections(self.replication, counts, before=before)),
            comparison,
            ids,
            tuple(renamed),
            *(drift or (0, 0)),
        )

    def _named_ids(self, scope: PlanScope, to_seq: int) -> tuple[set[str], list[tuple[str, str]]]:
        """Return the files that the journal names, and those of which something was the matter; and changed ids.

        Where everything is compared, only the latter: the journal of all that there ever was may be long.
        """
        is_all = scope is not PlanScope.INCREMENTAL
        named: set[str] = set()
        renamed: dict[str, str] = {}
        first_ids: dict[str, str] = {}
        journal = self.runtime.metadata.files.journal_ids(
            self.record.source_endpoint_id, self.record.applied_seq, to_seq, renamed_only=is_all
        )
        for external_id, earlier in journal:
            named.add(external_id)
            if earlier is not None and earlier != external_id:
                named.add(earlier)
                first = first_ids.pop(earlier, earlier)  # a chain of renames is one
                renamed[first] = external_id
                first_ids[external_id] = first
        if not is_all:
            named.update(one.external_id for one in self.runtime.metadata.replications.problems(self.record.id))
        return named, list(renamed.items())

    def _is_many(self, to_seq: int, state: EndpointState) -> bool:
        """Whether the journal names so much that everything is compared sooner."""
        files, record = self.runtime.metadata.files, self.record
        count = files.journal_count(record.source_endpoint_id, record.applied_seq, to_seq)
        return count > max(MANY_LEAST, MANY_SHARE * state.files_total)


def note_findings(runtime: Runtime, lease: Lease, draft: Draft) -> None:
    """Write what a draft found out, whether or not there is something to do: ids, what is missing, problems."""
    if draft.renamed:
        runtime.metadata.replicas.rename_ids(lease, draft.renamed)
    if missing := draft.missing_ids():
        runtime.metadata.replicas.forget_files(lease, missing)
    repository = runtime.metadata.replications
    settled = draft.settled_ids(one.external_id for one in repository.problems(lease.endpoint_id))
    repository.replace_problems(lease, draft.problem_records(), settled=settled)


def write_draft(runtime: Runtime, lease: Lease, replication: Replication, draft: Draft, run_id: str | None) -> int:
    """Write a plan with its operations and problems; return its id."""
    note_findings(runtime, lease, draft)
    status = PlanStatus.HELD if draft.objections else PlanStatus.PLANNED
    values = {
        "scope": draft.scope.value,
        "status": status.value,
        "from_seq": draft.from_seq,
        "to_seq": draft.to_seq,
        "as_of_sync_id": draft.state.snapshot_sync_id,
        "as_of": draft.state.as_of,
        "mode": replication.mode.value,
        "fingerprint": fingerprint_of(replication),
        "counts": asdict(draft.counts),
        "problems": [asdict(problem) for problem in draft.problems],
        "bytes": draft.counts.bytes,
        "guard_reason": draft.reason,
        "run_id": run_id,
    }
    return runtime.metadata.plans.add(lease, values, draft.records())
