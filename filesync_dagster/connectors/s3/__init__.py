"""Buckets of S3 and of everything that speaks its protocol.

This face is light: boto3, httpx and lxml are imported when a source is opened, not when the package is.
Inside: `bucket` is what the kit `object_store` lists: pages asked for over `transport` (signed requests), read by
`answers` (XML to columns, refusals to errors); `rows` makes Arrow of them; `history` is the same over versions.
"""

from typing import TYPE_CHECKING

from filesync_dagster.connectors.base import Connector, Prune
from filesync_dagster.connectors.s3.details import S3Details

if TYPE_CHECKING:
    from filesync_dagster.connectors.s3.destination import S3Destination
    from filesync_dagster.connectors.s3.source import S3Source
    from filesync_dagster.core.model import Meter

__all__ = ["CONNECTOR", "S3Details", "open_s3"]


def open_s3(details: S3Details, meter: "Meter", *, prune: Prune | None = None) -> "S3Source":
    """Return a source for the bucket of `details`; its cost is added to `meter`. No network call is made.

    `prune` is not heeded: a flat listing has no folder to leave out.
    """
    from filesync_dagster.connectors.s3.source import S3Source

    return S3Source(details, meter)


def open_s3_destination(details: S3Details, meter: "Meter") -> "S3Destination":
    """Return the destination below the prefix of a bucket, which is taken for a folder. No network call is made."""
    from filesync_dagster.connectors.s3.destination import S3Destination

    return S3Destination(details, meter)


CONNECTOR = Connector(
    title="S3 bucket",
    details=S3Details,
    location=("endpoint_url", "bucket", "prefix"),
    open=open_s3,
    place=lambda details: (f"{details.endpoint_url or 'aws'} {details.bucket}", details.prefix),
    owned_keys=lambda details: (details.bucket, details.prefix),
    open_destination=open_s3_destination,
)
