"""Tables that were read, over HTTP: profiles and rows, in which what is about people is hidden unless asked for."""

from __future__ import annotations

import io
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import pyarrow as pa

from filesync_dagster.core.errors import TableError
from filesync_dagster.tables.catalog.read import load_table
from filesync_dagster.tables.catalog.relations import read_together
from filesync_dagster.tables.daily.decisions import DECIDED_BY, relation_of
from filesync_dagster.tables.model import Origin, Table, TableRelation, TableSchema
from filesync_dagster.tables.rows import count_rows, json_rows, mask, page_of, person_columns
from filesync_dagster.tables.sources.registry import source_type
from filesync_dagster.web.cursors import InvalidQuery, decode_cursor, encode_cursor, moment_of
from filesync_dagster.web.sources import relation_out
from filesync_dagster.web.table_messages import (
    ColumnOut,
    Lineage,
    RowColumn,
    RowPage,
    TableList,
    TableOut,
    TableSummary,
    UploadContent,
    WarningOut,
)

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from filesync_dagster.api import Filesync
    from filesync_dagster.storage.database.stored_tables import StoredTableRecord
    from filesync_dagster.storage.database.uploads import UploadRecord
    from filesync_dagster.tables.model import TableColumn, TableWarning
    from filesync_dagster.web.source_messages import RelationOut
    from filesync_dagster.web.table_messages import ContentQuery, RelationDecision, RowsQuery, TablesQuery

ARROW_STREAM: Final = "application/vnd.apache.arrow.stream"
SHOWN_STATES: Final = ("current", "held")
COUNTING_STATS: Final = frozenset(
    {"count", "nulls", "distinct", "distinct_exact", "length_min", "length_max", "length_mean", "sampled_rows"}
)
"""Statistics that show no value: all that is told of a column that is hidden."""


class HiddenColumn(TableError):
    """Rows are looked for, or sorted, by what is hidden."""


def table_list(filesync: Filesync, query: TablesQuery) -> TableList:
    """Return a page of tables."""
    before = decode_cursor(query.cursor, str, str)
    place = None if before is None else (moment_of(before[0]), before[1])
    found = filesync.runtime.metadata.tables.page(
        source=query.source,
        upload_id=query.upload,
        states=(query.state,) if query.state else SHOWN_STATES,
        limit=query.limit + 1,
        before=place,
    )
    page = found[: query.limit]
    is_more = len(found) > query.limit
    cursor = encode_cursor(page[-1].created_at.isoformat(), page[-1].id) if is_more else None
    return TableList(items=[summary(record) for record in page], next_cursor=cursor)


def summary(record: StoredTableRecord) -> TableSummary:
    """Return what a list tells of a table."""
    return TableSummary(**_summary_fields(record))


def _summary_fields(record: StoredTableRecord) -> dict[str, Any]:
    schema = record.schema
    return {
        "id": record.id,
        "name": record.name,
        "source": record.source,
        "upload_id": record.upload_id,
        "state": record.state,
        "held_reason": record.held_reason,
        "day": record.day,
        "rows": record.rows,
        "bytes": record.bytes,
        "columns": len(schema.get("columns", ())),
        "primary_key": list(schema.get("primary_key") or ()),
        "content_hash": record.content_hash,
        "warnings": sum(warning.get("count", 1) for warning in schema.get("warnings", ())),
        "created_at": record.created_at,
    }


def table_out(filesync: Filesync, record: StoredTableRecord, *, reveal: bool) -> TableOut:
    """Return all that is known of a table."""
    schema = TableSchema.from_json(record.schema)
    hidden = set() if reveal else set(person_columns(Table(schema, ())))
    return TableOut(
        **_summary_fields(record),
        description=schema.description,
        primary_key_origin=schema.primary_key_origin,
        unique_keys=[list(key) for key in schema.unique_keys],
        checks=list(schema.checks),
        schema=[column_out(column, is_masked=column.name in hidden) for column in schema.columns],
        relations=_relations(filesync, record),
        reading_warnings=[warning_out(one, hidden) for one in schema.warnings],
        lineage=_lineage(filesync, record, schema),
    )


def column_out(column: TableColumn, *, is_masked: bool) -> ColumnOut:
    """Return a column with its profile; of one that is hidden, what shows no value."""
    stats = dict(column.stats)
    if is_masked:
        stats = {name: value for name, value in stats.items() if name in COUNTING_STATS}
    return ColumnOut(
        name=column.name,
        type=str(column.type),
        position=column.position,
        nullable=column.nullable,
        sql_type=column.sql_type,
        role=column.role,
        person_kind=column.person_kind,
        format=None if is_masked else column.format,
        description=column.description,
        sensitivity=list(column.sensitivity),
        masked=is_masked,
        stats=stats,
    )


def warning_out(warning: TableWarning, hidden: Collection[str]) -> WarningOut:
    """Return what is told of a warning; of a column that is hidden, without examples."""
    is_hidden = warning.column in hidden
    return WarningOut(
        code=warning.code,
        message=warning.message,
        count=warning.count,
        column=warning.column,
        examples=[] if is_hidden else list(warning.examples),
    )


def _relations(filesync: Filesync, record: StoredTableRecord) -> list[RelationOut]:
    """Return the relations of a table: as a child, then as the parent of those that were read together with it."""
    found = [relation_out(relation_of(one), one.get(DECIDED_BY)) for one in record.relations]
    others = [one for one in read_together(filesync.runtime, record) if one.id != record.id]
    children = [
        relation_out(relation_of(one), one.get(DECIDED_BY))
        for other in others
        for one in other.relations
        if one["parent"] == record.name
    ]
    return [*found, *children]


