"""What is told and kept of a generation: its tables, its quality in one line, its report, its files."""

from pathlib import Path
from typing import Any

import orjson

from filesync_dagster.tables.model import DataSet
from filesync_dagster.tables.sessions.files import REPORT, NewFile
from filesync_dagster.tables.sessions.run import GeneratedData
from filesync_dagster.tables.synthetic.quality import QualityReport

TABLE_PREFIX = "table_"
"""Before the names of files that have the rows of one table, so that no export is called so."""


def session_result(generated: GeneratedData) -> dict[str, Any]:
    """Return what the row of a session has of what was made, as JSON values."""
    quality, privacy = generated.quality, generated.privacy
    threshold = generated.request.quality_settings.threshold
    distant = privacy.distant_rows if privacy else None
    summary = quality_summary(quality, distant, threshold, schema_only=generated.schema_only)
    return {
        "tables": [
            {"name": table.name, "rows": table.schema.row_count or 0, "columns": len(table.schema.columns)}
            for table in generated.made.tables
        ],
        "quality": summary,
        "quality_metrics": {"quality_score": summary["score"], **summary},
        "output_files": [file.name for file in generated.export.files],
    }


def session_report(generated: GeneratedData) -> dict[str, Any]:
    """Return the report of a generation as JSON values."""
    return {
        "schema_only": generated.schema_only,
        "quality": generated.quality.as_json() if generated.quality else None,
        "privacy": generated.privacy.as_json() if generated.privacy else None,
        "relations": [one.as_json() for one in generated.made.relations if one.holds],
        "rules": [one.as_json() for one in generated.made.rules if one.enabled],
        "sources": [
            {"table": table.name, "source": table.schema.source, "content_hash": table.schema.content_hash}
            for table in generated.real.tables
            if table.parts
        ],
    }


def session_files(generated: GeneratedData, folder: Path) -> list[NewFile]:
    """Return the files that a generation made, its report among them, which is written into the folder."""
    report = folder / REPORT
    report.write_bytes(orjson.dumps(session_report(generated), default=str, option=orjson.OPT_SERIALIZE_NUMPY))
    return [
        *table_files(generated.made),
        *(NewFile(file.path, file.name, "export") for file in generated.export.files),
        NewFile(generated.export.manifest, generated.export.manifest.name, "manifest"),
        NewFile(report, REPORT, "report"),
    ]


def table_files(made: DataSet) -> list[NewFile]:
    """Return the rows of each table as a file."""
    return [
        NewFile(part, f"{TABLE_PREFIX}{part.name}", "table", table.name, table.schema.row_count)
        for table in made.tables
        for part in table.parts
    ]


def input_hashes(generated: GeneratedData) -> dict[str, str]:
    """Return the hashes of what was learned from, by table."""
    return {table.name: table.schema.content_hash or "" for table in generated.real.tables if table.parts}


def quality_summary(
    quality: QualityReport | None, distant_rows: float | None, threshold: float, *, schema_only: bool = False
) -> dict[str, Any]:
    """Return the quality of data in one line, as JSON values."""
    headline = quality.headline if quality else None
    score = headline.score.value if headline else None
    return {
        "score": _rounded(score),
        "ceiling": _rounded(quality.ceiling_headline if quality else None),
        "naive": _rounded(quality.naive_headline if quality else None),
        "group": headline.name if headline else None,
        "place": headline.place if headline else None,
        "threshold": threshold,
        "quality_passed": None if score is None else score >= threshold,
        "distribution_similarity": _rounded(_mean(quality, "shapes")),
        "correlation_preservation": _rounded(_mean(quality, "pairs")),
        "privacy_score": _rounded(distant_rows),
        "schema_only": schema_only,
    }


def _mean(quality: QualityReport | None, name: str) -> float | None:
    """Return the mean of a measure over all places, its worst place where there is no mean."""
    for group in quality.groups if quality else ():
        if group.name == name:
            return group.score.value if group.mean is None else group.mean
    return None


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(float(value), 4)
