"""Local folders: every file, folder and symbolic link below one path. Light to import; `open_local` loads the rest.

May import `connectors.base`, `model` and `errors`.
"""

import os
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

from filesync_dagster.connectors.base import Connector, Prune
from filesync_dagster.core.model import Meter

if TYPE_CHECKING:
    from filesync_dagster.connectors.local.destination import LocalDestination
    from filesync_dagster.connectors.local.source import LocalSource


class LocalDetails(BaseModel):
    """`endpoint_details` of a local folder."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)

    path: Annotated[str, Field(min_length=1, description="The folder to list.")]
    follow_symlinks: Annotated[
        bool,
        Field(description="List what a symbolic link leads to in its place, instead of the link itself."),
    ] = False
    cross_mounts: Annotated[
        bool,
        Field(description="Enter other file systems mounted below the folder. Their mount points are listed anyway."),
    ] = False
    must_contain: Annotated[
        str | None,
        Field(
            min_length=1,
            description="A file that proves the right disk is mounted, such as `.mounted`. Without it nothing is "
            "listed, so a share that is not mounted never looks empty.",
        ),
    ] = None
    hash: Annotated[
        Literal["none", "md5", "sha256"],
        Field(description="Read every file on every full listing and record this hash of its content. Slow."),
    ] = "none"
    hash_max_bytes: Annotated[
        int,
        Field(ge=0, description="Files larger than this get no content hash."),
    ] = 1_073_741_824
    identity: Annotated[
        Literal["auto", "path"],
        Field(
            description="What makes a file the same file. `auto`: its inode and birth time, so that a rename is a "
            "move; its path where the file system has no lasting ones. `path`: always its path; a rename is a "
            "removal and an addition.",
        ),
    ] = "auto"
    answer_timeout_seconds: Annotated[
        float,
        Field(
            gt=0,
            description="How long one answer of the file system is waited for. A place that gives none is left out and "
            "named; if the folder itself gives none, the sync fails.",
        ),
    ] = 60.0
    page_size: Annotated[
        int, Field(ge=1, le=100_000, description="Entries per page; a listing resumes after a page.")
    ] = 5_000

    @field_validator("path", "must_contain")
    @classmethod
    def _no_nul(cls, value: str | None) -> str | None:
        if value is not None and "\x00" in value:
            raise ValueError("a path cannot contain a NUL character")
        return value


def open_local(
    details: LocalDetails,
    meter: Meter,
    *,
    prune: Prune | None = None,
) -> "LocalSource":
    """Return the source of one local folder; no I/O.

    A folder for whose path (relative, `/`-separated) `prune` is true is listed but not entered.
    """
    from filesync_dagster.connectors.local.source import LocalSource

    return LocalSource(details, meter, prune)


def open_local_destination(details: LocalDetails, meter: Meter) -> "LocalDestination":
    """Return the destination of one local folder; no I/O. What only listing needs is not heeded."""
    from filesync_dagster.connectors.local.destination import LocalDestination

    return LocalDestination(details, meter)


CONNECTOR = Connector(
    title="Local folder",
    details=LocalDetails,
    location=("path", "follow_symlinks", "cross_mounts", "identity"),
    open=open_local,
    paths=("path",),
    open_destination=open_local_destination,
    place=lambda details: ("", f"{os.path.realpath(details.path)}/"),
)
