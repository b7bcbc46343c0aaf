"""The JSON of tables that were read: what they are, how they belong together, their rows; and the limits of it all."""

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from filesync_dagster.web.cursors import PageQuery
from filesync_dagster.web.messages import Body
from filesync_dagster.web.source_messages import NAME_PATTERN, RelationOut

ROWS_MAX_COUNT = 1_000
FilterText = Annotated[str, StringConstraints(min_length=1, max_length=20_000)]


class TablesQuery(PageQuery):
    """Which tables are asked for."""

    source: Annotated[str, Field(pattern=NAME_PATTERN)] | None = Field(default=None, description="Of this source only.")
    upload: Annotated[str, Field(pattern="^[0-9a-f]{32}$")] | None = Field(
        default=None, description="Of this upload only, by its `upload_id`."
    )
    state: Literal["current", "held", "replaced"] | None = Field(
        default=None, description="In this state; without it, those that are not replaced."
    )


class WarningOut(Body):
    """What reading did or left out, and that changes what is in a table."""

    code: str
    message: str
    count: int
    column: str | None
    examples: list[str]


class TableSummary(Body):
    """A table that was read."""

    id: str
    name: str
    source: str = Field(description="The name of its source; empty of an upload.")
    upload_id: str | None
    state: Literal["current", "held", "replaced"] = Field(
        description="`held`: it waits for a decision. `replaced`: a later read of its day is in its place."
    )
    held_reason: str | None
    day: str = Field(description="Whose data it is, as YYYY-MM-DD.")
    rows: int
    bytes: int
    columns: int
    primary_key: list[str]
    content_hash: str = Field(description="Equal rows, equal hash.")
    warnings: int = Field(description="What reading did or left out, counted.")
    created_at: datetime


class TableList(Body):
    """A page of tables, the newest first."""

    items: list[TableSummary]
    next_cursor: str | None = Field(description="For the next page; null behind the last.")


class ColumnOut(Body):
    """A column with its profile."""

    name: str
    type: str
    position: int
    nullable: bool
    sql_type: str | None
    role: str | None = Field(
        description="`key`, `foreign_key`, `category`, `number`, `datetime`, `text`, `person`, `constant`, …"
    )
    person_kind: str | None = Field(description="`email`, `phone`, `first_name`, …, of a `person`.")
    format: str | None = Field(description="How values are written: `%05d`, `%.2f`, `%d.%m.%Y`.")
    description: str | None
    sensitivity: list[str]
    masked: bool = Field(
        description="Whether values are hidden, here and among the rows, unless `reveal` is asked for."
    )
    stats: dict[str, Any] = Field(
        description="What was counted: nulls, distinct values, min, max, quantiles, most frequent values, …"
    )


class Lineage(Body):
    """Where a table comes from."""

    source: str | None
    source_type: str | None
    upload_id: str | None
    file: str | None = Field(description="What whoever sent an upload called it.")
    read_id: str | None
    read_at: datetime | None


class TableOut(TableSummary):
    """A table with its profile, its keys and how it belongs to others."""

    description: str | None
    primary_key_origin: str | None
    unique_keys: list[list[str]]
    checks: list[str]
    schema_: list[ColumnOut] = Field(alias="schema", description="The columns, in their order.")
    relations: list[RelationOut] = Field(description="Of which it is the child, then of which it is the parent.")
    reading_warnings: list[WarningOut]
    lineage: Lineage


