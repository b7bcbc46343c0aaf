"""What a read of a source says in Dagster: the source as a whole, each of its tables, and the checks."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from typing import TYPE_CHECKING, Any

import dagster as dg

from filesync_dagster.core.errors import FilesyncError
from filesync_dagster.orchestration.tables.specs import (
    FRESHNESS,
    KEYS_HOLD,
    READABLE,
    REFERENCES_HOLD,
    ROW_COUNT_GUARD,
    SCHEMA_DRIFT,
    place_key,
    source_key,
    table_key,
)

if TYPE_CHECKING:
    from filesync_dagster.api import Filesync
    from filesync_dagster.storage.database.source_reads import SourceReadRecord
    from filesync_dagster.tables.daily.model import ReadTable, SourceResult
    from filesync_dagster.tables.daily.status import SourceStatus
    from filesync_dagster.tables.model import TableColumn, TableSchema

PREVIEW_ROWS = 50
PREVIEW_COLUMNS = 50
CELL_LETTERS = 200
SHOWN = 50
"""Rows of a table in the metadata of the source, or of a check."""


def source_materialization(result: "SourceResult") -> dg.MaterializeResult[Any]:
    """Return how a source is told to Dagster: the same numbers each time, so that they are plotted."""
    rows = [
        dg.TableRecord(
            {
                "table": table.name,
                "rows": table.rows,
                "rows_before": table.rows_before,
                "bytes": table.bytes,
                "columns": len(table.schema.columns),
                "key": ", ".join(table.schema.primary_key),
            }
        )
        for table in islice(result.tables, SHOWN)
    ]
    columns = [
        dg.TableColumn(name, kind)
        for name, kind in (
            ("table", "string"), ("rows", "int"), ("rows_before", "int"), ("bytes", "int"), ("columns", "int"),
            ("key", "string"),
        )
    ]  # fmt: skip
    return dg.MaterializeResult(
        asset_key=source_key(result.source),
        metadata={
            "dagster/row_count": result.rows,
            "rows_total": result.rows,
            "tables_total": len(result.tables),
            "bytes_total": result.bytes,
            "seconds": round(result.seconds, 3),
            "filesync/mode": result.mode.value,
            "filesync/status": result.state.value,
            "tables": dg.MetadataValue.table(rows, dg.TableSchema(columns=columns)),
            **_relations(result.findings),
        },
        data_version=dg.DataVersion(result.data_version) if result.data_version else None,
    )


def _relations(findings: Mapping[str, Any]) -> dict[str, Any]:
    orphans = findings.get("orphans") or {}
    if not orphans:
        return {}
    rows = [dg.TableRecord({"relation": name, "orphans": share}) for name, share in islice(orphans.items(), SHOWN)]
    columns = [dg.TableColumn("relation", "string"), dg.TableColumn("orphans", "float")]
    return {"relations": dg.MetadataValue.table(rows, dg.TableSchema(columns=columns))}


def table_materialization(
    filesync: "Filesync", result: "SourceResult", table: "ReadTable"
) -> dg.MaterializeResult[Any]:
    """Return how one table is told to Dagster: its columns, what is counted of them, and its first rows."""
    schema = table.schema
    stats = [column.stats for column in schema.columns]
    return dg.MaterializeResult(
        asset_key=table_key(result.source, table.name),
        metadata={
            "dagster/row_count": table.rows,
            "dagster/column_schema": column_schema(schema),
            "dagster/column_lineage": _lineage(filesync, result.source, schema),
            "dagster/uri": table.manifest_uri,
            "rows_total": table.rows,
            "bytes_total": table.bytes,
            "columns_total": len(schema.columns),
            "nulls_total": sum(int(one.get("nulls", 0)) for one in stats),
            "distinct": dg.MetadataValue.table(*_counts(schema)),
            "filesync/mode": result.mode.value,
            **_preview(filesync, table),
            **_warnings(schema),
        },
        data_version=dg.DataVersion(str(schema.content_hash)),
    )


def column_schema(schema: "TableSchema") -> dg.TableSchema:
    """Return the columns of a table as Dagster shows them."""
    unique = {key[0] for key in (*schema.unique_keys, schema.primary_key) if len(key) == 1}
    return dg.TableSchema(columns=[_column(column, is_unique=column.name in unique) for column in schema.columns])


def _column(column: "TableColumn", *, is_unique: bool) -> dg.TableColumn:
    role = column.person_kind or column.role
    return dg.TableColumn(
        column.name,
        column.sql_type or str(column.type),
        description=column.description,
        constraints=dg.TableColumnConstraints(nullable=column.nullable, unique=is_unique),
        tags={"filesync/role": str(role)} if role else {},
    )


def _lineage(filesync: "Filesync", name: str, schema: "TableSchema") -> dg.TableColumnLineage:
    """Return where the values of each column come from: the column of the same name at the place."""
    place = place_key(filesync.config.source(name))
    return dg.TableColumnLineage(
        {column: [dg.TableColumnDep(place, f"{schema.name}.{column}")] for column in schema.names}
    )


def _counts(schema: "TableSchema") -> tuple[list[dg.TableRecord], dg.TableSchema]:
    rows = [
        dg.TableRecord(
            {
                "column": column.name,
                "role": str(column.role or ""),
                "nulls": int(column.stats.get("nulls", 0)),
                "distinct": int(column.stats.get("distinct", 0)),
            }
        )
        for column in schema.columns[:PREVIEW_COLUMNS]
    ]
    kinds = (("column", "string"), ("role", "string"), ("nulls", "int"), ("distinct", "int"))
    return rows, dg.TableSchema(columns=[dg.TableColumn(name, kind) for name, kind in kinds])


def _preview(filesync: "Filesync", table: "ReadTable") -> dict[str, Any]:
    """Return the first rows of a table, what is about people masked. A courtesy: the table itself is kept."""
    from filesync_dagster.tables.daily.access import table_store
    from filesync_dagster.tables.rows import json_rows, page_of, person_columns

    names = table.schema.names[:PREVIEW_COLUMNS]
    try:
        stored = table_store(filesync.runtime).load(table.manifest_uri)
        rows = json_rows(page_of(stored, columns=names, limit=PREVIEW_ROWS), masked=person_columns(stored))
    except FilesyncError:
        return {}
    columns = [dg.TableColumn(name, str(table.schema.column(name).type)) for name in names]
    records = [dg.TableRecord({name: _cell(row[name]) for name in names}) for row in rows]
    return {"preview": dg.MetadataValue.table(records, dg.TableSchema(columns=columns))} if records else {}


def _cell(value: Any) -> str | int | float | bool | None:
    if value is None or isinstance(value, bool | int | float):
        return value
    text = value if isinstance(value, str) else str(value)
    return text if len(text) <= CELL_LETTERS else f"{text[: CELL_LETTERS - 1]}…"


def _warnings(schema: "TableSchema") -> dict[str, Any]:
    if not schema.warnings:
        return {}
    lines = [f"- {warning.message}" for warning in schema.warnings[:SHOWN]]
    return {"warnings": dg.MetadataValue.md("\n".join(lines))}


def read_failure(result: "SourceResult") -> str | None:
    """Return why a result is none to build on, in a sentence; None when its tables are current."""
    return None if result.state.value == "committed" else result.error or "The source could not be read."


def source_checks(status: "SourceStatus") -> Iterator[dg.AssetCheckResult]:
    """Return what the checks say of a source as it is now: its last read that ended, and what is held."""
    key, read = source_key(status.name), status.held or status.good
    findings = read.findings if read else {}
    yield _readable(key, status, findings)
    yield _drift(key, findings)
    yield _keys(key, findings)
    yield _references(key, findings)
    yield _guard(key, status.held, findings)
    yield _fresh(key, status)


def _readable(key: dg.AssetKey, status: "SourceStatus", findings: Mapping[str, Any]) -> dg.AssetCheckResult:
    from filesync_dagster.tables.reading.csv_table import QUARANTINED

    failed = status.last is not None and status.last.state == "failed"
    lines = [
        (table, warning)
        for table, warnings in findings.get("warnings", {}).items()
        for warning in warnings
        if warning["code"] == QUARANTINED
    ]
    count = sum(int(warning["count"]) for _, warning in lines)
    remarks = " ".join(f"{table}: {warning['message']}" for table, warning in lines[:SHOWN])
    sentence = (
        str(status.last.error) if failed and status.last else "It was never read." if not status.last else remarks
    )
    return dg.AssetCheckResult(
        asset_key=key,
        check_name=READABLE,
        passed=not failed and not lines and status.last is not None,
        severity=dg.AssetCheckSeverity.ERROR if failed or not status.last else dg.AssetCheckSeverity.WARN,
        description=sentence or None,
        metadata={"lines_put_aside": count},
    )


def _drift(key: dg.AssetKey, findings: Mapping[str, Any]) -> dg.AssetCheckResult:
    drift: Sequence[Mapping[str, Any]] = findings.get("drift", ())
    breaking = [one for one in drift if one["is_breaking"]]
    shown = [one for one in (*breaking, *drift) if one in breaking or one["kind"] in {"added", "wider"}]
    messages = list(dict.fromkeys(str(one["message"]) for one in shown))
    return dg.AssetCheckResult(
        asset_key=key,
        check_name=SCHEMA_DRIFT,
        passed=not drift,
        severity=dg.AssetCheckSeverity.ERROR if breaking else dg.AssetCheckSeverity.WARN,
        description=" ".join(messages[:SHOWN]) or None,
        metadata={"gone_or_narrower": len(breaking), "added_or_wider": len(drift) - len(breaking)},
    )


def _keys(key: dg.AssetKey, findings: Mapping[str, Any]) -> dg.AssetCheckResult:
    broken: Sequence[Mapping[str, Any]] = findings.get("broken_keys", ())
    sentences = [
        f"{one['table']}({', '.join(one['key'])}): {one['repeated']:,} rows repeat it, {one['missing']:,} have none."
        for one in broken[:SHOWN]
    ]
    return dg.AssetCheckResult(
        asset_key=key,
        check_name=KEYS_HOLD,
        passed=not broken,
        severity=dg.AssetCheckSeverity.ERROR,
        description=" ".join(sentences) or None,
        metadata={"broken_keys": len(broken)},
    )


def _references(key: dg.AssetKey, findings: Mapping[str, Any]) -> dg.AssetCheckResult:
    growing: Sequence[Mapping[str, Any]] = findings.get("growing_orphans", ())
    sentences = [
        f"{one['relation']}: {one['orphans']:.2%} of the rows have no parent, and before {one['before']:.2%} had none."
        for one in growing[:SHOWN]
    ]
    worst = max((float(share) for share in findings.get("orphans", {}).values()), default=0.0)
    return dg.AssetCheckResult(
        asset_key=key,
        check_name=REFERENCES_HOLD,
        passed=not growing,
        severity=dg.AssetCheckSeverity.ERROR,
        description=" ".join(sentences) or None,
        metadata={"relations": len(findings.get("orphans", {})), "orphans_most": worst},
    )


def _guard(key: dg.AssetKey, held: "SourceReadRecord | None", findings: Mapping[str, Any]) -> dg.AssetCheckResult:
    before, after = findings.get("rows_before", {}), findings.get("rows", {})
    names = list(dict.fromkeys((*before, *after)))[:SHOWN]
    rows = [dg.TableRecord({"table": name, "rows_before": before.get(name), "rows": after.get(name)}) for name in names]
    columns = [dg.TableColumn("table", "string"), dg.TableColumn("rows_before", "int"), dg.TableColumn("rows", "int")]
    counts = {"rows": dg.MetadataValue.table(rows, dg.TableSchema(columns=columns))} if rows else {}
    return dg.AssetCheckResult(
        asset_key=key,
        check_name=ROW_COUNT_GUARD,
        passed=held is None,
        severity=dg.AssetCheckSeverity.ERROR,
        description=held.error if held else None,
        metadata={**counts, **({"held/read": held.id, "held/day": held.day} if held else {})},
    )


def _fresh(key: dg.AssetKey, status: "SourceStatus") -> dg.AssetCheckResult:
    good = status.good
    if good is None:
        sentence: str | None = "No read has succeeded yet."
    else:
        at = f"{good.finished_at:%Y-%m-%d %H:%M} UTC"
        sentence = f"It was last read with success at {at}." if status.is_stale else None
    return dg.AssetCheckResult(
        asset_key=key,
        check_name=FRESHNESS,
        passed=good is not None and not status.is_stale,
        severity=dg.AssetCheckSeverity.ERROR,
        description=sentence,
    )
