"""The JSON of rows that come in pages, and of the questions for them."""

from datetime import date, datetime
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field

from filesync_dagster.core.clock import in_utc
from filesync_dagster.web.cursors import PageQuery
from filesync_dagster.web.messages import Body

MAX_BYTES = 2**63 - 1

Text = Annotated[str, Field(min_length=1, max_length=4096, pattern=r"^[^\x00]*$")]
Size = Annotated[int, Field(ge=0, le=MAX_BYTES)]


def _as_written(value: Any) -> Any:
    """Return a moment as text; a number is none, whatever it may count from."""
    if isinstance(value, str) and value.lstrip("+-").replace(".", "", 1).isdigit():
        raise ValueError("a moment is written as 2026-11-30T12:00:00Z")
    return value


Moment = Annotated[AwareDatetime, BeforeValidator(_as_written), AfterValidator(in_utc)]
NEXT = Field(description="Hand it back as `cursor` for the next page; null behind the last.")


class FilesQuery(PageQuery):
    """Which files of an endpoint."""

    path: Text | None = Field(default=None, description="Only in this folder, or where a pattern (`**/*.dwg`) fits.")


class SearchQuery(FilesQuery):
    """Which files of all endpoints. All that is said must hold."""

    q: Text | None = Field(
        default=None,
        description="A part of the name in any case, of the path when it has a slash, or a pattern (`*.dwg`).",
    )
    endpoint: list[Text] = Field(default=[], max_length=1000, description="Only of these; may be repeated.")
    owner: Text | None = Field(default=None, description="A part of the owner, in any case.")
    hash: Text | None = Field(default=None, description="Of the contents: `md5:…`, or the digits alone.")
    min_size: Size | None = Field(default=None, description="Bytes, at least.")
    max_size: Size | None = Field(default=None, description="Bytes, at most.")
    modified_after: Moment | None = Field(default=None, description="At this moment or later.")
    modified_before: Moment | None = Field(default=None, description="Earlier than this moment.")


class ChangesQuery(PageQuery):
    """Which part of a journal."""

    since: Moment | None = Field(default=None, description="Observed at this moment or later.")
    until: Moment | None = Field(default=None, description="Observed earlier than this moment.")


class ReportQuery(PageQuery):
    """Which day of a report."""

    day: date | None = Field(default=None, description="As of its end; today, so far, when left out.")
    picture: bool = Field(default=False, description="With what is drawn of it, and its numbers.")


class ReportExportQuery(BaseModel):
    """Which day of a report."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    day: date | None = Field(default=None, description="As of its end; today, so far, when left out.")


class FileOut(Body):
    """A live file: the fields of `filesync search --format json`."""

    endpoint: str
    external_id: str
    path: str
    kind: str = Field(description="`file`, `folder`, `shortcut` or `document`.")
    size: int | None
    modified_at: datetime | None
    version: str | None
    content_hash: str | None
    owner: str | None


class FileList(Body):
    """A page of files, by endpoint and path."""

    items: list[FileOut]
    next_cursor: str | None = NEXT


class ChangeOut(Body):
    """A row of the journal: the fields of `filesync changes --format json`."""

    seq: int
    observed_at: datetime
    change: str
    path: str = Field(description="Current, or last known.")
    external_id: str
    before: dict[str, Any] | None = Field(description="What changed, as it was; null for what was added.")
    after: dict[str, Any] | None = Field(description="And as it is.")
    sync_id: str


class ChangeList(Body):
    """A page of the journal, oldest first."""

    items: list[ChangeOut]
    next_cursor: str | None = NEXT


class ReportKind(Body):
    """A report that can be asked for."""

    name: str
    title: str
    about: str


class ReportKinds(Body):
    """Every report that can be asked for."""

    items: list[ReportKind]


class PictureSeries(Body):
    """Amounts, one for each label."""

    name: str
    values: list[float]


class ReportPicture(Body):
    """What a report shows as a picture, as data."""

    kind: Literal["ranking", "stacks", "grid"] = Field(
        description="`ranking`: the largest first; `stacks`: in the order of the labels; `grid`: a series is a row."
    )
    labels: list[str]
    series: list[PictureSeries]
    unit: str = Field(description="`B` for bytes, empty for counts.")
    alarming: bool = Field(description="Whether the first series is the worst.")


class ReportRows(Body):
    """A page of the rows of a report."""

    report: str
    day: date
    notes: list[str] = Field(description="What the report does not know.")
    numbers: dict[str, int] | None = Field(default=None, description="Of everything, where the picture was asked for.")
    picture: ReportPicture | None = None
    items: list[dict[str, Any]]
    next_cursor: str | None = NEXT
