"""init: write a commented endpoints.yaml."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from filesync_dagster.cli.options import pass_invocation
from filesync_dagster.core.errors import NotWritable

if TYPE_CHECKING:
    from filesync_dagster.cli.invocation import Invocation


@click.command()
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
