"""init, validate, test: from nothing to a configuration that works."""

from __future__ import annotations

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import click

from filesync_dagster.cli.invocation import Invocation
from filesync_dagster.cli.text import Cell, Column, plural, print_table, printable
from filesync_dagster.core.errors import ConfigError, FilesyncError, NotWritable

if TYPE_CHECKING:
    from filesync_dagster.api import Filesync
    from filesync_dagster.config import Config
    from filesync_dagster.core.model import ConnectionReport

pass_invocation = click.make_pass_decorator(Invocation)


@click.command(short_help="Write a commented endpoints.yaml.")
@click.option("--force", is_flag=True, help="Replace a file that is there.")
@pass_invocation
def init(invocation: Invocation, *, force: bool) -> None:
    """Write a commented endpoints.yaml to start from."""
    from importlib.resources import files

    path = invocation.environment().config_path
    text = files("filesync_dagster.cli").joinpath("starter.yaml").read_text(encoding="utf-8")
    try:
        with path.open("w" if force else "x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError as exc:
        raise NotWritable(f"{path} is already there.", hint="Use --force to replace it.") from exc
    except OSError as exc:
        raise NotWritable(f"{path} cannot be written: {exc.strerror}.") from exc
    click.echo(f"{path} is written. Edit it, then run `filesync validate` and `filesync sync`.")


@click.command(short_help="Check the configuration: every problem, file and line.")
@pass_invocation
def validate(invocation: Invocation) -> None:
    """Check the whole configuration; show every problem with its file and line."""
    from filesync_dagster.config import load_config

    config = load_config(invocation.environment())
    problems = (*config.problems, *_channel_problems(config))
    if problems:
        raise ConfigError(problems)
    kinds = Counter(endpoint.type for endpoint in config.endpoints)
    detail = ", ".join(f"{count} {kind}" for kind, count in sorted(kinds.items()))
    inactive = len(config.endpoints) - len(config.active)
    click.echo(
        f"{config.environment.config_path} is valid: {plural(len(config.endpoints), 'endpoint')}"
        + (f" ({detail})" if detail else "")
        + (f", {inactive} not active" if inactive else "")
        + "."
    )


def _channel_problems(config: Config) -> list[str]:
    """Return what is wrong with the URLs of alerts. Those that are secrets elsewhere are not fetched for that."""
    from filesync_dagster.core.secrets import PREFIX
    from filesync_dagster.monitoring.alerts import open_channels

    urls = [secret.get_secret_value() for secret in config.alerts.urls]
    channels = [channel for channel in open_channels(urls) if not channel.url.startswith(PREFIX)] if urls else []
    return [f"{config.environment.config_path}: {channel.problem}" for channel in channels if channel.problem]


@click.command(short_help="Connect to stores: latency, permissions, what is seen.")
@click.argument("names", nargs=-1, metavar="[NAME]...")
@pass_invocation
def test(invocation: Invocation, names: tuple[str, ...]) -> None:
    """Connect to endpoints (all active ones without NAME) and tell what can be seen.

    Exits with 1 when one of them cannot be reached or lacks a permission.
    """
    with invocation.open() as filesync:
        chosen = [filesync.config.endpoint(name).name for name in names]
        chosen = chosen or [endpoint.name for endpoint in filesync.config.active]
        with ThreadPoolExecutor(filesync.config.settings.concurrency) as pool:
            outcomes = list(pool.map(lambda name: _checked(filesync, name), chosen))
        problems = [] if names else list(filesync.config.problems)
    rows: list[list[Cell | str]] = []
    for name, outcome in zip(chosen, outcomes, strict=True):
        if isinstance(outcome, FilesyncError):
            rows.append([name, Cell("failed", "red"), "-", "-", "-"])
            problems.append(f"{name}: {outcome}")
            continue
        state = Cell("problems", "yellow") if outcome.problems else Cell("ok", "green")
        allowed = ", ".join(outcome.permissions) or "-"
        rows.append([name, state, f"{outcome.latency_ms:.0f} ms", outcome.sees, allowed])
        problems += [f"{name}: {problem}" for problem in outcome.problems]
    columns = [Column("endpoint"), Column("state"), Column("latency", right=True), Column("sees"), Column("may")]
    if rows:
        print_table(columns, rows)
    for problem in problems:
        click.echo(f"Error: {printable(problem)}", err=True)
    if problems:
        raise click.exceptions.Exit(1)


def _checked(filesync: Filesync, name: str) -> ConnectionReport | FilesyncError:
    try:
        return filesync.check(name)
    except FilesyncError as error:
        return error
