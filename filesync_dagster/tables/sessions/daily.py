"""One generation of endpoints.yaml, for one day: the tables that its sources have on that day, and data like them.

It is a session like those that are asked for over the API, run by the same function: it is listed with them, and its
files are kept as long as theirs.
"""

import hashlib
import secrets
import shutil
import tempfile
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import orjson

from filesync_dagster.config import GenerationConfig, SeedKind
from filesync_dagster.core.errors import Cancelled, FilesyncError, KeysBroken, TableError
from filesync_dagster.core.logging import event
from filesync_dagster.storage.database.processes import Process
from filesync_dagster.storage.database.session_files import SessionFileRecord
from filesync_dagster.storage.database.sessions import SessionRecord
from filesync_dagster.storage.database.stored_tables import StoredTableRecord
from filesync_dagster.sync.runtime import Runtime
from filesync_dagster.tables.daily.access import table_store
from filesync_dagster.tables.daily.status import GENERATION_OWNER
from filesync_dagster.tables.model import DataSet, TableRelation
from filesync_dagster.tables.sessions.progress import SessionWatch
from filesync_dagster.tables.sessions.request import GenerationRequest, RequestedRule, SavedSource
from filesync_dagster.tables.sessions.run import GeneratedData, OutputLimits, run_generation
from filesync_dagster.tables.sources.deadline import never_cancelled
from filesync_dagster.tables.synthetic import ENGINE, ENGINE_VERSION, verify

LIFE_INTERVAL_SECONDS = 10.0
"""Between two signs of life; a session without one for a minute counts as given up."""

SEED_BITS = 62
TOO_MANY_QUEUED = 1_000_000
"""Those of endpoints.yaml do not wait in the line of the API."""


@dataclass(frozen=True)
class DayResult:
    """What one generation gave. `measures`: what its checks go by."""

    name: str
    day: date
    session_id: str
    state: str  # completed | failed
    seed: int | None = None
    rows: Mapping[str, int] = field(default_factory=dict)
    files: Sequence[str] = ()
    measures: Mapping[str, Any] = field(default_factory=dict)
    input_hashes: Mapping[str, str] = field(default_factory=dict)
    data_version: str | None = None
    error: str | None = None
    error_code: str | None = None


def generate_day(
    runtime: Runtime,
    generation: GenerationConfig,
    day: date,
    *,
    run_id: str | None = None,
    cancelled: Callable[[], bool] = never_cancelled,
) -> DayResult:
    """Make the synthetic data of a day. What fails gives a failed result, and no file. Raises DatabaseError."""
    session, worker = _begin(runtime, generation, day, run_id), Process.current()
    sessions, keep = runtime.metadata.sessions, timedelta(days=runtime.config.settings.tables.session_days)
    seed = session.seed or 0
    result = DayResult(generation.name, day, session.id, "failed", seed)
    try:
        records, relations = _inputs(runtime, generation, day)
        with _signs_of_life(runtime, session.id, worker, cancelled) as stop:
            watch = SessionWatch(is_cancelled=stop)
            made, files = _generate(runtime, generation, result, records, relations, watch)
        known = {f"{record.source}.{record.name}": record.content_hash for record in records}
        result = replace(made, input_hashes=known)
        values: dict[str, Any] = {
            "input_hashes": known,
            "result": {"generation": generation.name, "day": day.isoformat(), "rows": made.rows, **made.measures},
            "engine_version": ENGINE_VERSION,
        }
        if not sessions.finish(session.id, worker, "completed", keep=keep, files=files, **values):
            raise Cancelled("The generation was cancelled.", code="cancelled")
    except FilesyncError as error:
        result = replace(result, error=str(error), error_code=getattr(error, "code", "failed"))
        ended: dict[str, Any] = {"error": error.message, "error_code": result.error_code, "error_hint": error.hint}
        state = "cancelled" if isinstance(error, Cancelled) else "failed"
        result = replace(result, state=state)
        sessions.finish(session.id, worker, state, keep=keep, **ended)
        shutil.rmtree(runtime.home / "sessions" / session.id, ignore_errors=True)
    event("tables.generated", generation=generation.name, day=day.isoformat(), state=result.state, error=result.error)
    return result


@contextmanager
def _signs_of_life(
    runtime: Runtime, session_id: str, worker: Process, cancelled: Callable[[], bool]
) -> Iterator[Callable[[], bool]]:
    """Say in the session's row that somebody works on it; yield what tells that nobody wants it any more."""
    over, unwanted = threading.Event(), threading.Event()

    def beat() -> None:
        while not over.wait(LIFE_INTERVAL_SECONDS):
            with suppress(FilesyncError):  # the database is away: the next sign will do
                if not runtime.metadata.sessions.show_life(session_id, worker):
                    unwanted.set()

    thread = threading.Thread(target=beat, name="filesync-generation", daemon=True)
    thread.start()
    try:
        yield lambda: cancelled() or unwanted.is_set()
    finally:
        over.set()
        thread.join()


def seed_of(generation: GenerationConfig, day: date) -> int:
    """Return the seed of a day: the number that is given, or one that only depends on the name, and the day."""
    if not isinstance(generation.seed, SeedKind):
        return generation.seed
    text = generation.name if generation.seed is SeedKind.FIXED else f"{generation.name} {day.isoformat()}"
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8]) >> (64 - SEED_BITS)


def request_of(generation: GenerationConfig, day: date) -> GenerationRequest:
    """Return the generation of a day as the request that it is over the API."""
    tables = list(generation.tables) if generation.tables is not None else None
    return GenerationRequest(
        sources=[SavedSource(name=name, tables=tables, read="stored") for name in generation.sources],
        scale=generation.scale,
        rows=dict(generation.rows),
        output_format=generation.export.format,
        export_options=dict(generation.export.options),
        random_seed=seed_of(generation, day),
        rules=[RequestedRule(table=one.table, expression=one.expression) for one in generation.rules],
        keep=list(generation.keep),
        locale=generation.locale,
    )


