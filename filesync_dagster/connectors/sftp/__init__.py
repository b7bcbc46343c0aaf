"""Folders of servers that speak SFTP. Light to import; `open_sftp` loads the rest, and the extra `sftp`.

Inside: `source` is the connector, `content` reads files, `rows` turns entries into Arrow. They ask through `session`,
which keeps one connection in the thread of `loop`; `errors` is the border to asyncssh, `keys` says whom it trusts.
"""

from typing import TYPE_CHECKING

from filesync_dagster.connectors.base import Connector, Prune
from filesync_dagster.connectors.sftp.details import SftpDetails

if TYPE_CHECKING:
    from filesync_dagster.connectors.rest.retry import RetryPolicy
    from filesync_dagster.connectors.sftp.source import SftpSource
    from filesync_dagster.core.model import Meter

__all__ = ["CONNECTOR", "SftpDetails", "open_sftp"]


def open_sftp(
    details: SftpDetails, meter: "Meter", *, prune: Prune | None = None, policy: "RetryPolicy | None" = None
) -> "SftpSource":
    """Return a source of one folder of a server; no network.

    A folder for whose path `prune` is true is listed but not entered. `policy` is the patience, in tests.
    """
    from filesync_dagster.connectors.sftp.source import SftpSource

    return SftpSource(details, meter, prune=prune, policy=policy)


CONNECTOR = Connector(
    title="SFTP server",
    details=SftpDetails,
    location=("host", "port", "path"),
    open=open_sftp,
    paths=("known_hosts", "private_key_file"),
    place=lambda details: (f"sftp {details.host}:{details.port}", f"{details.path.rstrip('/')}/"),
)
