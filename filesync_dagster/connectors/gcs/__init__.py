"""Buckets of Google Cloud Storage, over its JSON API.

This face is light: httpx and orjson are imported when a source is opened, not when the package is.
Inside: `bucket` is what the kit `object_store` lists: pages asked for over `transport` (with tokens of `credentials`);
`rows` makes Arrow of them; `history` lists a moment of the past; `content` reads objects.
"""

from typing import TYPE_CHECKING

from filesync_dagster.connectors.base import Connector, Prune
from filesync_dagster.connectors.gcs.details import GcsDetails

if TYPE_CHECKING:
    from filesync_dagster.connectors.gcs.destination import GcsDestination
    from filesync_dagster.connectors.gcs.source import GcsSource
    from filesync_dagster.core.model import Meter

__all__ = ["CONNECTOR", "GcsDetails", "open_gcs"]


def open_gcs(details: GcsDetails, meter: "Meter", *, prune: Prune | None = None) -> "GcsSource":
    """Return a source for the bucket of `details`; its cost is added to `meter`. No network call is made.

    `prune` is not heeded: a flat listing has no folder to leave out.
    """
    from filesync_dagster.connectors.gcs.source import GcsSource

    return GcsSource(details, meter)


def open_gcs_destination(details: GcsDetails, meter: "Meter") -> "GcsDestination":
    """Return the destination below the prefix of a bucket, which is taken for a folder. No network call is made."""
    from filesync_dagster.connectors.gcs.destination import GcsDestination

    return GcsDestination(details, meter)


CONNECTOR = Connector(
    title="Google Cloud Storage bucket",
    details=GcsDetails,
    location=("base_url", "bucket", "prefix"),
    open=open_gcs,
    paths=("service_account_file",),
    place=lambda details: (f"{details.base_url} {details.bucket}", details.prefix),
    owned_keys=lambda details: (details.bucket, details.prefix),
    open_destination=open_gcs_destination,
)
