"""FILE_SCHEMA as SQL text, for the statements of this package."""

import pyarrow as pa

from filesync_dagster.core.schemas import FILE_SCHEMA


def quote(name: str) -> str:
    """Return a table or column name as an SQL identifier."""
    return '"' + name.replace('"', '""') + '"'


def typed_columns(side: str) -> str:
    """Return every column of `side` under its own name, in the order and with the types of FILE_SCHEMA."""
    return ", ".join(f"CAST({side}.{quote(f.name)} AS {_sql_type(f.type)}) AS {quote(f.name)}" for f in FILE_SCHEMA)


def column_definitions() -> str:
    """Return the columns of FILE_SCHEMA with their types, as a new table or a STRUCT has them."""
    return ", ".join(f"{quote(f.name)} {_sql_type(f.type)}" for f in FILE_SCHEMA)


def pack_row(side: str) -> str:
    """Return the row of `side` as one STRUCT, or NULL where an outer join found none."""
    fields = ", ".join(f"{quote(f.name)} := {side}.{quote(f.name)}" for f in FILE_SCHEMA)
    return f"CASE WHEN {side}.external_id IS NOT NULL THEN struct_pack({fields}) END"


def differ(*columns: str) -> str:
    """Return a condition: one of the columns differs between b and a; NULL is a value like others."""
    return "(" + " OR ".join(f"b.{quote(c)} IS DISTINCT FROM a.{quote(c)}" for c in columns) + ")"


def _sql_type(kind: pa.DataType) -> str:
    if pa.types.is_timestamp(kind):
        return "TIMESTAMP WITH TIME ZONE"
    if pa.types.is_boolean(kind):
        return "BOOLEAN"
    if pa.types.is_integer(kind):
        return "UBIGINT" if pa.types.is_unsigned_integer(kind) else "BIGINT"
    return "VARCHAR"
