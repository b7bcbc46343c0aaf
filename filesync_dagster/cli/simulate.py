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

PROVIDERS = {
    "google_drive": "Google Drive",
    "autodesk": "Autodesk Construction Cloud",
    "azure_blob": "Azure Blob Storage",
    "box": "Box",
    "gcs": "Google Cloud Storage",
    "microsoft": "Microsoft Graph",
    "dropbox": "Dropbox",
    "file_manager": "The file manager",
}


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
@click.option(
    "--root",
    type=click.Path(file_okay=False, path_type=Path),
    help="file_manager: the folder to store in; kept over restarts.",
)
@click.option("--token", help="file_manager: what callers must send as a bearer token.")
@click.option(
    "--quirks",
    type=click.Choice(["mock"]),
    help="file_manager: answer like the public mock of its protocol, which stores nothing.",
)
@pass_invocation
def simulate(
    invocation: Invocation,
    provider: str,
    *,
    port: int,
    host: str,
    files: int,
    faults: Path | None,
    seed: int,
    root: Path | None,
    token: str | None,
    quirks: str | None,
) -> None:
    """Run a simulated provider until Ctrl-C, and tell how to list it: an endpoint to put into endpoints.yaml.

    It keeps everything in memory and begins anew each time; the file manager keeps files in a folder, and is something
    to replicate to. docs/simulators.md describes fault plans.
    """
    from filesync_dagster.cli.fault_plan import read_fault_plan
    from filesync_dagster.orchestration.processes import stop_on_signal
    from filesync_dagster.simulators import SIMULATORS
    from filesync_dagster.simulators.kit.wire import serve_simulator

    invocation.configure_logging()
    if provider != "file_manager" and (root or token or quirks):
        raise click.UsageError("--root, --token and --quirks are for file_manager.")
    try:
        plan = read_fault_plan(faults, seed) if faults else None
        if provider == "file_manager":
            simulator = _open_file_manager(root, token, plan, seed, mock=quirks == "mock")
        else:
            simulator = SIMULATORS[provider](plan, seed)
    except ValueError as error:  # a fault that this provider does not have
        raise ConfigError([f"{faults}: {error}"]) from error
    if files and provider in SIMULATORS:
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


def _open_file_manager(root: Path | None, token: str | None, plan: Any, seed: int, *, mock: bool) -> Any:
    from filesync_dagster.simulators.file_manager import FileManagerSimulator

    if root is None:
        raise click.UsageError("The file manager stores files: say where, with --root FOLDER.")
    try:
        return FileManagerSimulator(root, token=token, plan=plan, mock=mock, seed=seed)
    except OSError as error:
        raise ServiceError(f"{root} cannot be stored in: {os.strerror(error.errno or 0).lower()}.") from error


def _introduction(provider: str, simulator: Any, address: str, files: int) -> str:
    import yaml

    if provider == "file_manager":
        # The token is not repeated: whoever gave it knows it.
        details = {"base_url": address, **({"token": "${FILE_MANAGER_TOKEN}"} if simulator.token else {})}
        destination = {"destination": {"type": "file_manager", "endpoint_details": details}}
        snippet = yaml.safe_dump(destination, sort_keys=False, width=120)
        return (
            f"{PROVIDERS[provider]} is at {address}. Ctrl-C stops it. In a replication of endpoints.yaml:\n\n{snippet}"
        )
    snippet = yaml.safe_dump({"endpoints": _endpoints(provider, simulator, address)}, sort_keys=False, width=120)
    started = f"{PROVIDERS[provider]} is simulated at {address}, with {files:,} files. Ctrl-C stops it."
    return f"{started} In endpoints.yaml:\n\n{snippet}"


def _endpoints(provider: str, simulator: Any, address: str) -> list[dict[str, Any]]:
    """Return the endpoints that list a simulator: of one with several types of endpoint one of each."""
    if hasattr(simulator, "endpoints"):
        return [{"name": f"simulated_{one['type']}", **one} for one in simulator.endpoints(address)]
    return [{"name": f"simulated_{provider}", "type": provider, "endpoint_details": _details(simulator, address)}]


def _details(simulator: Any, address: str) -> dict[str, str]:
    """Return what an endpoint needs to know. A person's refresh token is shorter than a key, and lasts."""
    if hasattr(simulator, "user_credentials"):
        person = simulator.user_credentials(address)
        return {"base_url": address, **{name: value for name, value in person.items() if name != "type"}}
    known: dict[str, str] = simulator.credentials(address)
    return known
