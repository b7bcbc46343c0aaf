"""Tables as a request describes them: a data set without rows, and what was said of its columns in words."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

import pyarrow as pa

from filesync_dagster.core.errors import TableError
from filesync_dagster.tables.model import (
    DataSet,
    Multiplicity,
    Origin,
    Role,
    Table,
    TableColumn,
    TableRelation,
    TableSchema,
)
from filesync_dagster.tables.profile import plain_name
from filesync_dagster.tables.profile.people import person_kind_by_name
from filesync_dagster.tables.sessions.request import (
    GenerationRequest,
    RequestedColumn,
    RequestedRelation,
    RequestedTable,
)
from filesync_dagster.tables.sources.sql_types import arrow_type_of

ALIASES: Final[Mapping[str, pa.DataType]] = {
    "string": pa.string(),
    "str": pa.string(),
    "number": pa.float64(),
    "numeric": pa.decimal128(18, 2),
    "decimal": pa.decimal128(18, 2),
    "money": pa.decimal128(18, 2),
    "currency": pa.decimal128(18, 2),
    "float64": pa.float64(),
    "float32": pa.float32(),
    "int64": pa.int64(),
    "int32": pa.int32(),
    "int16": pa.int16(),
    "serial": pa.int32(),
    "bigserial": pa.int64(),
    "identity": pa.int64(),
    "datetime64": pa.timestamp("us"),
    "datetime64[ns]": pa.timestamp("us"),
}
"""What clients call types that SQL calls otherwise, or says less of."""

_JSON: Final = frozenset({"json", "jsonb", "object", "variant", "super"})
_LONG_TEXT: Final = frozenset({"text", "clob", "longtext", "mediumtext", "ntext"})
_NONE: Final = "none"
_SINGLE: Final = frozenset({"one_to_one", "one-to-one", "1:1", "1-1"})
_BACKWARDS: Final = frozenset({"many_to_one", "many-to-one", "n:1", "n-1"})


def describe_request(request: GenerationRequest) -> tuple[DataSet, dict[tuple[str, str], str]]:
    """Return the tables that a request describes, and what it says of their columns. Raises TableError.

    `synthetic.describe_tables` takes both.
    """
    names = [table.name for table in request.tables]
    for table in request.tables:
        if names.count(table.name) > 1:
            raise TableError(f"Two tables are called {table.name}.", code="table_twice", field="tables")
    tables = tuple(Table(_schema(table), ()) for table in request.tables)
    by_name = {table.name: table.schema for table in tables}
    relations: list[TableRelation] = []
    for asked in request.relationships if request.quality_settings.include_relationships else ():
        found = _relation(asked, by_name)
        if found is not None and found not in relations:
            relations.append(found)
    words = {
        (table.name, column.name): _said(column)
        for table in request.tables
        for column in table.columns
        if column.business_rules or column.enhanced_description
    }
    keys = {(one.parent, one.parent_columns) for one in relations}
    tables = tuple(replace(table, schema=_with_keys(table.schema, keys)) for table in tables)
    return DataSet(tables, tuple(relations)), words


def _schema(table: RequestedTable) -> TableSchema:
    if not table.columns:
        raise TableError(f"Table {table.name} has no columns.", code="no_columns", field="tables")
    names = [column.name for column in table.columns]
    for name in names:
        if names.count(name) > 1:
            raise TableError(f"Table {table.name} has two columns {name}.", code="column_twice", field="tables")
    primary = tuple(column.name for column in table.columns if column.is_primary_key)
    return TableSchema(
        table.name,
        "",
        tuple(_column(table.name, column, place) for place, column in enumerate(table.columns)),
        primary_key=primary,
        primary_key_origin=Origin.DECLARED if primary else None,
        unique_keys=tuple(
            (column.name,) for column in table.columns if column.is_unique and column.name not in primary
        ),
        description=table.description or None,
    )


def type_of(said: str) -> pa.DataType:
    """Return the type that a client calls so."""
    return ALIASES.get(said.strip().lower()) or arrow_type_of(said)


def _column(table: str, column: RequestedColumn, place: int) -> TableColumn:
    word = column.data_type.strip().lower()
    kind = type_of(column.data_type)
    name, about = plain_name(column.name), plain_name(table)
    person = None if word in _JSON | _LONG_TEXT else person_kind_by_name(name, about, kind)
    role = Role.JSON if word in _JSON else Role.TEXT if word in _LONG_TEXT else Role.PERSON if person else None
    return TableColumn(
        column.name,
        kind,
        place,
        nullable=column.is_nullable and not column.is_primary_key,
        sql_type=column.data_type,
        role=role,
        person_kind=person,
        description=column.enhanced_description or None,
    )


def _said(column: RequestedColumn) -> str:
    """Return what is said of a column; what its description says counts, what it does not say is no matter."""
    return "\n".join(part for part in (column.business_rules, column.enhanced_description) if part)


def _relation(asked: RequestedRelation, tables: Mapping[str, TableSchema]) -> TableRelation | None:
    kind = asked.relationship_type.strip().lower()
    if kind == _NONE:
        return None
    parent, key, child, column = asked.source_table, asked.source_column, asked.target_table, asked.target_column
    if kind in _BACKWARDS and _is_key(tables, child, column) and not _is_key(tables, parent, key):
        parent, key, child, column = child, column, parent, key
    multiplicity = Multiplicity.ONE_TO_ONE if kind in _SINGLE else Multiplicity.ONE_TO_MANY
    return TableRelation(child, (column,), parent, (key,), multiplicity=multiplicity)


def _is_key(tables: Mapping[str, Any], table: str, column: str) -> bool:
    schema = tables.get(table)
    return schema is not None and (column,) in {schema.primary_key, *schema.unique_keys}


def _with_keys(schema: TableSchema, named: set[tuple[str, tuple[str, ...]]]) -> TableSchema:
    """Return a schema in which what others name rows by is a key."""
    keys = [columns for table, columns in sorted(named) if table == schema.name]
    more = tuple(key for key in keys if key not in {schema.primary_key, *schema.unique_keys})
    strict = {name for key in keys for name in key}
    columns = [replace(column, nullable=column.nullable and column.name not in strict) for column in schema.columns]
    return replace(schema.with_columns(columns), unique_keys=(*schema.unique_keys, *more))
