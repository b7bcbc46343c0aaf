"""The JSON of files, changes and folders as the console walks through them, and of the questions for them."""

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from filesync_dagster.web.cursors import PageQuery
from filesync_dagster.web.messages import Body
from filesync_dagster.web.row_messages import NEXT, Moment, Size, Text

OFFSET_MAX_ROWS = 10_000_000
CHILDREN_COUNTED_MAX_FILES = 10_000

Change = Literal["added", "modified", "moved", "removed", "restored", "permissions_changed", "left_scope"]
Kind = Literal["file", "folder", "shortcut", "document"]


class FileFilter(BaseModel):
    """Which files. All that is said must hold."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    endpoint: list[Text] = Field(default=[], max_length=1000, description="Only of these; may be repeated.")
    folder: Text | None = Field(default=None, description="Only what lies in this folder, letter by letter.")
    direct: bool = Field(default=False, description="Only what lies right in it.")
    q: Text | None = Field(default=None, description="A part of the name in any case, or a pattern (`*.dwg`).")
    kind: list[Kind] = Field(default=[], max_length=4, description="Only of these kinds; may be repeated.")
    owner: Text | None = Field(default=None, description="A part of the owner, in any case.")
    hash: Text | None = Field(default=None, description="Of the contents: `md5:…`, or the digits alone.")
    min_size: Size | None = Field(default=None, description="Bytes, at least.")
    max_size: Size | None = Field(default=None, description="Bytes, at most.")
    changed_since: Moment | None = Field(default=None, description="Modified at this moment or later.")
    changed_before: Moment | None = Field(default=None, description="Modified earlier than this moment.")
    deleted: bool = Field(default=False, description="With those that are gone.")
    as_of: Moment | None = Field(
        default=None, description="As they were at this moment, as far as syncs know; without `deleted`."
    )
    sort: Literal["path", "size", "modified"] = Field(default="path", description="By what they are ordered.")
    descending: bool = Field(default=False, description="The last one first.")


class FilesPageQuery(FileFilter, PageQuery):
    """Which page of which files."""

    offset: Annotated[int, Field(ge=0, le=OFFSET_MAX_ROWS)] = Field(
        default=0, description="Rows before the page, where they can be counted; without a cursor."
    )
    count: Literal["none", "estimate", "exact"] = Field(
        default="none", description="Whether to count: all of them, or up to 100,000."
    )


class FilesExportQuery(FileFilter):
    """Which files, in which format."""

    format: Literal["csv", "arrow"] = Field(
        default="csv", description="`csv`: for spreadsheets, no text in it is a formula. `arrow`: a stream of Arrow."
    )


class BrowseRow(Body):
    """A file as a row."""

    endpoint: str
    external_id: str
    name: str
    path: str
    kind: str
    size: int | None
    modified_at: datetime | None
    version: str | None
    content_hash: str | None
    owner: str | None
    deleted_at: datetime | None = Field(description="Since when it is gone; null: it is there.")
    gone_reason: str | None = Field(description="`removed`, `trashed` or `left_scope`.")


class BrowsePage(Body):
    """A page of files, and how many there are."""

    items: list[BrowseRow]
    next_cursor: str | None = NEXT
    total: int | None = Field(description="Rows; null where they were not counted.")
    total_bytes: int | None
    total_is_exact: bool = Field(description="Whether there are no more than `total`.")
    endpoints_unknown: list[str] = Field(
        default=[], description="With `as_of`: about which nothing is stored as of that moment."
    )


class TreeQuery(PageQuery):
    """Which folder of which endpoint."""

    endpoint: Text = Field(description="Of an endpoint.")
    parent: Text | None = Field(default=None, description="The folder; the top when left out.")
    folders: bool = Field(default=False, description="Only the folders in it.")
    as_of: Moment | None = Field(default=None, description="As it was at this moment.")


class FolderEntryOut(Body):
    """What lies right in a folder."""

    name: str
    path: str
    is_folder: bool
    external_id: str | None = Field(description="Null for a folder that is only the beginning of paths.")
    files: int | None = Field(description="Rows below it, up to 10,000; null for a file.")
    files_is_exact: bool


class FolderListing(Body):
    """A page of what lies right in a folder."""

    items: list[FolderEntryOut]
    next_cursor: str | None = NEXT


class JournalRow(Body):
    """A change."""

    seq: int
    endpoint: str
    observed_at: datetime
    change: str
    path: str
    external_id: str
    before: dict[str, Any] | None
    after: dict[str, Any] | None
    sync_id: str
    paths: int | None = Field(description="Of a folder that was moved: rows below it now, up to 10,000; else null.")


class JournalPage(Body):
    """A page of the journal, the last change first."""

    items: list[JournalRow]
    next_cursor: str | None = NEXT


class JournalFilter(BaseModel):
    """Which changes."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    endpoint: list[Text] = Field(default=[], max_length=1000, description="Only of these; may be repeated.")
    since: Moment | None = Field(default=None, description="Observed at this moment or later.")
    until: Moment | None = Field(default=None, description="Observed earlier than this moment.")
    kind: list[Change] = Field(default=[], max_length=7, description="Only of these kinds; may be repeated.")
    folder: Text | None = Field(default=None, description="Only of this path, and of what lies in it.")


