"""simulate: a provider on this machine, to develop and try things without credentials."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from filesync_dagster.cli.options import HOST, pass_invocation
from filesync_dagster.core.errors import ConfigError, ServiceError

if TYPE_CHECKING:
    from filesync_dagster.cli.invocation import Invocation

PROVIDERS = {"google_drive": "Google Drive", "autodesk": "Autodesk Construction Cloud"}


@click.command()
@click.argument("provider", type=click.Choice(list(PROVIDERS)))
@click.option(
    "--port", type=click.IntRange(0, 65535), default=0, show_default=True, help="To listen on; 0 is any that is free."
)
@HOST
@click.option("--files", type=click.IntRange(0), default=1000, show_default=True, help="Number of files to begin with.")
@click.option(
    "--faults", type=click.Path(path_type=Path), help="A fault plan: a YAML list of what goes wrong, and when."
)
@click.option("--seed", type=int, default=0, show_default=True, help="The same seed is the same files and faults.")
@pass_invocation
def simulate(
    invocation: Invocation, provider: str, *, port: int, host: str, files: int, faults: Path | None, seed: int
) -> None:
    """Run a simulated provider until Ctrl-C, and tell how to list it: an endpoint to put into endpoints.yaml.

    It keeps everything in memory and begins anew each time. docs/simulators.md describes fault plans.
    """
    from filesync_dagster.cli.fault_plan import read_fault_plan
    from filesync_dagster.orchestration.processes import stop_on_signal
    from filesync_dagster.simulators import SIMULATORS
    from filesync_dagster.simulators.kit.wire import serve_simulator

    invocation.configure_logging()
    try:
        simulator = SIMULATORS[provider](read_fault_plan(faults, seed) if faults else None, seed)
    except ValueError as error:  # a fault that this provider does not have
        raise ConfigError([f"{faults}: {error}"]) from error
    if files:
        simulator.store.bulk(files, seed=seed)
    try:
        with stop_on_signal() as told, serve_simulator(simulator, host, port) as address:
            click.echo(_introduction(provider, simulator, address, files))
            told.wait()
    except OSError as error:
        reason = os.strerror(error.errno) if error.errno else str(error)
        raise ServiceError(
            f"{host}:{port} cannot be listened on: {reason.lower()}.",
            hint="Choose another with --port or --host.",
        ) from error
    click.echo("Stopped.")


def _introduction(provider: str, simulator: Any, address: str, files: int) -> str:
    import yaml

    endpoint = {"name": f"simulated_{provider}", "type": provider, "endpoint_details": _details(simulator, address)}
    snippet = yaml.safe_dump({"endpoints": [endpoint]}, sort_keys=False, width=120)
    started = f"{PROVIDERS[provider]} is simulated at {address}, with {files:,} files. Ctrl-C stops it."
    return f"{started} In endpoints.yaml:\n\n{snippet}"


def _details(simulator: Any, address: str) -> dict[str, str]:
    """Return what an endpoint needs to know. A person's refresh token is shorter than a key, and lasts."""
    if hasattr(simulator, "user_credentials"):
        person = simulator.user_credentials(address)
        return {"base_url": address, **{name: value for name, value in person.items() if name != "type"}}
    known: dict[str, str] = simulator.credentials(address)
    return known
