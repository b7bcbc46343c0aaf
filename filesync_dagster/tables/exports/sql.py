"""SQL: a script that makes tables, fills them and adds their keys, in one transaction where the database has such."""

import zipfile
from collections.abc import Iterator, Mapping
from typing import Any, BinaryIO

from filesync_dagster.core.errors import Unexportable
from filesync_dagster.tables.exports.archive import new_member
from filesync_dagster.tables.exports.arrow import Column
from filesync_dagster.tables.exports.blueprint import Blueprint, ColumnPlan, ForeignKey, TableBlueprint, blueprint
from filesync_dagster.tables.exports.csv import write_csv
from filesync_dagster.tables.exports.dialects import DIALECTS_BY_NAME, POSTGRES, Dialect
from filesync_dagster.tables.exports.literals import Literals
from filesync_dagster.tables.exports.manifest import NOTICE
from filesync_dagster.tables.exports.options import ExportOptions
from filesync_dagster.tables.exports.order import LoadOrder
from filesync_dagster.tables.exports.rows import join_cells, line_offsets, read_rows, text_bytes
from filesync_dagster.tables.exports.watch import ExportWatch
from filesync_dagster.tables.model import DataSet, Table

STATEMENT_MAX_BYTES = 1 << 20


def write_sql(
    data_set: DataSet, order: LoadOrder, file: BinaryIO, options: ExportOptions, watch: ExportWatch
) -> dict[str, int]:
    """Write a script of a data set; return the numbers of its rows by table."""
    dialect = DIALECTS_BY_NAME[options.dialect]
    plans = blueprint(data_set, order, dialect, watch, constraints=options.constraints)
    rows: dict[str, int] = {}
    _write(file, before_rows(plans, dialect, deferrable=options.deferrable))
    for plan in plans.tables:
        rows[plan.source] = _write_rows(data_set.table(plan.source), plan, dialect, file, watch)
    _write(file, after_rows(plans, dialect, deferrable=options.deferrable))
    return rows


def write_sql_with_csv(
    data_set: DataSet,
    order: LoadOrder,
    archive: zipfile.ZipFile,
    name: str,
    members: Mapping[str, str],
    *,
    options: ExportOptions,
    watch: ExportWatch,
) -> dict[str, int]:
    """Write a script for psql that copies rows from CSV files beside it; return the numbers of rows by table."""
    if options.dialect != POSTGRES.name:
        raise Unexportable("Only scripts for PostgreSQL copy rows from CSV.", code="bad_option", field="copy")
    plans = blueprint(data_set, order, POSTGRES, watch, constraints=options.constraints)
    plain = ExportOptions(raw=True)
    rows: dict[str, int] = {}
    for plan in plans.tables:
        table = data_set.table(plan.source)
        literals = Literals(POSTGRES, plan.source, watch)
        with new_member(archive, members[plan.source]) as member:
            rows[plan.source] = write_csv(
                table, member, plain, watch, encode=lambda value: f"\\x{value.hex()}", prepare=literals.prepare
            )
    with new_member(archive, name) as script:
        _write(script, ["\\set ON_ERROR_STOP on", *before_rows(plans, POSTGRES, deferrable=options.deferrable)])
        for plan in plans.tables:
            columns = ", ".join(column.name for column in plan.columns)
            null = "\\N" if len(plan.columns) == 1 else ""
            copy = f"({columns}) FROM '{members[plan.source].replace(chr(39), chr(39) * 2)}'"
            script.write(f"\\copy {plan.name} {copy} WITH (FORMAT csv, HEADER, NULL '{null}')\n".encode())
        _write(script, after_rows(plans, POSTGRES, deferrable=options.deferrable))
    return rows


def _write(file: BinaryIO, statements: Iterator[str] | list[str]) -> None:
    for statement in statements:
        is_command = statement.startswith(("--", "\\"))
        file.write(f"{statement}{'' if is_command else ';'}\n".encode())


def before_rows(plans: Blueprint, dialect: Dialect, *, deferrable: bool) -> Iterator[str]:
    """Yield what comes before the rows: the transaction, and the tables."""
    yield f"-- {NOTICE}"
    yield from dialect.begin
    for plan in plans.tables:
        yield create_table(plan, plans, dialect, deferrable=deferrable)


