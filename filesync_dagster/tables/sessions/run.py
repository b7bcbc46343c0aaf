"""One generation, from the request to files: the way of the data on one page.

read → keys, relations, rules → privacy trial → fit → generate → verify → quality → export. Whoever runs it (the
command line, a worker of the server, Dagster) brings what reads the rows, and does with the files what they like.
"""

import shutil
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from filesync_dagster.core.errors import Cancelled, LimitReached, TableError
from filesync_dagster.tables.exports import Export, ExportOptions, export
from filesync_dagster.tables.model import DataSet, Table
from filesync_dagster.tables.sessions.choices import fit_options, row_request
from filesync_dagster.tables.sessions.engines import engine_settings, engine_version
from filesync_dagster.tables.sessions.prepare import ReadRows, is_described, prepare_tables
from filesync_dagster.tables.sessions.progress import SessionWatch
from filesync_dagster.tables.sessions.request import GenerationRequest
from filesync_dagster.tables.synthetic import FitOptions, Model, describe_tables, fit, generate
from filesync_dagster.tables.synthetic.peers.mostlyai.learner import EngineSettings
from filesync_dagster.tables.synthetic.privacy import PrivacyReport, privacy_sentence
from filesync_dagster.tables.synthetic.quality import QualityReport, quality_report
from filesync_dagster.tables.synthetic.trial import privacy_trial

OUTPUT_FACTOR: Final = 3
"""How many times the real bytes a generation writes: rows, export, and the copy that is kept."""

FREE_SHARE: Final = 0.8
"""Of the room on the disk that a generation may need."""


@dataclass(frozen=True)
class GeneratedData:
    """What a generation made. `made` and `export` are files in the folders that were named."""

    request: GenerationRequest
    seed: int
    real: DataSet  # what was learned from; tables without parts were only described
    made: DataSet
    export: Export
    quality: QualityReport | None = None
    privacy: PrivacyReport | None = None
    schema_only: bool = False
    warnings: tuple[Mapping[str, Any], ...] = ()
    model: Model | None = None

    @property
    def facts(self) -> dict[str, Any]:
        """What a manifest says of how it came about."""
        return manifest_facts(self.request, self.seed, schema_only=self.schema_only)


@dataclass(frozen=True)
class OutputLimits:
    """What a generation may cost."""

    rows: int | None = None  # of all tables together


def run_generation(  # noqa: PLR0917 - what is asked, and where it goes
    request: GenerationRequest,
    read: ReadRows | None,
    folder: Path,
    out: Path,
    seed: int,
    watch: SessionWatch | None = None,
    *,
    limits: OutputLimits | None = None,
    home: Path | None = None,
) -> GeneratedData:
    """Make synthetic data. `read`: None where tables are only described. `home`: where other engines are installed.

    `folder` gets the rows (`synthetic/`) and what is needed meanwhile, `out` the export. Raises TableError and what
    is below it, Cancelled among them; StorageError.
    """
    watch = watch or SessionWatch()
    settings = engine_settings(request, home)
    watch.enter("reading")
    real, words = prepare_tables(request, read, watch)
    _require_room(request, real, folder, limits or OutputLimits())
    watch.enter("fitting")
    learned = _learn(request, real, words, seed, watch, settings)
    return _write(request, real, learned, folder, out, seed, watch)


def generate_again(  # noqa: PLR0917 - what is asked, and where it goes
    request: GenerationRequest,
    model: Model,
    folder: Path,
    out: Path,
    seed: int,
    watch: SessionWatch | None = None,
    *,
    limits: OutputLimits | None = None,
) -> GeneratedData:
    """Make synthetic data of a model that was fitted before: as `run_generation`, but no real row is there to compare.

    What of the request is about the fit changes nothing.
    """
    watch = watch or SessionWatch()
    tables = tuple(Table(replace(table.schema, row_count=table.rows), ()) for table in model.tables.values())
    real = DataSet(tables, tuple(link.relation for link in model.plan.links), model.rules)
    _require_room(request, real, folder, limits or OutputLimits())
    return _write(request.model_copy(update={"report": False}), real, _Learned(model), folder, out, seed, watch)


def _write(  # noqa: PLR0917 - of what, and where it goes
    request: GenerationRequest,
    real: DataSet,
    learned: "_Learned",
    folder: Path,
    out: Path,
    seed: int,
    watch: SessionWatch,
) -> GeneratedData:
    """Generate, verify, measure and export."""
    watch.enter("generating")
    rows = row_request(request, seed)
    made = generate(learned.model, rows, folder / "synthetic", progress=watch.step, cancel=watch.is_cancelled)
    watch.enter("checking")
    quality, notes = _measure(request, real, made, learned.model, seed, watch)
    watch.enter("exporting")
    written = export(
        made,
        request.output_format,
        ExportOptions.from_json(request.export_options),
        out,
        facts=manifest_facts(request, seed, schema_only=learned.model.schema_only),
        cancel=watch.is_cancelled,
        progress=watch.export_step,
    )
    return GeneratedData(
        request=request,
        seed=seed,
        real=real,
        made=made,
        export=written,
        quality=quality,
        privacy=learned.privacy,
        schema_only=learned.model.schema_only,
        warnings=(*_warnings(request, real, made, learned), *notes, *written.warnings),
        model=learned.model,
    )


