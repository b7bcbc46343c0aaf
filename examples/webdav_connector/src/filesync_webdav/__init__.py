"""WebDAV servers (Nextcloud, ownCloud, Apache, rclone) as a store of filesync.

This face is light: what is heavy is imported when a source is opened. Inside: `source` is the connector, which asks
through `api`; `answers` reads the XML of its answers, `rows` turns entries into Arrow, `content` reads files.
"""

from typing import TYPE_CHECKING

from filesync_dagster.connectors import Connector, Prune
from filesync_webdav.details import WebdavDetails

if TYPE_CHECKING:
    import httpx

    from filesync_dagster.connectors.rest.retry import RetryPolicy
    from filesync_dagster.core.model import Meter
    from filesync_webdav.source import WebdavSource

__all__ = ["CONNECTOR", "WebdavDetails", "open_webdav"]


def open_webdav(
    details: WebdavDetails,
    meter: "Meter",
    *,
    prune: Prune | None = None,
    wire: "httpx.BaseTransport | None" = None,
    policy: "RetryPolicy | None" = None,
) -> "WebdavSource":
    """Return a source of one folder of a server; no network.

    A folder for whose path `prune` is true is listed but not entered. `wire` replaces the network, and `policy` the
    patience, in tests.
    """
    from filesync_webdav.source import WebdavSource

    return WebdavSource(details, meter, prune=prune, wire=wire, policy=policy)


CONNECTOR = Connector(
    title="WebDAV",
    details=WebdavDetails,
    location=("url", "path"),
    open=open_webdav,
    paths=("ca_bundle",),
    place=lambda details: (f"webdav {details.url}", f"{details.path}/" if details.path else ""),
)