def _begin(runtime: Runtime, generation: GenerationConfig, day: date, run_id: str | None) -> SessionRecord:
    request = request_of(generation, day).model_dump(mode="json", exclude_defaults=True)
    record = SessionRecord(
        id=f"session_{secrets.token_hex(16)}",
        state="queued",
        request=request,
        engine=ENGINE,
        owner=f"{GENERATION_OWNER}{generation.name}",
        request_digest=hashlib.sha256(orjson.dumps(request, option=orjson.OPT_SORT_KEYS)).hexdigest(),
        created_at=datetime.now(UTC),
        seed=seed_of(generation, day),
        run_id=run_id,
    )
    added = runtime.metadata.sessions.add(record, queued_max=TOO_MANY_QUEUED)
    return runtime.metadata.sessions.begin(added.id, Process.current())


def _inputs(
    runtime: Runtime, generation: GenerationConfig, day: date
) -> tuple[list[StoredTableRecord], list[TableRelation]]:
    """Return the tables that the sources have on a day, and their relations. Raises TableError."""
    records: list[StoredTableRecord] = []
    relations: list[TableRelation] = []
    for name in generation.sources:
        found = runtime.metadata.tables.latest(name, day=day.isoformat())
        if not found:
            raise TableError(
                f"Nothing of the source {name} is stored for {day}.",
                hint=f"Materialize tables/{name} for that day first.",
                code="no_past",
                field="sources",
            )
        records += [one for one in found if generation.tables is None or one.name in generation.tables]
        read = runtime.metadata.source_reads.last_until(name, day.isoformat())
        relations += [TableRelation.from_json(one) for one in (read.findings.get("relations", ()) if read else ())]
    names = [record.name for record in records]
    twice = sorted({name for name in names if names.count(name) > 1})
    missing = sorted(set(generation.tables or ()) - set(names))
    if twice or missing:
        what = f"Two sources have a table {twice[0]}" if twice else f"No source has a table {missing[0]}"
        raise TableError(f"{what}.", hint="Name the tables with `tables:`.", code="bad_tables", field="tables")
    return records, [one for one in relations if one.child in names and one.parent in names]


def _generate(  # noqa: PLR0917 - what a generation consists of
    runtime: Runtime,
    generation: GenerationConfig,
    result: DayResult,
    records: Sequence[StoredTableRecord],
    relations: Sequence[TableRelation],
    watch: SessionWatch,
) -> tuple[DayResult, list[SessionFileRecord]]:
    store = table_store(runtime)
    real = DataSet(tuple(store.load(record.manifest_uri) for record in records), tuple(relations))
    target, seed = runtime.folder("sessions", result.session_id), result.seed or 0
    limits = OutputLimits(runtime.config.settings.tables.max_output_rows)
    with tempfile.TemporaryDirectory(prefix="generation-", dir=runtime.folder("tmp")) as folder:
        request = request_of(generation, result.day)
        found = run_generation(request, lambda _: real, Path(folder), target, seed, watch, limits=limits)
        measures = _measures(found)
        hashes = {table.name: table.schema.content_hash for table in found.made.tables}
        rows = {table.name: table.schema.row_count or 0 for table in found.made.tables}
    paths = [target / file.name for file in found.export.files]
    report = {
        "quality": found.quality and found.quality.as_json(),
        "privacy": found.privacy and found.privacy.as_json(),
    }
    (target / "report.json").write_bytes(orjson.dumps(report, default=str))
    files = [
        *(_file(result.session_id, path, "export") for path in paths),
        _file(result.session_id, found.export.manifest, "manifest"),
        _file(result.session_id, target / "report.json", "report"),
    ]
    version = hashlib.sha256(orjson.dumps(hashes, option=orjson.OPT_SORT_KEYS)).hexdigest()
    done = replace(
        result,
        state="completed",
        rows=rows,
        files=tuple(map(str, paths)),
        measures=measures,
        data_version=version,
    )
    return done, files


def _measures(found: GeneratedData) -> dict[str, Any]:
    """Return what the checks go by: keys on what was written, rules, the headline, copied rows, the naive sampler."""
    try:
        verify(found.made)
        broken = None
    except KeysBroken as error:
        broken = error.message
    quality, privacy = found.quality, found.privacy
    headline = quality.headline if quality else None
    copied = privacy.tables if privacy else ()
    return {
        "keys_broken": broken,
        "rules": [{"rule": f"{one.rule.table}: {one.label}", "share": one.synthetic} for one in quality.rules]
        if quality
        else [],
        "quality": headline.score.value if headline else None,
        "quality_of": headline.as_json() if headline else None,
        "naive": quality.naive_headline if quality else None,
        "ceiling": quality.ceiling_headline if quality else None,
        "exact_rows": {one.name: max(0.0, one.exact_rows - one.exact_rows_of_holdout) for one in copied},
        "statements": list(privacy.statements) if privacy else [],
        "groups": [group.as_json() for group in quality.groups] if quality else [],
        "warnings": [str(warning["message"]) for warning in found.warnings],
    }


def _file(session_id: str, path: Path, kind: str) -> SessionFileRecord:
    kinds = {".json": "application/json", ".zip": "application/zip", ".csv": "text/csv", ".sql": "application/sql"}
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return SessionFileRecord(
        session_id=session_id,
        name=path.name,
        kind=kind,
        media_type=kinds.get(path.suffix, "application/octet-stream"),
        uri=str(path),
        size=path.stat().st_size,
        sha256=digest,
        created_at=datetime.now(UTC),
    )
