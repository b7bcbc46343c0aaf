"""generate: believable data that resemble the tables of a source, and no row of them."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import click

from filesync_dagster.cli.data_sets import (
    FILES,
    KIND,
    LIMIT,
    SETTINGS,
    TABLES,
    read_data_set,
    show_progress,
    source_of,
)
from filesync_dagster.cli.text import Cell, Column, plural, print_table, printable

if TYPE_CHECKING:
    from filesync_dagster.tables.model import DataSet

FORMATS = ("csv", "json", "excel", "sql", "parquet")


@click.command()
@FILES
@KIND
@SETTINGS
@TABLES
@LIMIT
@click.option("--out", type=click.Path(path_type=Path), required=True, help="The folder that gets the files.")
@click.option("--format", "form", type=click.Choice(FORMATS), default="csv", show_default=True, help="Of the files.")
@click.option("--dialect", default="postgres", show_default=True, help="Of SQL.")
@click.option("--seed", type=click.IntRange(min=0), help="The same seed gives the same data.  [default: one is drawn]")
@click.option("--scale", type=click.FloatRange(0.0001, 1000), default=1.0, show_default=True, help="Of the rows.")
@click.option("--rows", multiple=True, metavar="TABLE=N", help="Exactly so many rows of a table; may be repeated.")
@click.option("--keep", multiple=True, metavar="TABLE", help="Copy this table as it is: countries, currencies.")
@click.option("--locale", default="en_US", show_default=True, help="Of names, addresses and texts.")
@click.option("--accept-proposals", is_flag=True, help="Also use the first relation that is proposed for a column.")
@click.option("--no-rules", is_flag=True, help="Do not look for rules that all rows obey.")
@click.option("--no-report", is_flag=True, help="Do not measure how alike the data are.")
def generate(  # the options, in their order
    files: tuple[Path, ...],
    kind: str | None,
    settings: tuple[str, ...],
    names: tuple[str, ...],
    limit: int | None,
    *,
    out: Path,
    form: str,
    dialect: str,
    seed: int | None,
    scale: float,
    rows: tuple[str, ...],
    keep: tuple[str, ...],
    locale: str,
    accept_proposals: bool,
    no_rules: bool,
    no_report: bool,
) -> None:
    """Write synthetic data that resemble tables of files or of a source, relations, rules and all.

    The data are synthetic, not anonymous: the report says how alike they are, and who shares them reads it first.
    """
    from filesync_dagster.tables.exports import ExportOptions, export
    from filesync_dagster.tables.rules import mine_rules
    from filesync_dagster.tables.synthetic import ENGINE_VERSION, FitOptions, GenerateRequest, fit
    from filesync_dagster.tables.synthetic import generate as make

    options = ExportOptions.model_validate({"dialect": dialect})
    request = GenerateRequest(scale=scale, rows=dict(_rows(each) for each in rows), seed=seed)
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        real = read_data_set(source_of(files, kind, settings), work, names, limit)
        real = _accept(real) if accept_proposals else real
        real = real if no_rules else _enabled(mine_rules(real))
        model = fit(real, FitOptions(seed=request.seed or 0, keep=keep, locale=locale), progress=show_progress())
        made = make(model, request, work / "synthetic", progress=show_progress())
        facts = {"seed": request.seed, "engine_version": ENGINE_VERSION, "scale": scale, "synthetic": True}
        written = export(made, form, options, out, facts=facts)
        for table in made.tables:
            click.echo(f"{printable(table.name)}: {plural(table.schema.row_count or 0, 'row')}")
        if not no_report:
            _report(real, made, request.seed or 0)
    _told(real)
    for message in [*model.warnings, *(warning.message for table in made.tables for warning in table.schema.warnings)]:
        click.echo(f"Warning: {printable(message)}", err=True)
    for file in written.files:
        click.echo(f"{out / file.name}: {file.size:,} bytes")
    click.echo(f"Seed {request.seed}. Synthetic, not anonymous.")


def _rows(text: str) -> tuple[str, int]:
    name, _, count = text.rpartition("=")
    if not name or not count.isdecimal():
        raise click.UsageError(f"--rows {text!r} is not TABLE=N.")
    return name, int(count)


def _accept(found: DataSet) -> DataSet:
    """Return a data set whose columns have the first relation that was proposed for them."""
    from dataclasses import replace

    from filesync_dagster.tables.keys import find_keys
    from filesync_dagster.tables.model import Origin

    taken: set[tuple[str, tuple[str, ...]]] = set()
    relations = []
    for relation in found.relations:
        if (relation.child, relation.child_columns) not in taken:
            taken.add((relation.child, relation.child_columns))
            relations.append(replace(relation, origin=relation.origin if relation.holds else Origin.DECLARED))
    return find_keys(found.tables, relations)


def _enabled(found: DataSet) -> DataSet:
    """Return a data set without the rules that are only proposed."""
    from dataclasses import replace

    return replace(found, rules=tuple(rule for rule in found.rules if rule.enabled))


def _report(real: DataSet, made: DataSet, seed: int) -> None:
    """Print how alike the data are: each number beside what real data and columns drawn alone would have."""
    from filesync_dagster.tables.synthetic.quality import quality_report

    report = quality_report(real, made, seed=seed)
    headline = report.headline
    if headline is None:
        click.echo("Quality: too few rows to measure.")
        return
    click.echo(f"Quality: {_score(headline.score.value)}, the worst group ({printable(headline.place)}); 1 is alike.")
    columns = [Column("measure"), Column("worst at"), *(Column(n, right=True) for n in ("score", "ceiling", "naive"))]
    rows: list[list[Cell | str]] = []
    for group in report.groups:
        told = group.as_json()
        scores = [_score(told.get(name)) for name in ("score", "ceiling", "floor")]
        rows.append([str(told["title"]), printable(group.place), *scores])
    print_table(columns, rows)
    for note in report.notes:
        click.echo(f"Note: {printable(note)}", err=True)


def _score(value: object) -> str:
    return f"{value:.3f}" if isinstance(value, int | float) else "-"


def _told(real: DataSet) -> None:
    """Tell on standard error which relations nobody has confirmed, and what reading changed."""
    from filesync_dagster.tables.model import Origin

    for relation in real.relations:
        if relation.origin is Origin.PROPOSED:
            name = f"{relation.child}.{', '.join(relation.child_columns)} → {relation.parent}"
            click.echo(f"Not used: {printable(name)} is only proposed (--accept-proposals uses it).", err=True)
    for table in real.tables:
        for warning in table.schema.warnings:
            click.echo(f"Warning: {printable(f'{table.name}: {warning.message}')}", err=True)
