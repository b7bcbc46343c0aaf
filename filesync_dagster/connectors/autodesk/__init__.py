"""Projects of Autodesk Construction Cloud, BIM 360 and the other hubs of Autodesk Platform Services.

This face is light: httpx and the rest are imported when a source is opened. Inside: `source` is the whole; `crawl`
reads many folders at once in the order that `frontier` keeps, `reader` fetches pages of one folder over `api`,
`rows` turns them into rows, `permissions` tells who may do what with folders; `hubs` knows the projects, `cursors`
since when something counts as changed; `tokens` are what requests are made with, `answers` is the table of what
Autodesk may say instead of what was asked.
May import the shared parts of `connectors`, `model`, `observability` and `errors`.
"""

from typing import TYPE_CHECKING

from filesync_dagster.connectors.autodesk.details import AutodeskDetails
from filesync_dagster.connectors.base import Connector, Prune

if TYPE_CHECKING:
    import httpx

    from filesync_dagster.connectors.autodesk.source import AutodeskSource
    from filesync_dagster.connectors.rest.retry import RetryPolicy
    from filesync_dagster.core.model import Meter

__all__ = ["CONNECTOR", "AutodeskDetails", "open_autodesk"]


def open_autodesk(
    details: AutodeskDetails,
    meter: "Meter",
    *,
    prune: Prune | None = None,
    wire: "httpx.BaseTransport | None" = None,
    policy: "RetryPolicy | None" = None,
) -> "AutodeskSource":
    """Return a source for the projects of `details`; its cost is added to `meter`. No network call is made.

    A folder for whose path (relative, `/`-separated) `prune` is true is listed but not entered. `wire` replaces the
    network, and `policy` the patience.
    """
    from filesync_dagster.connectors.autodesk.source import AutodeskSource

    return AutodeskSource(details, meter, prune=prune, wire=wire, policy=policy)


CONNECTOR = Connector(
    title="Autodesk Construction Cloud",
    details=AutodeskDetails,
    location=("base_url", "service_account_id", "hub_id", "project_ids", "region"),
    open=open_autodesk,
    paths=("ca_bundle",),
    incremental=True,
)
