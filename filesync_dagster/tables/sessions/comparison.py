"""One comparison, from the request to its report: real and synthetic tables, read as those of generations are."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import orjson

from filesync_dagster.core.errors import TableError
from filesync_dagster.storage.database.sessions import SessionRecord
from filesync_dagster.sync.runtime import Runtime
from filesync_dagster.tables.model import DataSet
from filesync_dagster.tables.sessions.comparison_request import ComparedData, ComparisonRequest, restore_comparison
from filesync_dagster.tables.sessions.export import session_data
from filesync_dagster.tables.sessions.files import REPORT, NewFile, SessionStore
from filesync_dagster.tables.sessions.inputs import read_inputs
from filesync_dagster.tables.sessions.prepare import is_described, prepare_tables
from filesync_dagster.tables.sessions.progress import SessionWatch
from filesync_dagster.tables.sessions.result import quality_summary
from filesync_dagster.tables.synthetic.quality import QualityReport, quality_report
from filesync_dagster.tables.synthetic.resemblance import ResemblanceReport, resemblance_report


@dataclass(frozen=True)
class ComparedResult:
    """What a comparison came to."""

    request: ComparisonRequest
    real: DataSet
    quality: QualityReport
    resemblance: ResemblanceReport

    @property
    def values(self) -> dict[str, Any]:
        """What the row of the session has of it, as JSON values."""
        distant = self.resemblance.distant_rows
        summary = quality_summary(self.quality, distant, self.request.threshold)
        metrics = {"quality_score": summary["score"], **summary}
        return {"tables": [], "quality": summary, "quality_metrics": metrics, "output_files": []}

    def write_report(self, folder: Path) -> NewFile:
        """Write the report into a folder; return it as a file of the session."""
        sources = [
            {"table": table.name, "source": table.schema.source, "content_hash": table.schema.content_hash}
            for table in self.real.tables
        ]
        report = {
            "schema_only": False,
            "quality": self.quality.as_json(),
            "privacy": self.resemblance.as_json(),
            "relations": [one.as_json() for one in self.real.relations if one.holds],
            "rules": [one.as_json() for one in self.real.rules if one.enabled],
            "sources": sources,
        }
        path = folder / REPORT
        path.write_bytes(orjson.dumps(report, default=str, option=orjson.OPT_SERIALIZE_NUMPY))
        return NewFile(path, REPORT, "report")


def run_comparison(
    runtime: Runtime, record: SessionRecord, secrets: Mapping[str, str], folder: Path, watch: SessionWatch
) -> ComparedResult:
    """Compare what a session names. Raises TableError and what is below it, Cancelled among them; StorageError."""
    request = restore_comparison(record.request, secrets)
    watch.enter("reading")
    real = _read(runtime, request.real, folder / "real", watch)
    synthetic = _alike(real, _read(runtime, request.synthetic, folder / "synthetic", watch, is_real=False))
    for side in (real, synthetic):
        for table in side.tables:
            if is_described(table):
                raise TableError(
                    f"Of {table.name} there is only a description, and no row.", code="not_comparable", field=table.name
                )
    watch.enter("checking")
    how: dict[str, Any] = {"seed": request.random_seed, "progress": watch.step, "cancel": watch.is_cancelled}
    quality = quality_report(real, synthetic, **how)
    if quality.headline is None:
        raise TableError("The data have no column that can be compared.", code="not_comparable")
    return ComparedResult(request, real, quality, resemblance_report(real, synthetic, **how))


def _read(runtime: Runtime, data: ComparedData, folder: Path, watch: SessionWatch, *, is_real: bool = True) -> DataSet:
    """Return the tables of a side; of real ones also how they belong together, and which rules they obey."""
    if data.session_id is not None:
        return session_data(SessionStore(runtime), runtime.metadata.sessions.get(data.session_id))
    request = data.request
    if not is_real:
        return read_inputs(runtime, request, folder, watch)
    return prepare_tables(request, lambda inner: read_inputs(runtime, request, folder, inner), watch)[0]


def _alike(real: DataSet, synthetic: DataSet) -> DataSet:
    """Return the synthetic tables; where both sides have one table, it is the same one, whatever it is called."""
    if len(real.tables) == len(synthetic.tables) == 1:
        only = synthetic.tables[0]
        return DataSet((replace(only, schema=replace(only.schema, name=real.tables[0].name)),))
    return synthetic
