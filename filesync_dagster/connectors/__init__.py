"""Connectors: one module (or package) for each kind of store, all behind the protocols of `base`.

May import observability, model and errors; never each other, the configuration or the environment.
A new store is a module here and a line in CONNECTORS.
"""

from collections.abc import Callable
from dataclasses import dataclass

from pydantic import BaseModel

from filesync_dagster.connectors.autodesk import AutodeskDetails, open_autodesk
from filesync_dagster.connectors.base import HistoricalSource, IncrementalSource, LookupSource, Source
from filesync_dagster.connectors.google_drive import GoogleDriveDetails, open_google_drive
from filesync_dagster.connectors.local import LocalDetails, open_local
from filesync_dagster.connectors.s3 import S3Details, open_s3
from filesync_dagster.core.model import Meter

__all__ = ["CONNECTORS", "Connector", "HistoricalSource", "IncrementalSource", "LookupSource", "Source"]

Prune = Callable[[str], bool]
"""Says that everything below a path is filtered out, so that a connector need not look there."""


@dataclass(frozen=True)
class Connector:
    """One kind of store.

    `details` is the model of `endpoint_details`; its SecretStr fields never leave the process. `location` names the
    details that decide what is listed: when one of them changes, rows that disappear left the scope.
    """

    title: str
    details: type[BaseModel]
    location: tuple[str, ...]
    open: Callable[..., Source]  # (details, meter, *, prune: Prune | None)
    paths: tuple[str, ...] = ()  # details that are paths of this machine, relative to the configuration file
    incremental: bool = False  # its sources tell what changed


def _open_s3(details: S3Details, meter: Meter, *, prune: Prune | None = None) -> Source:
    return open_s3(details, meter)  # a flat listing has no folder to leave out


CONNECTORS: dict[str, Connector] = {
    "autodesk": Connector(
        "Autodesk Construction Cloud",
        AutodeskDetails,
        ("base_url", "service_account_id", "hub_id", "project_ids", "region"),
        open_autodesk,
        ("ca_bundle",),
        incremental=True,
    ),
    "google_drive": Connector(
        "Google Drive",
        GoogleDriveDetails,
        ("base_url", "subject", "folder_id", "drive_id", "include_shared"),
        open_google_drive,
        ("service_account_file", "ca_bundle"),
        incremental=True,
    ),
    "local": Connector(
        "Local folder", LocalDetails, ("path", "follow_symlinks", "cross_mounts", "identity"), open_local, ("path",)
    ),
    "s3": Connector("S3 bucket", S3Details, ("endpoint_url", "bucket", "prefix"), _open_s3),
}
