"""Stateful stand-ins of the providers, to try everything offline: for the contract suite, the demo and developers.

Each is faithful to its vendor's own description and has a fault plan; `kit` is what they are made of. They import
nothing of ours and know nothing of our connectors, so that agreement between the two proves something.
"""

from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any

from filesync_dagster.simulators.kit.faults import FaultPlan


def _lazily(module: str, name: str) -> Callable[..., Any]:
    def simulator(plan: FaultPlan | None = None, seed: int = 0) -> Any:
        return getattr(import_module(f"{__name__}.{module}"), name)(plan, seed)

    return simulator


SIMULATORS: Mapping[str, Callable[..., Any]] = {
    "google_drive": _lazily("google_drive", "DriveSimulator"),
    "autodesk": _lazily("autodesk", "AutodeskSimulator"),
    "azure_blob": _lazily("azure_blob", "AzureBlobSimulator"),
    "box": _lazily("box", "BoxSimulator"),
    "gcs": _lazily("gcs", "GcsSimulator"),
    "microsoft": _lazily("microsoft", "MicrosoftSimulator"),
    "dropbox": _lazily("dropbox", "DropboxSimulator"),
}
"""A simulator for each provider: called with a fault plan and a seed."""
