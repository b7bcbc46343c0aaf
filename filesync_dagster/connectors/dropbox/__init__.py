"""Dropbox: all that an account or a member of a team sees, what is below a folder, or a namespace.

This face is light: httpx and the rest are imported when a source is opened. Inside: `source` is the connector;
`listing` reads trees, `changes` the feed of paths; `places` knows which folder has which id, `rows` turns entries into
Arrow, `members` tells who may do what; `api` asks, `errors` is the table of what Dropbox may say instead.
May import the shared parts of `connectors`, and `core`.
"""

from typing import TYPE_CHECKING

from filesync_dagster.connectors.base import Connector, Prune
from filesync_dagster.connectors.dropbox.details import DropboxDetails

if TYPE_CHECKING:
    import httpx

    from filesync_dagster.connectors.dropbox.source import DropboxSource
    from filesync_dagster.connectors.rest.retry import RetryPolicy
    from filesync_dagster.core.model import Meter

__all__ = ["CONNECTOR", "DropboxDetails", "open_dropbox"]


def open_dropbox(
    details: DropboxDetails,
    meter: "Meter",
    *,
    prune: Prune | None = None,
    wire: "httpx.BaseTransport | None" = None,
    policy: "RetryPolicy | None" = None,
) -> "DropboxSource":
    """Return a source for what `details` name; its cost is added to `meter`. No network call is made.

    `prune` is not heeded: everything comes in one list. `wire` replaces the network, and `policy` the patience.
    """
    from filesync_dagster.connectors.dropbox.source import DropboxSource

    return DropboxSource(details, meter, wire=wire, policy=policy)


CONNECTOR = Connector(
    title="Dropbox",
    details=DropboxDetails,
    location=("base_url", "path", "namespace_id", "select_user", "select_admin"),
    open=open_dropbox,
    paths=("ca_bundle",),
    incremental=True,
)