def after_rows(plans: Blueprint, dialect: Dialect, *, deferrable: bool) -> Iterator[str]:
    """Yield what comes after the rows: foreign keys, sequences, the end of the transaction."""
    if dialect.adds_keys_later:
        for key in plans.foreign_keys:
            yield f"ALTER TABLE {key.child} ADD {foreign_key(key, dialect, deferrable=deferrable)}"
    if dialect is POSTGRES:
        yield from (set_sequence(plan) for plan in plans.tables if plan.sequence is not None)
    yield from dialect.commit


def create_table(plan: TableBlueprint, plans: Blueprint, dialect: Dialect, *, deferrable: bool = False) -> str:
    """Return the statement that makes a table."""
    lines = [_column(column, plan, dialect) for column in plan.columns]
    if plan.primary_key:
        lines.append(f"PRIMARY KEY ({', '.join(plan.primary_key)})")
    lines += [f"UNIQUE ({', '.join(key)})" for key in plan.unique_keys]
    lines += [f"CHECK ({check})" for check in plan.checks]
    if not dialect.adds_keys_later:
        inline = [key for key in plans.foreign_keys if key.child == plan.name]
        lines += [foreign_key(key, dialect, deferrable=dialect.can_defer or deferrable) for key in inline]
    return f"CREATE TABLE {plan.name} (\n  {f',{chr(10)}  '.join(lines)}\n){dialect.table_options}"


def _column(column: ColumnPlan, plan: TableBlueprint, dialect: Dialect) -> str:
    identity = " GENERATED BY DEFAULT AS IDENTITY" if dialect is POSTGRES and plan.sequence == column else ""
    return f"{column.name} {column.sql_type}{identity}{' NOT NULL' if column.not_null else ''}"


def foreign_key(key: ForeignKey, dialect: Dialect, *, deferrable: bool) -> str:
    """Return the constraint of a foreign key."""
    later = " DEFERRABLE INITIALLY DEFERRED" if deferrable and dialect.can_defer else ""
    return (
        f"CONSTRAINT {key.name} FOREIGN KEY ({', '.join(key.child_columns)}) "
        f"REFERENCES {key.parent} ({', '.join(key.parent_columns)}){later}"
    )


def set_sequence(plan: TableBlueprint) -> str:
    """Return the statement that lets the next key be one more than the last."""
    assert plan.sequence is not None
    table, column = plan.name.replace("'", "''"), plan.sequence.name[1:-1].replace('""', '"').replace("'", "''")
    last = f"max({plan.sequence.name})"
    return (
        f"SELECT setval(pg_get_serial_sequence('{table}', '{column}'), GREATEST({last}, 1), "
        f"COALESCE({last} >= 1, FALSE)) FROM {plan.name}"
    )


def _write_rows(table: Table, plan: TableBlueprint, dialect: Dialect, file: BinaryIO, watch: ExportWatch) -> int:
    literals, rows = Literals(dialect, table.name, watch), 0
    columns = ", ".join(column.name for column in plan.columns)
    insert = f"INSERT INTO {plan.name} ({columns}) VALUES"
    opening = f"{insert}\n".encode()
    first, between = ("(", "),\n") if dialect.insert_max_rows > 1 else (f"{insert} (", ");\n")
    for batch in read_rows(table, watch):
        pieces: list[Any] = []
        for column, values in zip(plan.columns, batch.columns, strict=True):
            exact = values if values.type == column.type else values.cast(column.type)
            pieces += [literals.write(column.source, exact, quoted=column.is_quoted), ", "]
        lines = join_cells([first, *pieces[:-1], between], "NULL")
        if dialect.insert_max_rows == 1:
            file.write(text_bytes(lines))
        else:
            for start, stop in _statements(lines, dialect.insert_max_rows):
                file.write(opening)
                file.write(text_bytes(lines, start, stop)[:-2])
                file.write(b";\n")
        rows += batch.num_rows
    return rows


def _statements(lines: Column, most: int) -> Iterator[tuple[int, int]]:
    """Yield which lines go into one statement: so many at most, and about so many bytes."""
    offsets, start = line_offsets(lines), 0
    while start < len(lines):
        full = int(offsets.searchsorted(offsets[start] + STATEMENT_MAX_BYTES))
        stop = max(start + 1, min(len(lines), start + most, full))
        yield start, stop
        start = stop