def manifest_facts(request: GenerationRequest, seed: int, *, schema_only: bool) -> dict[str, Any]:
    """Return what a manifest says of how data came about."""
    return {
        "seed": seed,
        "engine": request.engine,
        "engine_version": engine_version(request.engine),
        "scale": request.scale,
        "synthetic": True,
        "schema_only": schema_only,
    }


def _require_room(request: GenerationRequest, real: DataSet, folder: Path, limits: OutputLimits) -> None:
    """Raise LimitReached for more rows than may be, or than the disk has room for."""
    sizes = {table.name: request.scale * (table.schema.row_count or 0) for table in real.tables}
    rows = sum({**sizes, **request.rows}.values())
    if limits.rows is not None and rows > limits.rows:
        raise LimitReached(
            f"About {rows:,.0f} rows would be generated; {limits.rows:,} may be.",
            hint="Choose a smaller scale, or settings.tables.max_output_rows.",
            code="limit",
            field="scale",
        )
    written = sum(part.stat().st_size for table in real.tables for part in table.parts)
    needed = written * max(request.scale, 1) * OUTPUT_FACTOR
    folder.mkdir(parents=True, exist_ok=True)
    free = shutil.disk_usage(folder).free * FREE_SHARE
    if needed > free:
        raise LimitReached(
            f"About {needed:,.0f} bytes would be written; there is room for {free:,.0f}.",
            hint="Choose a smaller scale, or make room.",
            code="full",
            field="scale",
        )


@dataclass(frozen=True)
class _Learned:
    """A model, and what the trial before it came to."""

    model: Model
    privacy: PrivacyReport | None = None
    notes: tuple[str, ...] = ()


def _learn(  # noqa: PLR0917 - from what, and how
    request: GenerationRequest,
    real: DataSet,
    words: dict[tuple[str, str], str],
    seed: int,
    watch: SessionWatch,
    settings: EngineSettings | None,
) -> _Learned:
    options = fit_options(request, seed)
    if all(is_described(table) for table in real.tables):
        return _Learned(describe_tables(real, options, words=words))
    privacy: PrivacyReport | None = None
    notes: tuple[str, ...] = ()
    if request.report:
        options, privacy, notes = _try_privacy(real, options, seed, watch, settings)
    model = fit(real, options, settings=settings, progress=watch.step, cancel=watch.is_cancelled)
    if model.learner is not None and model.learner.epsilon is not None:
        epsilon, delta = model.learner.epsilon, model.learner.delta or 0.0
        notes = (*notes, privacy_sentence(epsilon, delta))
        privacy = None if privacy is None else replace(privacy, epsilon=epsilon, delta=delta)
    return _Learned(model, privacy, notes)


def _try_privacy(
    real: DataSet, options: FitOptions, seed: int, watch: SessionWatch, settings: EngineSettings | None
) -> tuple[FitOptions, PrivacyReport | None, tuple[str, ...]]:
    """Return the options that a trial came to, and what it measured. What a trial cannot do, the fit will say."""
    try:
        trial = privacy_trial(
            real, options, seed=seed, settings=settings, progress=watch.step, cancel=watch.is_cancelled
        )
    except Cancelled:
        raise
    except TableError as error:
        return options, None, (f"Privacy was not measured: {error.message}",)
    return trial.options, trial.report, ()


def _measure(  # noqa: PLR0917 - both sides, and how
    request: GenerationRequest, real: DataSet, made: DataSet, model: Model, seed: int, watch: SessionWatch
) -> tuple[QualityReport | None, list[Mapping[str, Any]]]:
    """Return how alike the data are, or why nobody knows."""
    if model.schema_only or not request.report:
        return None, []
    try:
        return quality_report(real, made, seed=seed, progress=watch.step, cancel=watch.is_cancelled), []
    except Cancelled:
        raise
    except TableError as error:
        return None, [{"code": error.code, "message": f"Quality was not measured: {error.message}", "count": 1}]


def _warnings(request: GenerationRequest, real: DataSet, made: DataSet, learned: _Learned) -> list[Mapping[str, Any]]:
    found: list[Mapping[str, Any]] = [
        {
            "code": warning.code,
            "message": warning.message,
            "table": table.name,
            "column": warning.column,
            "count": warning.count,
        }
        for data_set in (real, made)
        for table in data_set.tables
        for warning in table.schema.warnings
    ]
    if learned.privacy is not None and learned.privacy.remembers:
        found.append({"code": "remembers", "message": "The model remembers real rows: see the report.", "count": 1})
    texts = (*learned.model.warnings, *learned.notes)
    return [*found, *({"code": "model", "message": text, "count": 1} for text in texts)]
