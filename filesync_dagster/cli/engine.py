"""engine: what learns and draws synthetic data, and how more of that is installed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import click

from filesync_dagster.cli.options import pass_invocation
from filesync_dagster.cli.text import Column, print_table

if TYPE_CHECKING:
    from filesync_dagster.cli.invocation import Invocation


@click.group()
def engine() -> None:
    """Install and show the engines of synthetic data."""


@engine.command("list")
@pass_invocation
def list_engines(invocation: Invocation) -> None:
    """Show the engines, and whether they can be used."""
    from filesync_dagster.tables.synthetic import ENGINE, ENGINE_VERSION
    from filesync_dagster.tables.synthetic.peers.mostlyai.install import INSTALL_COMMAND, NAME, VERSION, is_installed

    state = "installed" if is_installed(invocation.environment().home) else INSTALL_COMMAND
    columns = [Column("engine"), Column("version"), Column("state")]
    print_table(columns, [[ENGINE, ENGINE_VERSION, "built in"], [NAME, VERSION, state]])


@engine.command()
@click.argument("name", type=click.Choice(["mostlyai"]))
@click.option(
    "--torch",
    type=click.Choice(["auto", "cpu", "pypi"]),
    default="auto",
    show_default=True,
    help="The build of PyTorch. auto: for CPUs where there is no NVIDIA driver. pypi: on Linux with CUDA.",
)
@pass_invocation
def install(invocation: Invocation, name: str, torch: Literal["auto", "cpu", "pypi"]) -> None:
    """Install an engine in an environment of its own, below FILESYNC_HOME.

    mostlyai has 1.5 GB with PyTorch for CPUs, and 5 GB with CUDA.
    """
    from filesync_dagster.tables.synthetic.peers.mostlyai.install import install_engine

    environment = invocation.environment()
    found = install_engine(environment.home, torch, environment.variables, lambda line: click.echo(line, err=True))
    click.echo(f"{name} {found.version} is installed in {found.folder}.")
