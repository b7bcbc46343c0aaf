"""A file manager: a server that stores files by the protocol of docs/file-manager.md. It can be written to, not listed.

This face is light. Inside: `destination` is the whole; `api` makes the calls, `forms` writes what is sent, `answers`
judges what comes back, `report` says what came of a run.
"""

from typing import TYPE_CHECKING, Any, NoReturn

from filesync_dagster.connectors.base import Connector, Prune
from filesync_dagster.connectors.file_manager.details import FileManagerDetails
from filesync_dagster.core.errors import ConfigError

if TYPE_CHECKING:
    import httpx

    from filesync_dagster.connectors.file_manager.destination import FileManagerDestination
    from filesync_dagster.connectors.rest.retry import RetryPolicy
    from filesync_dagster.core.model import Meter

__all__ = ["CONNECTOR", "FileManagerDetails", "open_file_manager"]


def open_file_manager(
    details: FileManagerDetails,
    meter: "Meter",
    *,
    wire: "httpx.BaseTransport | None" = None,
    policy: "RetryPolicy | None" = None,
) -> "FileManagerDestination":
    """Return a file manager to write to; its cost is added to `meter`. No network call is made.

    `wire` replaces the network, and `policy` the patience.
    """
    from filesync_dagster.connectors.file_manager.destination import FileManagerDestination

    return FileManagerDestination(details, meter, wire=wire, policy=policy)


def _refuse_to_list(details: Any, meter: "Meter", *, prune: Prune | None = None) -> NoReturn:
    raise ConfigError(
        ["A file manager does not tell which files it has: it cannot be an endpoint."],
        hint="Give it as the destination of a replication.",
    )


CONNECTOR = Connector(
    title="File manager",
    details=FileManagerDetails,
    location=("base_url",),
    open=_refuse_to_list,
    paths=("ca_bundle",),
    open_destination=open_file_manager,
    lists=False,
)
