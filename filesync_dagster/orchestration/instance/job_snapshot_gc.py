"""What Dagster itself never deletes: its descriptions of jobs and of plans, in the table `snapshots` beside the runs.

There is one of each for every different set of endpoints that a run ever selected; with many endpoints and intervals of
their own hardly two sets are alike. A description goes with the last run that it is about.
"""

import re
import zlib
from collections.abc import Container, Iterable, Iterator, Mapping
from typing import Any

import dagster as dg
from dagster._core.storage.runs import SqlRunStorage
from dagster._core.storage.runs.schema import RunsTable, SnapshotsTable

from filesync_dagster.storage.database.parameters import in_batches

DESCRIPTIONS_AT_ONCE = 100
"""Runs or descriptions that are read at once: one of a thousand endpoints is some 100 KB."""

PLAN = re.compile(rb'"execution_plan_snapshot_id":\s*(?:"(\w+)"|null)')
"""In what Dagster stores of a run. It is searched, not parsed: a run may name a thousand assets."""

WHOLE = re.compile(rb'"lineage_snapshot":\s*(?:null|\{.*?"parent_snapshot_id":\s*"(\w+)")', re.DOTALL)
"""In what describes a job of which a run selected a part: the description of the whole job."""


Descriptions = tuple[str | None, str | None]
"""The ids of what describes a run: its job, and its plan."""


def mark(instance: dg.DagsterInstance, gone: Mapping[str, Descriptions]) -> set[str]:
    """Return the ids of what described runs that are gone, and no other; `gone`: by the id of each run."""
    storage = instance.run_storage
    suspected = {found for described in gone.values() for found in described if found}
    if not suspected or not isinstance(storage, SqlRunStorage):
        return set()
    try:
        return (suspected | _wholes(storage, suspected)) - _needed(storage, gone)
    except _UnknownFormatError:
        return set()  # another version of Dagster: all of it stays


def sweep(instance: dg.DagsterInstance, ids: Iterable[str], *, dry_run: bool) -> int:
    """Delete descriptions that nothing needs; return how many went, or (`dry_run`) would go."""
    storage = instance.run_storage
    if not isinstance(storage, SqlRunStorage):
        return 0
    act = _count if dry_run else _delete
    return sum(act(storage, some) for some in in_batches(ids, DESCRIPTIONS_AT_ONCE))


def _needed(storage: SqlRunStorage, gone: Container[str]) -> set[str]:
    """Return what describes the runs that stay, and the whole jobs of which they selected parts."""
    stay = ((job, body) for run_id, job, body in _runs(storage) if run_id not in gone)
    needed = {found for job, body in stay for found in (job, _search(PLAN, body.encode())) if found}
    return needed | _wholes(storage, needed)


class _UnknownFormatError(Exception):
    """What Dagster stored is not written as it was."""


def _runs(storage: SqlRunStorage) -> Iterator[tuple[str, str | None, str]]:
    """Yield each run's id, the description of its job, and all that is stored of it."""
    runs, last = RunsTable.c, 0
    query = RunsTable.select().with_only_columns(runs.id, runs.run_id, runs.snapshot_id, runs.run_body)
    while page := _rows(storage, query.where(runs.id > last).order_by(runs.id).limit(DESCRIPTIONS_AT_ONCE)):
        yield from (row[1:] for row in page)
        last = page[-1].id


def _wholes(storage: SqlRunStorage, ids: Iterable[str]) -> set[str]:
    """Return the descriptions of the whole jobs, of parts of which some of these are."""
    kept = SnapshotsTable.c
    bodies = SnapshotsTable.select().with_only_columns(kept.snapshot_body).where(kept.snapshot_type == "PIPELINE")
    return {
        whole
        for some in in_batches(ids, DESCRIPTIONS_AT_ONCE)
        for (body,) in _rows(storage, bodies.where(kept.snapshot_id.in_(some)))
        if (whole := _search(WHOLE, zlib.decompress(body)))
    }


def _search(what: re.Pattern[bytes], text: bytes) -> str | None:
    found = what.search(text)
    if not found:
        raise _UnknownFormatError
    return found[1].decode() if found[1] else None


def _count(storage: SqlRunStorage, ids: list[str]) -> int:
    kept = SnapshotsTable.c.snapshot_id
    return len(_rows(storage, SnapshotsTable.select().with_only_columns(kept).where(kept.in_(ids))))


def _delete(storage: SqlRunStorage, ids: list[str]) -> int:
    kept, job = SnapshotsTable.c.snapshot_id, RunsTable.c.snapshot_id
    of_runs = RunsTable.select().with_only_columns(job).where(job.in_(ids))  # one may have begun since
    with storage.connect() as connection:
        gone = connection.execute(SnapshotsTable.delete().where(kept.in_(ids), kept.not_in(of_runs)))
    return int(gone.rowcount)


def _rows(storage: SqlRunStorage, query: Any) -> list[Any]:
    with storage.connect() as connection:
        return list(connection.execute(query))