def _lineage(filesync: Filesync, record: StoredTableRecord, schema: TableSchema) -> Lineage:
    metadata = filesync.runtime.metadata
    upload = metadata.uploads.find(record.upload_id) if record.upload_id else None
    saved = metadata.data_sources.find(record.source) if record.source else None
    declared = next((one for one in filesync.config.sources if one.name == record.source), None)
    kind = saved.type if saved else declared.type if declared else None
    return Lineage(
        source=record.source or None,
        source_type=source_type(kind).public_name if kind else None,
        upload_id=record.upload_id,
        file=upload.original_name if upload else None,
        read_id=record.run_id,
        read_at=schema.read_at,
    )


@dataclass(frozen=True)
class LoadedRows:
    """Rows of a table as they are sent: `masked` are the columns whose values are hidden."""

    table: Table
    rows: pa.Table
    masked: tuple[str, ...]
    matching_rows: int


def load_page(filesync: Filesync, record: StoredTableRecord, query: RowsQuery) -> LoadedRows:
    """Return rows of a table. Raises InvalidQuery, TableError."""
    table = load_table(filesync.runtime, record)
    where, columns, order = _where(query.where), _names(query.columns), _names(query.order)
    hidden = [] if query.reveal else person_columns(table)
    _check_open(table, hidden, where, order or ())
    rows = page_of(table, columns=columns, where=where, order=order or (), limit=query.limit, offset=query.offset)
    matching = count_rows(table, where) if where else record.rows
    return LoadedRows(table, rows, tuple(name for name in hidden if name in rows.column_names), matching)


def _check_open(table: Table, hidden: Sequence[str], where: Mapping[str, Any], order: Sequence[str]) -> None:
    """Raise HiddenColumn where rows are chosen by what is hidden: the answer would tell it."""
    sorted_by = {name if name in table.schema.names else name.removeprefix("-") for name in order}
    for name in hidden:
        if name in where or name in sorted_by:
            raise HiddenColumn(
                f"{name} is about people: rows are not looked for or sorted by it.",
                hint="Ask with `reveal`, as somebody who may.",
                code="masked",
                field="where" if name in where else "order",
            )


def row_page(record: StoredTableRecord, page: LoadedRows, offset: int) -> RowPage:
    """Return rows as JSON."""
    columns = [RowColumn(name=f.name, type=str(f.type), masked=f.name in page.masked) for f in page.rows.schema]
    return RowPage(
        table_id=record.id,
        name=record.name,
        columns=columns,
        rows=json_rows(page.rows, masked=page.masked),
        total_rows=record.rows,
        matching_rows=page.matching_rows,
        offset=offset,
    )


def arrow_page(page: LoadedRows) -> bytes:
    """Return rows as a stream of Arrow; what is hidden is a text there, too."""
    rows = page.rows
    for name in page.masked:
        position = rows.column_names.index(name)
        values = pa.array([mask(value) for value in rows.column(name).to_pylist()], pa.string())
        rows = rows.set_column(position, pa.field(name, pa.string()), values)
    written = io.BytesIO()
    with pa.ipc.new_stream(written, rows.schema) as stream:
        stream.write_table(rows)
    return written.getvalue()


def wanted_relation(record: StoredTableRecord, given: RelationDecision) -> TableRelation:
    """Return the relation that somebody decides about, with what they decided as its origin."""
    origin = Origin.DECLARED if given.decision == "confirm" else Origin.REFUSED
    return TableRelation(
        record.name, tuple(given.child_columns), given.parent, tuple(given.parent_columns), origin=origin
    )


def _where(text: str | None) -> dict[str, Any]:
    """Return what rows are to satisfy. Raises InvalidQuery."""
    if text is None:
        return {}
    try:
        found = json.loads(text, parse_constant=_refuse_constant)
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise InvalidQuery("where: it is no JSON object.", hint='Send `{"column": value}`.')
    return found


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is no JSON")


def _names(text: str | None) -> list[str] | None:
    """Return names of columns. Raises InvalidQuery."""
    if text is None:
        return None
    if not text.startswith("["):
        return [part.strip() for part in text.split(",") if part.strip()]
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, list) or not all(isinstance(one, str) for one in found):
        raise InvalidQuery("This is no JSON list of names.")
    return found


def upload_content(
    filesync: Filesync, upload: UploadRecord, found: Sequence[StoredTableRecord], query: ContentQuery
) -> UploadContent:
    """Return rows of a file that was sent. Raises TableError for a table that it does not have."""
    chosen = next((one for one in found if query.table in {None, one.name}), None)
    if chosen is None:
        names = ", ".join(one.name for one in found) or "none"
        raise TableError(
            f"{upload.original_name} has no table {query.table!r}.", hint=f"It has: {names}.", code="not_found",
            field="table",
        )  # fmt: skip
    table = load_table(filesync.runtime, chosen)
    rows = page_of(table, limit=query.max_rows, offset=query.offset)
    hidden = [] if query.reveal else person_columns(table)
    return UploadContent(
        filename=upload.stored_name,
        content=json_rows(rows, masked=hidden),
        total_rows=chosen.rows,
        columns=list(table.schema.names),
        types={column.name: str(column.type) for column in table.schema.columns},
        table=chosen.name,
        tables=[one.name for one in found],
        masked=list(hidden),
        warnings=[warning_out(warning, hidden) for warning in table.schema.warnings],
    )
