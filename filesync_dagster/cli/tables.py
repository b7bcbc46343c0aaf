"""tables: which sources there are, what they have, what is in their tables."""

from __future__ import annotations

import tempfile
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from filesync_dagster.cli.data_sets import (
    FILES,
    KIND,
    LIMIT,
    SETTINGS,
    TABLES,
    read_data_set,
    source_of,
)
from filesync_dagster.cli.source_reads import store_tables
from filesync_dagster.cli.text import Cell, Column, plural, print_table, printable

if TYPE_CHECKING:
    from filesync_dagster.tables.model import DataSet, TableColumn, TableRelation

SHOWN_ROWS = 20
CELL_LETTERS = 40


@click.group(name="tables")
def tables() -> None:
    """Show the tables of files, databases, buckets and APIs: what they are, what is in them, how they belong together.

    A source is files (CSV, Excel, JSON, Parquet) or --type with its settings: --type postgres --set host=db --set
    database=shop. Variables such as POSTGRES_PASSWORD fill settings that were not given.
    """


tables.add_command(store_tables)


@tables.command("list")
def list_types() -> None:
    """List the types of sources: what each is, and what it needs."""
    from filesync_dagster.tables.sources.registry import source_types

    rows = [[each.kind, each.name, each.tested, each.missing or "", each.description] for each in source_types()]
    print_table([Column("type"), Column("name"), Column("tested"), Column("missing"), Column("what it is")], rows)


@tables.command("test")
@FILES
@KIND
@SETTINGS
def test_source(files: tuple[Path, ...], kind: str | None, settings: tuple[str, ...]) -> None:
    """Connect to a source, and say which of its tables can be read. Exits with 1 when one cannot."""
    from filesync_dagster.tables.sources.base import TEST_SECONDS
    from filesync_dagster.tables.sources.registry import open_source

    with tempfile.TemporaryDirectory() as folder:
        chosen = source_of(files, kind, settings)
        context = chosen.context(Path(folder))
        with closing(open_source(chosen.kind, chosen.config, context)) as source:
            report = source.test(context.deadline(TEST_SECONDS))
    rows: list[list[Cell | str]] = [
        [
            printable(each.name),
            Cell("ok", "green") if each.readable else Cell("refused", "red"),
            "-" if each.rows_estimate is None else f"{each.rows_estimate:,}",
            printable(each.problem or ""),
        ]
        for each in report.tables
    ]
    print_table([Column("table"), Column("state"), Column("rows", right=True), Column("problem")], rows)
    click.echo(f"{printable(report.message)} ({report.latency_ms:.0f} ms)")
    for warning in report.warnings:
        click.echo(f"Warning: {printable(warning)}", err=True)
    if not all(each.readable for each in report.tables):
        raise click.exceptions.Exit(1)


@tables.command()
@FILES
@KIND
@SETTINGS
def discover(files: tuple[Path, ...], kind: str | None, settings: tuple[str, ...]) -> None:
    """List the tables of a source with their columns and keys, as far as it tells without rows."""
    from filesync_dagster.tables.sources.collect import DISCOVER_SECONDS
    from filesync_dagster.tables.sources.registry import open_source

    with tempfile.TemporaryDirectory() as folder:
        chosen = source_of(files, kind, settings)
        context = chosen.context(Path(folder))
        with closing(open_source(chosen.kind, chosen.config, context)) as source:
            found = source.discover(context.deadline(DISCOVER_SECONDS))
    rows = [
        [
            printable(each.name),
            each.kind,
            "-" if each.rows_estimate is None else f"{each.rows_estimate:,}",
            ", ".join(each.schema.primary_key) or "-",
            printable(", ".join(each.schema.names)),
        ]
        for each in found
    ]
    columns = [Column("table"), Column("kind"), Column("rows", right=True), Column("key"), Column("columns")]
    print_table(columns, rows)


@tables.command("read")
@FILES
@KIND
@SETTINGS
@TABLES
@LIMIT
@click.option("--out", type=click.Path(path_type=Path), required=True, help="The folder that gets `<table>.parquet`.")
def read_tables(  # the options, in their order
    files: tuple[Path, ...],
    kind: str | None,
    settings: tuple[str, ...],
    names: tuple[str, ...],
    limit: int | None,
    *,
    out: Path,
) -> None:
    """Read tables into Parquet files, each of which has its schema, keys and statistics in its metadata."""
    from filesync_dagster.tables.exports import ExportOptions, export

    with tempfile.TemporaryDirectory() as folder:
        found = read_data_set(source_of(files, kind, settings), Path(folder), names, limit)
        written = export(found, "parquet", ExportOptions(), out, facts={"synthetic": False})
        _warn(found)
    for file in written.files:
        click.echo(f"{out / file.name}: {file.size:,} bytes")


