"""The type onedrive: the OneDrive for Business of a user."""

from typing import TYPE_CHECKING

from filesync_dagster.connectors.base import Connector, Prune
from filesync_dagster.connectors.microsoft.details import OneDriveDetails

if TYPE_CHECKING:
    import httpx

    from filesync_dagster.connectors.microsoft.source import GraphSource
    from filesync_dagster.connectors.rest.retry import RetryPolicy
    from filesync_dagster.core.model import Meter


def open_onedrive(
    details: OneDriveDetails,
    meter: "Meter",
    *,
    prune: Prune | None = None,
    wire: "httpx.BaseTransport | None" = None,
    policy: "RetryPolicy | None" = None,
) -> "GraphSource":
    """Like `open_sharepoint`, for a OneDrive."""
    from filesync_dagster.connectors.microsoft.source import GraphSource

    return GraphSource(details, meter, wire=wire, policy=policy)


CONNECTOR = Connector(
    title="OneDrive for Business",
    details=OneDriveDetails,
    location=("base_url", "tenant_id", "user", "drive_id", "folder_path"),
    open=open_onedrive,
    paths=("certificate_file", "ca_bundle"),
    incremental=True,
)
