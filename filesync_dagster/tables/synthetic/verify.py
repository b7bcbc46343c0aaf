"""The verification of written tables: every key and every relation, by DuckDB, on what is on the disk."""

from collections.abc import Sequence
from pathlib import Path

import duckdb

from filesync_dagster.core.errors import KeysBroken
from filesync_dagster.tables.model import DataSet, Table, TableRelation
from filesync_dagster.tables.synthetic.conditions import quote
from filesync_dagster.tables.synthetic.options import Watch


def parquet(parts: Sequence[Path]) -> str:
    """Return a relation over Parquet files."""
    files = ", ".join("'" + str(part).replace("'", "''") + "'" for part in parts)
    return f"read_parquet([{files}], hive_partitioning = false)"


def verify(data_set: DataSet, *, watch: Watch | None = None) -> None:
    """Raise KeysBroken unless every key is unique and every relation leads to a row. It repairs nothing.

    A relation whose `inclusion` is below 1 leads nowhere in as many rows as that says, and in no more.
    """
    watch = watch or Watch()
    with duckdb.connect(config={"threads": 1}) as con:
        for table in data_set.tables:
            watch.check()
            for key in dict.fromkeys((table.schema.primary_key, *table.schema.unique_keys)):
                if key:
                    _check_unique(con, table, key, primary=key == table.schema.primary_key)
            _check_nulls(con, table)
        for relation in data_set.relations:
            watch.check()
            if relation.holds:
                _check_relation(con, data_set, relation)


def _check_unique(con: duckdb.DuckDBPyConnection, table: Table, key: Sequence[str], *, primary: bool) -> None:
    columns = ", ".join(quote(name) for name in key)
    whole = " AND ".join(f"{quote(name)} IS NOT NULL" for name in key)
    source = parquet(table.parts)
    rows, distinct, total = _row(
        con,
        f"SELECT (SELECT count(*) FROM {source} WHERE {whole}), "
        f"(SELECT count(*) FROM (SELECT DISTINCT {columns} FROM {source} WHERE {whole})), "
        f"(SELECT count(*) FROM {source})",
    )
    if rows != distinct or (primary and rows != total):
        what = "is not unique" if rows != distinct else "is NULL"
        raise KeysBroken(
            f"The key {', '.join(key)} of table {table.name} {what} in {max(rows - distinct, total - rows)} rows.",
            code="key_not_unique",
            field=table.name,
        )


def _check_nulls(con: duckdb.DuckDBPyConnection, table: Table) -> None:
    strict = [column.name for column in table.schema.columns if not column.nullable]
    if not strict:
        return
    counts = ", ".join(f"count(*) - count({quote(name)})" for name in strict)
    found = _row(con, f"SELECT {counts} FROM {parquet(table.parts)}")
    for name, nulls in zip(strict, found, strict=True):
        if nulls:
            raise KeysBroken(
                f"{table.name}.{name} is NULL in {nulls} rows, and must not be.", code="not_null", field=table.name
            )


def _check_relation(con: duckdb.DuckDBPyConnection, data_set: DataSet, relation: TableRelation) -> None:
    child, parent = data_set.table(relation.child), data_set.table(relation.parent)
    pairs = list(zip(relation.child_columns, relation.parent_columns, strict=True))
    match = " AND ".join(f"c.{quote(mine)} = p.{quote(theirs)}" for mine, theirs in pairs)
    whole = " AND ".join(f"c.{quote(mine)} IS NOT NULL" for mine, _ in pairs)
    lost, named = _row(
        con,
        f"SELECT (SELECT count(*) FROM {parquet(child.parts)} c ANTI JOIN {parquet(parent.parts)} p ON {match} "
        f"WHERE {whole}), (SELECT count(*) FROM {parquet(child.parts)} c WHERE {whole})",
    )
    if lost > round(named * (1 - (1.0 if relation.inclusion is None else relation.inclusion))):
        raise KeysBroken(
            f"{lost} rows of {relation.child} name a row of {relation.parent} that is not there "
            f"({', '.join(relation.child_columns)}).",
            code="orphans",
            field=relation.child,
        )


def _row(con: duckdb.DuckDBPyConnection, sql: str) -> tuple[int, ...]:
    found = con.execute(sql).fetchone()
    assert found is not None
    return tuple(found)