class JournalQuery(JournalFilter, PageQuery):
    """Which page of which changes."""


class HistogramQuery(BaseModel):
    """Of which time, and of which endpoints."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    endpoint: list[Text] = Field(default=[], max_length=1000, description="Only of these; may be repeated.")
    since: Moment = Field(description="From this moment on.")
    until: Moment = Field(description="Up to this moment.")


class ChangeBar(Body):
    """Changes of one hour or day."""

    start: datetime
    counts: dict[str, int] = Field(description="By kind.")


class ChangeHistogram(Body):
    """Changes over time, without the hours or days that have none."""

    step_seconds: int = Field(description="3,600, or 86,400 for more than a week.")
    items: list[ChangeBar]


class ComparisonQuery(PageQuery):
    """Which two moments of which endpoint."""

    endpoint: Text = Field(description="Of an endpoint.")
    before: Moment | None = Field(
        default=None,
        description="As it was then. Left out: a day before `after`, or the first state that is stored, if that is "
        "later.",
    )
    after: Moment | None = Field(default=None, description="And as it was then. Left out: now.")
    kind: list[Change] = Field(default=[], max_length=7, description="Only of these kinds; may be repeated.")
    folder: Text | None = Field(default=None, description="Only of this path, and of what lies in it.")


class Difference(Body):
    """What became of a file between two moments."""

    change: str
    path: str = Field(description="Where it is; where it was, of one that is gone.")
    path_before: str | None
    external_id: str
    kind: str
    size_before: int | None
    size_after: int | None
    modified_before: datetime | None
    modified_after: datetime | None


class MomentComparison(Body):
    """What became of an inventory between two moments."""

    before: datetime | None = Field(description="The moment that the older state describes: of the last sync by then.")
    after: datetime | None
    counts: dict[str, int] = Field(description="By kind; a folder that moved is one, with all that is in it.")
    items: list[Difference]
    next_cursor: str | None = NEXT


class FileCopy(Body):
    """A file with the same contents."""

    endpoint: str
    external_id: str
    path: str


class FileDetails(BrowseRow):
    """All that is known of a file."""

    title: str
    scope: str
    mime_type: str | None
    link: str | None = Field(description="Of the provider, where it is https.")
    created_at: datetime | None = Field(description="As the store says.")
    first_seen_at: datetime
    last_seen_at: datetime
    project_id: str | None
    user_id: str | None
    permissions: Any = Field(description="As the provider has them.")
    metadata: Any = Field(description="What only this provider has.")
    copies: list[FileCopy] = Field(description="Live files with the same contents, up to 20.")
    journal: list[JournalRow] = Field(description="What happened to it, the last change first, up to 100.")
