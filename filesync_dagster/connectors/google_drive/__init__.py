"""Google Drive: My Drive, shared drives, or the tree below one folder.

This face is light: Google's client libraries are imported when a source is opened, not when the package is.
Inside: `source` is the connector; `listing` (flat, or folder by folder) and `changes` ask through `api`, which has
requests built by Google's client and sends them itself, as `credentials` say; `layout` knows which entry lies in which
scope and folder, `rows` turns entries into Arrow; `errors` is the border to Google's libraries.
"""

from typing import TYPE_CHECKING

from filesync_dagster.connectors.base import Connector, Prune
from filesync_dagster.connectors.google_drive.details import GoogleDriveDetails

if TYPE_CHECKING:
    import httpx

    from filesync_dagster.connectors.google_drive.source import GoogleDriveSource
    from filesync_dagster.connectors.rest.calls import RetryPolicy
    from filesync_dagster.core.model import Meter

__all__ = ["CONNECTOR", "GoogleDriveDetails", "open_google_drive"]


def open_google_drive(
    details: GoogleDriveDetails,
    meter: "Meter",
    *,
    prune: Prune | None = None,
    wire: "httpx.BaseTransport | None" = None,
    policy: "RetryPolicy | None" = None,
) -> "GoogleDriveSource":
    """Return a source for what `details` name; its cost is added to `meter`. No network call is made.

    `prune` is not heeded: the change feed tells of a folder that is renamed, not of what it holds, so a folder that was
    never entered could not come back. `wire` replaces the network, and `policy` the patience, in tests.
    """
    from filesync_dagster.connectors.google_drive.source import GoogleDriveSource

    return GoogleDriveSource(details, meter, wire=wire, policy=policy)


CONNECTOR = Connector(
    title="Google Drive",
    details=GoogleDriveDetails,
    location=("base_url", "subject", "folder_id", "drive_id", "include_shared"),
    open=open_google_drive,
    paths=("service_account_file", "ca_bundle"),
    incremental=True,
)
