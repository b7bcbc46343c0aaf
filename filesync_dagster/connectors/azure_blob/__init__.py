"""Containers of Azure Blob Storage.

This face is light: httpx and lxml are imported when a source is opened, not when the package is.
Inside: `container` is what the kit `object_store` lists: pages asked for over `transport` (requests signed by
`credentials`), read by `answers` (XML to columns, refusals to errors); `rows` makes Arrow of them.
"""

from typing import TYPE_CHECKING

from filesync_dagster.connectors.azure_blob.details import AzureBlobDetails
from filesync_dagster.connectors.base import Connector, Prune

if TYPE_CHECKING:
    from filesync_dagster.connectors.azure_blob.destination import AzureBlobDestination
    from filesync_dagster.connectors.azure_blob.source import AzureBlobSource
    from filesync_dagster.core.model import Meter

__all__ = ["CONNECTOR", "AzureBlobDetails", "open_azure_blob"]


def open_azure_blob(details: AzureBlobDetails, meter: "Meter", *, prune: Prune | None = None) -> "AzureBlobSource":
    """Return a source for the container of `details`; its cost is added to `meter`. No network call is made.

    `prune` is not heeded: a flat listing has no folder to leave out.
    """
    from filesync_dagster.connectors.azure_blob.source import AzureBlobSource

    return AzureBlobSource(details, meter)


def open_azure_blob_destination(details: AzureBlobDetails, meter: "Meter") -> "AzureBlobDestination":
    """Return the destination below the prefix of a container, which is taken for a folder. No network call is made."""
    from filesync_dagster.connectors.azure_blob.destination import AzureBlobDestination

    return AzureBlobDestination(details, meter)


CONNECTOR = Connector(
    title="Azure Blob container",
    details=AzureBlobDetails,
    location=("base_url", "account", "container", "prefix"),
    open=open_azure_blob,
    place=lambda details: (f"{details.blob_url} {details.container}", details.prefix),
    owned_keys=lambda details: (details.container, details.prefix),
    open_destination=open_azure_blob_destination,
)
