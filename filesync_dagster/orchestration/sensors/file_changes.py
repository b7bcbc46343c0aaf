"""A sensor for projects of one's own: for each batch of new or changed files of an endpoint, a run.

Its cursor is the journal's `seq`. Syncs of an endpoint come one after the other, and each journals in one transaction:
nothing appears later with a lower one. What is behind the cursor has been handed to a run, what is not yet will be. A
batch begins with the first change that is not behind the cursor and never goes past the end of its sync: evaluated once
more after a crash, the same cursor gives the same batch, whose run key is made of its files, and Dagster launches no
second run. Who changes the filters or the numbers in between gets other batches: files twice rather than not at all.
"""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from hashlib import sha256
from itertools import chain, islice
from typing import TYPE_CHECKING, Any

import dagster as dg

from filesync_dagster.core.model import JOURNALED, ChangeKind, canonical_json
from filesync_dagster.orchestration.resources import FilesyncResource

if TYPE_CHECKING:
    import pyarrow as pa

    from filesync_dagster.api import Filesync

NEW_OR_CHANGED = (ChangeKind.ADDED.value, ChangeKind.MODIFIED.value, ChangeKind.RESTORED.value)
"""The kinds unless others are asked for: there is a file, and its content may be new."""

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
    """The files of one run, in the order in which they changed; those that were there at the beginning, by path."""

    files: tuple[FileChange, ...]

    @property
    def run_key(self) -> str:
        """The key of the run: another one for other files."""
        digest = sha256(canonical_json(self.as_config()).encode()).hexdigest()[:32]
        return f"{self.files[0].endpoint}:{digest}"

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
    """How far the journal is read, and, while it is still about what was there at the beginning, the snapshot."""

    seq: int
    snapshot_uri: str | None = None
    until: int | None = None  # the last sync whose changes count on top of it
    offset: int = 0

    @classmethod
    def parse(cls, text: str | None) -> "ChangeCursor | None":
        """Return what a tick left; None when there was none."""
        if not text:
            return None
        known = json.loads(text)
        return cls(**{name: known[name] for name in cls.__dataclass_fields__ if name in known})

    def __str__(self) -> str:
        return json.dumps(asdict(self))


Selector = Callable[[Sequence[Any]], list[bool]]
"""Tells which of some paths are meant."""


@dataclass(frozen=True)
class Selection:
    """Which files of an endpoint start runs, and how many at once."""

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
    unknown = set(changes) - {kind.value for kind in JOURNALED}
    if unknown or not changes or max_files_per_run < 1 or max_runs_per_tick < 1:
        raise ValueError(
            f"on_file_changes({name!r}): there are the changes {', '.join(sorted(JOURNALED))}; numbers are 1 or more."
        )
    files_per_run = 1 if partitions else max_files_per_run
    selection = Selection(endpoint, _selector(include, exclude), frozenset(changes), files_per_run, max_runs_per_tick)

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
            batches, cursor = read(opened, selection, cursor)
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
        run_key=batch.run_key,
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
        if before.seq == metadata.endpoints.state(endpoint_id).seq:  # no sync came in between
            break
    if before.snapshot_uri is None:
        return dg.SkipReason(f"{endpoint} was never synced.")
    cursor = ChangeCursor(seq, before.snapshot_uri, before.seq) if initial else ChangeCursor(seq)
    context.update_cursor(str(cursor))
    first = "with the files that are there" if initial else "with what changes from now on"
    return dg.SkipReason(f"It begins {first}.")


def _from_snapshot(
    opened: "Filesync", selection: Selection, cursor: ChangeCursor
) -> tuple[list[FileBatch], ChangeCursor]:
    """Return the next batches of the files that were there when the sensor began."""
    from filesync_dagster.sync.inventory import live_files

    endpoint = opened.config.endpoint(selection.endpoint)
    uri = str(cursor.snapshot_uri)
    sync_id = uri.rpartition("/")[2].partition(".")[0]
    rows = live_files(opened.runtime, endpoint, uri, cursor.until, cursor.offset, ROWS_READ_PER_TICK)
    files = [
        FileChange(endpoint.name, row["external_id"], row["path"], INITIAL, 0, sync_id) if chosen else None
        for batch in rows
        for row, chosen in _rows(batch, selection)
    ]
    batches, offset = _cut(enumerate(files, cursor.offset + 1), selection, cursor.offset)
    if len(files) < ROWS_READ_PER_TICK and offset == cursor.offset + len(files):
        return batches, ChangeCursor(cursor.seq)
    return batches, replace(cursor, offset=offset)


def _from_journal(
    opened: "Filesync", selection: Selection, cursor: ChangeCursor
) -> tuple[list[FileBatch], ChangeCursor]:
    """Return the next batches of the journal, and how far they go."""
    endpoint_id = opened.runtime.register(opened.config.endpoint(selection.endpoint))
    journal = opened.runtime.metadata.files.journal(endpoint_id, after_seq=cursor.seq)
    rows = (_rows(batch, selection) for batch in journal)
    files = (
        (row["seq"], _change(selection.endpoint, row) if chosen and row["change"] in selection.changes else None)
        for row, chosen in islice(chain.from_iterable(rows), ROWS_READ_PER_TICK)
    )
    batches, seq = _cut(files, selection, cursor.seq)
    return batches, ChangeCursor(seq)


def _rows(batch: "pa.RecordBatch", selection: Selection) -> Iterator[tuple[dict[str, Any], bool]]:
    """Return each row, and whether its path is chosen."""
    return zip(batch.to_pylist(), selection.select(batch["path"].to_pylist()), strict=True)


def _change(endpoint: str, row: Mapping[str, Any]) -> FileChange:
    return FileChange(endpoint, row["external_id"], row["path"], row["change"], row["seq"], row["sync_id"])


def _cut(
    files: Iterable[tuple[int, FileChange | None]], selection: Selection, behind: int
) -> tuple[list[FileBatch], int]:
    """Return the next batches, and the position up to which everything is in one of them or not chosen.

    `files`: positions, each with its file, None when that is not chosen. `behind`: the position before them.
    """
    batches: list[FileBatch] = []
    found: list[FileChange] = []
    for position, file in files:
        if found and (len(found) == selection.files_per_run or (file and file.sync_id != found[0].sync_id)):
            batches.append(FileBatch(tuple(found)))
            found = []
            if len(batches) == selection.runs_per_tick:
                break
        if file:
            found.append(file)
        behind = position
    if found:
        batches.append(FileBatch(tuple(found)))
    return batches, behind
