"""The type sharepoint: the libraries of a site."""

from typing import TYPE_CHECKING

from filesync_dagster.connectors.base import Connector, Prune
from filesync_dagster.connectors.microsoft.details import SharePointDetails

if TYPE_CHECKING:
    import httpx

    from filesync_dagster.connectors.microsoft.source import GraphSource
    from filesync_dagster.connectors.rest.retry import RetryPolicy
    from filesync_dagster.core.model import Meter


def open_sharepoint(
    details: SharePointDetails,
    meter: "Meter",
    *,
    prune: Prune | None = None,
    wire: "httpx.BaseTransport | None" = None,
    policy: "RetryPolicy | None" = None,
) -> "GraphSource":
    """Return a source for what `details` name; its cost is added to `meter`. No network call is made.

    `prune` is not heeded: a delta tells of all of a drive. `wire` replaces the network,
    `policy` the patience, in tests.
    """
    from filesync_dagster.connectors.microsoft.source import GraphSource

    return GraphSource(details, meter, wire=wire, policy=policy)


CONNECTOR = Connector(
    title="SharePoint",
    details=SharePointDetails,
    location=("base_url", "tenant_id", "site_url", "site_id", "drive", "drive_id", "folder_path"),
    open=open_sharepoint,
    paths=("certificate_file", "ca_bundle"),
    incremental=True,
)
