"""A sensor for projects of one's own: for each batch of new or changed files of an endpoint, a run.

Its cursor is the journal's `seq`. Syncs of an endpoint come one after the other, and each journals in one transaction:
nothing appears later with a lower one. What is behind the cursor has been handed to a run, what is not yet will be. A
batch begins with the first change that is not behind the cursor and never goes past the end of its sync: evaluated once
more after a crash, the same cursor gives the same batch with the same run key, and Dagster launches no second run. Who
changes the filters or the numbers in between gets another batch with another key: files twice rather than not at all.
"""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from itertools import islice
from typing import TYPE_CHECKING, Any

import dagster as dg

from filesync_dagster.core.model import ChangeKind
from filesync_dagster.orchestration.resources import FilesyncResource

if TYPE_CHECKING:
    import pyarrow as pa

    from filesync_dagster.api import Filesync

NEW_OR_CHANGED = (ChangeKind.ADDED.value, ChangeKind.MODIFIED.value, ChangeKind.RESTORED.value)
"""What is told unless something else is asked for: there is a file, and its content may be new."""

ROWS_READ_PER_TICK = 50_000
"""Changes that one tick looks at, matching or not: the rest is looked at by the next ones."""

INITIAL = "initial"
"""The change of a file that was there when the sensor began."""


@dataclass(frozen=True)
class FileChange:
    """One file that is new or changed. `seq` is its place in the journal; of what was there at the beginning, 0."""

    endpoint: str
    external_id: str
    path: str
    change: str
    seq: int
    sync_id: str


@dataclass(frozen=True)
class FileBatch:
    """The files of one run, in the order in which they changed."""

    key: str
    files: tuple[FileChange, ...]

    @property
    def partition_key(self) -> str:
        """The partition of a run of one file: its endpoint and its id, in characters that Dagster allows."""
        from urllib.parse import quote

        [file] = self.files
        return quote(f"{file.endpoint}:{file.external_id}", safe=":-_.~")

    def as_config(self) -> dict[str, Any]:
        """Return the files as JSON values, for the configuration of an op or a tag."""
        return {"files": [asdict(file) for file in self.files]}


@dataclass(frozen=True)
class ChangeCursor:
    """How far the journal is told, and, while what was there at the beginning is, how far the snapshot is."""

    seq: int
    snapshot_uri: str | None = None
    as_of: str | None = None  # the moment that the snapshot, with the changes on top of it, is of
    offset: int = 0

    @classmethod
    def parse(cls, text: str | None) -> "ChangeCursor | None":
        """Return what a tick left; None when there was none."""
        return cls(**json.loads(text)) if text else None

    def __str__(self) -> str:
        return json.dumps(asdict(self))


Selector = Callable[[Sequence[Any]], list[bool]]
"""Tells which of some paths are meant."""


@dataclass(frozen=True)
class Wanted:
    """Which files of an endpoint are told, and how many at once."""

    endpoint: str
    select: Selector
    changes: frozenset[str]
    files_per_run: int
    runs_per_tick: int


RunConfig = Callable[[FileBatch], Mapping[str, Any] | dg.RunConfig]


def on_file_changes(
    name: str,
    *,
    endpoint: str,
    target: Any,
    run_config: RunConfig | None = None,
    include: Sequence[str] = ("**",),
    exclude: Sequence[str] = (),
    changes: Sequence[str] = NEW_OR_CHANGED,
    initial: bool = False,
    max_files_per_run: int = 100,
    max_runs_per_tick: int = 10,
    partitions: dg.DynamicPartitionsDefinition | None = None,
    tags: Callable[[FileBatch], Mapping[str, str]] | None = None,
    minimum_interval_seconds: int = 30,
    default_status: dg.DefaultSensorStatus = dg.DefaultSensorStatus.RUNNING,
) -> dg.SensorDefinition:
    """Return a sensor that runs `target` (a job, or assets) for each batch of new or changed files of an endpoint.

    `include` and `exclude` are patterns as in `filters`, `changes` kinds of the journal (`moved`, `removed`, …). With
    `initial`, the files that are there when the sensor begins come first. `run_config` makes the configuration of a run
    of its batch. With `partitions`, each run is of one file, whose partition is added. The project needs the resource
    `filesync`. Raises ValueError for a pattern, a kind or a number that means nothing.
    """
    unknown = set(changes) - {kind.value for kind in ChangeKind}
    if unknown or not changes or max_files_per_run < 1 or max_runs_per_tick < 1:
        raise ValueError(
            f"on_file_changes({name!r}): there are the changes {', '.join(kind.value for kind in ChangeKind)}; "
            "numbers are 1 or more."
        )
    files_per_run = 1 if partitions else max_files_per_run
    wanted = Wanted(endpoint, _selector(include, exclude), frozenset(changes), files_per_run, max_runs_per_tick)

    @dg.sensor(
        name=name,
        target=target,
        minimum_interval_seconds=minimum_interval_seconds,
        default_status=default_status,
        description=f"Starts runs for new and changed files of {endpoint}.",
    )
    def file_changes(
        context: dg.SensorEvaluationContext, filesync: FilesyncResource
    ) -> dg.SensorResult | dg.SkipReason:
        cursor = ChangeCursor.parse(context.cursor)
        with filesync.open() as opened:
            if cursor is None:
                return _begin(context, opened, endpoint, initial=initial)
            read = _from_snapshot if cursor.snapshot_uri else _from_journal
            batches, cursor = read(opened, wanted, cursor)
        requests = [_request(batch, run_config, tags, partitions) for batch in batches]
        # A file that changed in two syncs has one partition; Dagster refuses to add it twice.
        keys = list(dict.fromkeys(batch.partition_key for batch in batches)) if partitions else []
        added = [partitions.build_add_request(keys)] if partitions and keys else []
        if not requests and str(cursor) == context.cursor:
            return dg.SkipReason("No file is new or changed.")
        return dg.SensorResult(run_requests=requests, cursor=str(cursor), dynamic_partitions_requests=added)

    return file_changes


