"""filesync: a provably complete inventory of every file in every store, as Dagster assets.

`Filesync` is the Python API. Names are imported when they are first used, so that `import filesync_dagster` and the
command line stay quick.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from filesync_dagster.api import Filesync
    from filesync_dagster.core.errors import FilesyncError
    from filesync_dagster.core.model import SyncMode, SyncResult, SyncStatus
    from filesync_dagster.sync.progress import Progress
    from filesync_dagster.sync.status import EndpointStatus

__all__ = ["EndpointStatus", "Filesync", "FilesyncError", "Progress", "SyncMode", "SyncResult", "SyncStatus"]

_HOMES = {
    "EndpointStatus": "sync.status",
    "Filesync": "api",
    "FilesyncError": "core.errors",
    "Progress": "sync.progress",
    "SyncMode": "core.model",
    "SyncResult": "core.model",
    "SyncStatus": "core.model",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
