"""generate: believable data that resemble the tables of a source, and no row of them."""

from __future__ import annotations

import secrets
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from filesync_dagster.cli.data_sets import (
    FILES,
    KIND,
    LIMIT,
    SETTINGS,
    TABLES,
    read_tables,
    source_of,
)
from filesync_dagster.cli.options import pass_invocation
from filesync_dagster.cli.text import Cell, Column, plural, print_table, printable

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from filesync_dagster.cli.invocation import Invocation
    from filesync_dagster.tables.model import DataSet
    from filesync_dagster.tables.sessions.request import GenerationRequest
    from filesync_dagster.tables.sessions.run import GeneratedData
    from filesync_dagster.tables.synthetic.quality import QualityReport

FIT_OPTIONS = {
    "files": "FILES",
    "kind": "--type",
    "settings": "--set",
    "names": "--table",
    "limit": "--limit",
    "keep": "--keep",
    "locale": "--locale",
    "keep_orphans": "--keep-orphans",
    "accept_proposals": "--accept-proposals",
    "no_rules": "--no-rules",
    "save_model": "--save-model",
    "engine": "--engine",
    "epsilon": "--epsilon",
    "max_epochs": "--max-epochs",
}
FORMATS = ("csv", "json", "excel", "sql", "parquet")


@click.command()
@pass_invocation
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
@click.option("--keep-orphans", is_flag=True, help="As many rows name a parent that is not there as of the real ones.")
@click.option("--accept-proposals", is_flag=True, help="Also use the first relation that is proposed for a column.")
@click.option("--no-rules", is_flag=True, help="Do not look for rules that all rows obey.")
@click.option("--save-model", type=click.Path(path_type=Path), help="Also write what was fitted; it holds real values.")
@click.option("--model", "fitted", type=click.Path(path_type=Path), help="In place of files: what --save-model wrote.")
@click.option(
    "--engine", type=click.Choice(["core", "mostlyai"]), default="core", show_default=True, help="What learns."
)
@click.option("--epsilon", type=click.FloatRange(0, 10_000, min_open=True), help="Of differential privacy: mostlyai.")
@click.option("--max-epochs", type=click.IntRange(1, 10_000), default=100, show_default=True, help="Of mostlyai.")
@click.option("--no-report", is_flag=True, help="Do not measure how alike and how private the data are.")
def generate(  # noqa: PLR0917 - the options, in their order
    invocation: Invocation,
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
    keep_orphans: bool,
    accept_proposals: bool,
    no_rules: bool,
    save_model: Path | None,
    fitted: Path | None,
    engine: str,
    epsilon: float | None,
    max_epochs: int,
    no_report: bool,
) -> None:
    """Write synthetic data that resemble tables of files or of a source, relations, rules and all.

    The data are synthetic, not anonymous: the report says how alike they are, and who shares them reads it first.
    """
    from filesync_dagster.tables.sessions.progress import SessionWatch
    from filesync_dagster.tables.sessions.run import generate_again, run_generation
    from filesync_dagster.tables.sessions.submit import DRAWN_SEEDS_COUNT
    from filesync_dagster.tables.synthetic import load_model
    from filesync_dagster.tables.synthetic import save_model as write_model

    _check_fitted(fitted)
    request = _request(
        scale=scale,
        rows=dict(_rows(each) for each in rows),
        output_format=form,
        export_options={"dialect": dialect},
        keep=list(keep),
        locale=locale,
        privacy={"keep_orphans": keep_orphans},
        accept_proposals=accept_proposals,
        find_rules=not no_rules,
        report=not no_report,
        engine=engine,
        engine_options={"epsilon": epsilon, "max_epochs": max_epochs},
    )
    if save_model is not None and engine != "core":
        raise click.UsageError("--save-model keeps models of the engine core alone.")
    seed = secrets.randbelow(DRAWN_SEEDS_COUNT) if seed is None else seed
    source = source_of(files, kind, settings) if fitted is None else None
    with tempfile.TemporaryDirectory() as folder:
        work, watch = Path(folder), SessionWatch(_show_progress())
        if source is None:
            assert fitted is not None
            found = generate_again(request, load_model(fitted), work / "made", out, seed, watch)
        else:
            found = run_generation(
                request,
                lambda _: read_tables(source, work, names, limit),
                work / "made",
                out,
                seed,
                watch,
                home=invocation.environment().home,
            )
    if save_model is not None and found.model is not None:
        write_model(found.model, save_model)
    _print(found, out)


def _check_fitted(fitted: Path | None) -> None:
    """Raise UsageError where a fitted model comes with what only a fit could heed."""
    from click.core import ParameterSource

    context = click.get_current_context()
    if fitted is None:
        return
    for name, option in FIT_OPTIONS.items():
        if context.get_parameter_source(name) is ParameterSource.COMMANDLINE:
            raise click.UsageError(f"{option} is about the fit, and --model was fitted before.")


def _request(**options: Any) -> GenerationRequest:
    """Return what is asked for, as it would be over the API. Raises UsageError."""
    from pydantic import ValidationError

    from filesync_dagster.tables.sessions.request import GenerationRequest

    try:
        return GenerationRequest.model_validate(options)
    except ValidationError as error:
        first = error.errors()[0]
        raise click.UsageError(f"--{'.'.join(map(str, first['loc']))}: {first['msg']}.") from None


def _show_progress() -> Callable[[str, Mapping[str, Any]], None]:
    """Return what tells on standard error how far a generation is: each stage, step and table once."""
    told: set[str] = set()

    def tell(stage: str, progress: Mapping[str, Any]) -> None:
        line = " ".join(filter(None, (str(progress["step"]) or stage, str(progress["table"]))))
        if line not in told:
            told.add(line)
            click.echo(f"{printable(line)} …", err=True)

    return tell


def _print(found: GeneratedData, out: Path) -> None:
    """Print what was made, how alike and how private it is, and what somebody should know of it."""
    from filesync_dagster.tables.synthetic.report_text import privacy_text

    for table in found.made.tables:
        click.echo(f"{printable(table.name)}: {plural(table.schema.row_count or 0, 'row')}")
    if found.quality is not None:
        _report(found.quality)
    if found.privacy is not None:
        for line in privacy_text(found.privacy.as_json()).splitlines():
            click.echo(printable(line))
    _told(found.real)
    for warning in found.warnings:
        where = ".".join(str(warning[part]) for part in ("table", "column") if warning.get(part))
        click.echo(f"Warning: {printable(': '.join(filter(None, (where, str(warning['message'])))))}", err=True)
    for file in found.export.files:
        click.echo(f"{out / file.name}: {file.size:,} bytes")
    click.echo(f"Seed {found.seed}. Synthetic, not anonymous.")


def _rows(text: str) -> tuple[str, int]:
    name, _, count = text.rpartition("=")
    if not name or not count.isdecimal():
        raise click.UsageError(f"--rows {text!r} is not TABLE=N.")
    return name, int(count)


def _report(report: QualityReport) -> None:
    """Print how alike the data are: each number beside what real data and columns drawn alone would have."""
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
    """Tell on standard error which relations nobody has confirmed."""
    from filesync_dagster.tables.model import Origin

    for relation in real.relations:
        if relation.origin is Origin.PROPOSED:
            name = f"{relation.child}.{', '.join(relation.child_columns)} → {relation.parent}"
            click.echo(f"Not used: {printable(name)} is only proposed (--accept-proposals uses it).", err=True)