def _request(
    batch: FileBatch,
    run_config: RunConfig | None,
    tags: Callable[[FileBatch], Mapping[str, str]] | None,
    partitions: dg.DynamicPartitionsDefinition | None,
) -> dg.RunRequest:
    return dg.RunRequest(
        run_key=batch.key,
        run_config=run_config(batch) if run_config else None,
        tags=dict(tags(batch)) if tags else None,
        partition_key=batch.partition_key if partitions else None,
    )


def _selector(include: Sequence[str], exclude: Sequence[str]) -> Selector:
    """Return what tells which paths are meant. Raises ValueError for a pattern that means nothing."""
    from filesync_dagster.core.filters import Filters

    filters = Filters(include=list(include), exclude=list(exclude))

    def select(paths: Sequence[Any]) -> list[bool]:
        import pyarrow as pa

        batch = pa.RecordBatch.from_pydict(
            {"kind": pa.array(["file"] * len(paths)), "path": pa.array(paths, pa.string())}
        )
        return [bool(chosen) for chosen in filters.select(batch).to_pylist()]

    return select


def _begin(
    context: dg.SensorEvaluationContext, opened: "Filesync", endpoint: str, *, initial: bool
) -> dg.SensorResult | dg.SkipReason:
    """Take the first cursor, and nothing else: whatever happens to this tick, what follows begins at one moment."""
    metadata, endpoint_id = opened.runtime.metadata, opened.runtime.register(opened.config.endpoint(endpoint))
    while True:
        before = metadata.endpoints.state(endpoint_id)
        seq = metadata.files.last_seq(endpoint_id)
        if before.snapshot_sync_id == metadata.endpoints.state(endpoint_id).snapshot_sync_id:  # no sync came in between
            break
    if before.snapshot_uri is None:
        return dg.SkipReason(f"{endpoint} was never synced.")
    as_of = before.as_of.isoformat() if before.as_of else None
    cursor = ChangeCursor(seq, before.snapshot_uri, as_of) if initial else ChangeCursor(seq)
    context.update_cursor(str(cursor))
    first = "with the files that are there" if initial else "with what changes from now on"
    return dg.SkipReason(f"It begins {first}.")


def _from_snapshot(opened: "Filesync", wanted: Wanted, cursor: ChangeCursor) -> tuple[list[FileBatch], ChangeCursor]:
    """Return the next batches of the files that were there when the sensor began."""
    from filesync_dagster.sync.inventory import live_files

    batches: list[FileBatch] = []
    found: list[FileChange] = []
    endpoint, offset = opened.config.endpoint(wanted.endpoint), cursor.offset
    uri, as_of = str(cursor.snapshot_uri), datetime.fromisoformat(str(cursor.as_of))
    sync_id = uri.rpartition("/")[2].partition(".")[0]
    for rows in live_files(opened.runtime, endpoint, uri, as_of, offset):
        for row, chosen in zip(rows.to_pylist(), wanted.select(rows["path"].to_pylist()), strict=True):
            offset += 1
            if chosen:
                found.append(FileChange(endpoint.name, row["external_id"], row["path"], INITIAL, 0, sync_id))
            if len(found) == wanted.files_per_run:
                batches.append(FileBatch(f"{endpoint.name}:{INITIAL}:{offset}", tuple(found)))
                found = []
                if len(batches) == wanted.runs_per_tick:
                    return batches, replace(cursor, offset=offset)
    if found:
        batches.append(FileBatch(f"{endpoint.name}:{INITIAL}:{offset}", tuple(found)))
    return batches, ChangeCursor(cursor.seq)


def _from_journal(opened: "Filesync", wanted: Wanted, cursor: ChangeCursor) -> tuple[list[FileBatch], ChangeCursor]:
    """Return the next batches of the journal, and how far they go."""
    endpoint = opened.config.endpoint(wanted.endpoint)
    endpoint_id = opened.runtime.register(endpoint)
    journal = opened.runtime.metadata.files.journal(endpoint_id, after_seq=cursor.seq)
    batches: list[FileBatch] = []
    found: list[FileChange] = []
    seq = cursor.seq
    for row, chosen in islice(_rows(journal, wanted), ROWS_READ_PER_TICK):
        if found and (len(found) == wanted.files_per_run or found[0].sync_id != row["sync_id"]):
            batches.append(FileBatch(f"{endpoint.name}:{found[0].seq}-{found[-1].seq}", tuple(found)))
            found = []
            if len(batches) == wanted.runs_per_tick:
                break
        if chosen:
            change = FileChange(
                endpoint.name, row["external_id"], row["path"], row["change"], row["seq"], row["sync_id"]
            )
            found.append(change)
        seq = row["seq"]
    if found:
        batches.append(FileBatch(f"{endpoint.name}:{found[0].seq}-{found[-1].seq}", tuple(found)))
    return batches, ChangeCursor(seq)


def _rows(journal: Iterator["pa.RecordBatch"], wanted: Wanted) -> Iterator[tuple[dict[str, Any], bool]]:
    """Yield each change, and whether it is one to tell."""
    for batch in journal:
        for row, chosen in zip(batch.to_pylist(), wanted.select(batch["path"].to_pylist()), strict=True):
            yield row, chosen and row["change"] in wanted.changes