class RevealQuery(BaseModel):
    """Whether what is about people is shown."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    reveal: bool = Field(default=False, description="Show what is about people. Asked of an operator, and noted.")


class RowsQuery(RevealQuery):
    """Which rows are asked for."""

    where: FilterText | None = Field(
        default=None,
        description='JSON: of each column a value, a list of values, or `{"min": …, "max": …, "above": …, "below": …, '
        '"not": …, "contains": …}`.',
    )
    columns: FilterText | None = Field(default=None, description="A JSON list of names, or names with commas.")
    order: FilterText | None = Field(
        default=None, description="Likewise, `-` before one that descends; else the order of the table."
    )
    limit: int = Field(default=100, ge=1, le=ROWS_MAX_COUNT, description="Rows of the page.")
    offset: int = Field(default=0, ge=0, lt=2**53, description="Rows before the page.")


class RowColumn(Body):
    """A column of rows."""

    name: str
    type: str
    masked: bool


class RowPage(Body):
    """Rows of a table."""

    table_id: str
    name: str
    columns: list[RowColumn]
    rows: list[dict[str, Any]] = Field(
        description="Whole numbers past 2⁵³ and decimals that no double holds are texts; times are ISO 8601."
    )
    total_rows: int = Field(description="Of the table.")
    matching_rows: int = Field(description="That satisfy `where`.")
    offset: int


class RelationDecision(BaseModel):
    """What somebody says of a relation of a table."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    child_columns: list[Annotated[str, StringConstraints(min_length=1, max_length=1000)]] = Field(
        min_length=1, max_length=16
    )
    parent: Annotated[str, StringConstraints(min_length=1, max_length=1000)] = Field(description="The parent's name.")
    parent_columns: list[Annotated[str, StringConstraints(min_length=1, max_length=1000)]] = Field(
        min_length=1, max_length=16
    )
    decision: Literal["confirm", "refuse"]


class TogetherOrder(BaseModel):
    """Which tables are looked at as one data set."""

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        json_schema_extra={
            "anyOf": [{"required": [name], "properties": {name: {"minItems": 1}}} for name in ("uploads", "sources")]
        },
    )

    uploads: list[Annotated[str, StringConstraints(pattern="^[0-9a-f]{32}$")]] = Field(
        default=[], max_length=1000, description="By their `upload_id`."
    )
    sources: list[Annotated[str, StringConstraints(pattern=NAME_PATTERN)]] = Field(
        default=[], max_length=1000, description="By their names: their tables as they were read last."
    )


class RuleOut(Body):
    """Something that the rows of a table obey."""

    table: str
    kind: str = Field(description="`at_most`, `sum`, `lookup`, … as `rules` of a generation has it.")
    columns: list[str] = Field(description="In their order; one of a parent as `parent.column`.")
    operator: str | None
    value: Any
    expression: str | None
    origin: Literal["declared", "detected", "proposed", "refused"]
    enabled: bool = Field(description="Whether a generation keeps to it unless it is told otherwise.")
    support: int | None = Field(description="Rows that it was found in.")
    share: float | None = Field(description="Of those that satisfy it.")
    counter_examples: list[str] = Field(description="Rows that break it; none where columns are about people.")


class TogetherTable(Body):
    """A table among others."""

    id: str
    name: str
    source: str = Field(description="Empty of an upload.")
    upload_id: str | None
    rows: int
    primary_key: list[str]
    columns: list[ColumnOut]


class TablesTogether(Body):
    """Tables as one data set."""

    tables: list[TogetherTable]
    relations: list[RelationOut]
    rules: list[RuleOut] = Field(description="None of tables that have more than two million rows together.")


class ContentQuery(BaseModel):
    """Which rows of an upload are asked for."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    max_rows: int = Field(default=3, ge=0, le=ROWS_MAX_COUNT, description="So many at most.")
    table: Annotated[str, StringConstraints(min_length=1, max_length=1000)] | None = Field(
        default=None, description="Of a file with several tables; without it, the first."
    )
    offset: int = Field(default=0, ge=0, lt=2**53, description="Rows before them.")
    reveal: bool = Field(default=False, description="Show what is about people. Asked of an operator, and noted.")


class UploadContent(Body):
    """Rows of a file that was sent."""

    filename: str
    content: list[dict[str, Any]]
    total_rows: int
    columns: list[str]
    types: dict[str, str]
    table: str
    tables: list[str] = Field(description="All that the file has.")
    masked: list[str] = Field(description="Columns about people, of which only the first letter is shown.")
    warnings: list[WarningOut]


class Limits(Body):
    """What uploads, sources and generations may cost here."""

    max_file_bytes: int
    max_files: int
    max_columns: int
    max_cell_characters: int
    max_source_rows: int
    max_tables: int
    max_scale: float
    max_output_rows: int
    max_body_bytes: int
    max_page_rows: int
    running_sessions: int
    queued_sessions: int
    running_reads: int
    queued_reads: int
    tests_per_minute: int
    generations_per_hour: int
    upload_days: int
    session_days: int
    virus_scan: Literal["off", "required"]
    may_keep_secrets: bool = Field(
        description="Whether FILESYNC_SECRET_KEY is set: without it, sources may only name secrets that are elsewhere."
    )
