"""Projects of Autodesk Construction Cloud, BIM 360 and the other hubs of Autodesk Platform Services.

This face is light: httpx and the rest are imported when a source is opened. Inside: `source` is the whole; `listing`
reads many folders at once, `changes` those on the way to what is newer; `reader` asks for one page, one entry, one
folder's permissions over `api`, `rows` turns them into rows; `hubs` knows the projects, `errors` is the table of what
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