@tables.command()
@FILES
@KIND
@SETTINGS
@TABLES
@LIMIT
@click.option("--rules", is_flag=True, help="Also look for rules that all rows obey.")
def profile(  # the options, in their order
    files: tuple[Path, ...],
    kind: str | None,
    settings: tuple[str, ...],
    names: tuple[str, ...],
    limit: int | None,
    *,
    rules: bool,
) -> None:
    """Say of each column what it is for and what is in it, and how tables belong together."""
    from filesync_dagster.tables.rules import mine_rules

    with tempfile.TemporaryDirectory() as folder:
        found = read_data_set(source_of(files, kind, settings), Path(folder), names, limit)
        found = mine_rules(found) if rules else found
    for table in found.tables:
        title = f"{printable(table.name)}: {plural(table.schema.row_count or 0, 'row')}"
        key = ", ".join(table.schema.primary_key)
        print_table(_COLUMNS, [_row(each) for each in table.schema.columns], title=title + (f", key {key}" * bool(key)))
        click.echo()
    if found.relations:
        columns = [Column("relation"), Column("state"), Column("score", right=True), Column("rows with a parent")]
        print_table(columns, [_relation(each) for each in found.relations])
    for rule in found.rules:
        state = "" if rule.enabled else f" ({rule.share:.2%}, proposed; not: {'; '.join(rule.counter_examples[:2])})"
        click.echo(printable(f"{rule.table}: {rule.kind} {', '.join(rule.columns)}{state}"))
    _warn(found)


_COLUMNS = [
    Column("column"), Column("type"), Column("role"), Column("null", right=True), Column("distinct", right=True),
    Column("least"), Column("most"), Column("format"),
]  # fmt: skip


def _row(column: TableColumn) -> list[Cell | str]:
    stats = column.stats
    role = column.person_kind or str(column.role)
    return [
        printable(column.name),
        str(column.type),
        role,
        f"{stats['nulls'] / stats['count']:.1%}" if stats["nulls"] else "",
        f"{stats['distinct']:,}" + ("" if stats.get("distinct_exact", True) else " or so"),
        _short(stats.get("min")),
        _short(stats.get("max")),
        printable(column.format or ""),
    ]


def _short(value: Any) -> str:
    text = "" if value is None else printable(str(value))
    return text if len(text) <= CELL_LETTERS else f"{text[: CELL_LETTERS - 1]}…"


def _relation(relation: TableRelation) -> list[Cell | str]:
    name = (
        f"{relation.child}({', '.join(relation.child_columns)}) → "
        f"{relation.parent}({', '.join(relation.parent_columns)})"
    )
    state = Cell(str(relation.origin), "green" if relation.holds else "yellow")
    score = "" if relation.score is None else f"{relation.score:.2f}"
    return [printable(name), state, score, "" if relation.inclusion is None else f"{relation.inclusion:.1%}"]


@tables.command()
@FILES
@KIND
@SETTINGS
@TABLES
@click.option("--rows", "count", type=click.IntRange(1, 1000), default=SHOWN_ROWS, show_default=True, help="How many.")
@click.option("--reveal", is_flag=True, help="Also show what is personal.")
def show(  # the options, in their order
    files: tuple[Path, ...],
    kind: str | None,
    settings: tuple[str, ...],
    names: tuple[str, ...],
    count: int,
    *,
    reveal: bool,
) -> None:
    """Show the first rows of tables. What is personal is masked."""
    import pyarrow.parquet as pq

    from filesync_dagster.tables.model import Role

    with tempfile.TemporaryDirectory() as folder:
        found = read_data_set(source_of(files, kind, settings), Path(folder), names, None)
        for table in found.tables:
            with pq.ParquetFile(table.parts[0], pre_buffer=False) as part:
                rows = next(part.iter_batches(count)).to_pylist() if table.schema.row_count else []
            hidden = {column.name for column in table.schema.columns if column.role is Role.PERSON and not reveal}
            print_table(
                [Column(printable(name)) for name in table.schema.names],
                [["•••" if n in hidden and row[n] is not None else _short(row[n]) for n in row] for row in rows],
                title=f"{printable(table.name)}: {plural(table.schema.row_count or 0, 'row')}",
            )
        _warn(found)


def _warn(found: DataSet) -> None:
    """Tell on standard error what reading left out or changed."""
    for table in found.tables:
        for warning in table.schema.warnings:
            click.echo(f"Warning: {printable(f'{table.name}: {warning.message}')}", err=True)
