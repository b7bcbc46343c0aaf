"""Box: the folders of an account, or the tree below one folder.

This face is light: httpx and the rest are imported when a source is opened. Inside: `source` is the connector, which
crawls folders and looks items up through `api`; `changes` reads the streams of events, each a hint of an item;
`credentials` mints tokens, `rows` turns items into rows, `content` reads files, `errors` is the table of what Box may
say instead of what was asked.
"""

from typing import TYPE_CHECKING

from filesync_dagster.connectors.base import Connector, Prune
from filesync_dagster.connectors.box.details import BoxDetails

if TYPE_CHECKING:
    import httpx

    from filesync_dagster.connectors.box.source import BoxSource
    from filesync_dagster.connectors.rest.retry import RetryPolicy
    from filesync_dagster.core.model import Meter

__all__ = ["CONNECTOR", "BoxDetails", "open_box"]


def open_box(
    details: BoxDetails,
    meter: "Meter",
    *,
    prune: Prune | None = None,
    wire: "httpx.BaseTransport | None" = None,
    policy: "RetryPolicy | None" = None,
) -> "BoxSource":
    """Return a source for the folder of `details`; its cost is added to `meter`. No network call is made.

    `prune` is not heeded: events tell of a folder that is renamed, not of what it holds, so a folder that was never
    entered could not come back. `wire` replaces the network, and `policy` the patience, in tests.
    """
    from filesync_dagster.connectors.box.source import BoxSource

    return BoxSource(details, meter, wire=wire, policy=policy)


CONNECTOR = Connector(
    title="Box",
    details=BoxDetails,
    location=("base_url", "enterprise_id", "box_user_id", "folder_id"),
    open=open_box,
    paths=("jwt_config_file", "ca_bundle"),
    incremental=True,
)
