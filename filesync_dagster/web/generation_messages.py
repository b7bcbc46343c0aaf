"""The JSON of generations: how they are doing, what they made, and what may be asked of them."""

from datetime import datetime
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from filesync_dagster.web.cursors import PageQuery
from filesync_dagster.web.messages import Body
from filesync_dagster.web.source_messages import ConfigIn, SourceName

SessionState = Literal[
    "queued", "reading", "fitting", "generating", "checking", "exporting", "completed", "failed", "cancelled"
]
SessionStatus = Literal["processing", "completed", "error"]
ExportFormat = Literal["json", "csv", "excel", "sql", "parquet"]
Name = Annotated[str, Field(min_length=1, max_length=255)]
SESSION_ID_EXAMPLE = "session_00000000000000000000000000000000"

SHOWN_ROWS = 1_000
"""Rows of each table that an answer has; files have all of them."""


class SessionWarning(Body):
    """Something that the data lack, or that reading changed."""

    code: str = Field(description="One word for programs.")
    message: str = Field(description="One sentence for people.")
    table: str | None = None
    column: str | None = None
    count: int = 1


class SessionProgress(Body):
    """How far a generation is."""

    stage: str = Field(default="queued", description="`queued`, `reading`, `fitting`, `generating`, `checking`, …")
    step: str = Field(default="", description="What is being done within the stage.")
    table: str = Field(default="", description="What it is being done to.")
    done: int = 0
    total: int = 0
    percent: float = Field(default=0, description="Of the whole generation, as far as that can be told; never falls.")
    eta_s: float | None = Field(default=None, description="Seconds that are left; null: nobody knows yet.")


class SessionTable(Body):
    """A table that was made."""

    name: str
    rows: int
    columns: int


class QualitySummary(Body):
    """How alike the data are, in one line; the report has the rest."""

    score: float | None = Field(description="The worst group, 0 to 1; null: it was not computed.")
    ceiling: float | None = Field(description="What an equally large sample of reality would have.")
    naive: float | None = Field(description="What columns drawn one by one would have.")
    group: str | None = Field(description="Which group is the worst one.")
    place: str | None = Field(description="Where it is the worst.")
    threshold: float
    quality_passed: bool | None = Field(description="Whether the score reaches the threshold; null without a score.")
    distribution_similarity: float | None = Field(description="Columns on their own.")
    correlation_preservation: float | None = Field(description="Pairs of columns.")
    privacy_score: float | None = Field(
        description="The share of rows that are neither equal to a row of the fit nor nearer to one than real rows "
        "that it did not see. No proof, and no promise that anybody is anonymous."
    )
    schema_only: bool = Field(
        description="There were no rows to learn from: nothing is compared, and there is no score."
    )


class SessionFile(Body):
    """A file of a session."""

    name: str = Field(description="For /api/sdv/sessions/{session_id}/files/{name}.")
    kind: str = Field(description="`export`, `table` (its rows as Parquet), `manifest` or `report`.")
    media_type: str
    size: int = Field(description="Bytes.")
    sha256: str
    table: str | None = Field(description="Whose rows these are, where it is one table.")
    rows: int | None
    export_id: str | None = Field(description="Of the export that made it; null: the generation itself.")
    created_at: datetime
    url: str = Field(description="Where it is, below this server.")


class SessionExport(Body):
    """An export that was asked for."""

    export_id: str
    format: ExportFormat | Literal["database"]
    options: dict[str, Any]
    target: dict[str, Any] | None = Field(description="The database that is written to, without secrets; else null.")
    state: Literal["queued", "exporting", "committing", "completed", "failed", "cancelled"] = Field(
        description="`committing`: the rows of a database become final, and are not cancelled any more."
    )
    cancel_asked: bool = Field(description="Somebody asked it to stop.")
    written: dict[str, int] | None = Field(
        description="Rows by the names that tables have in the database, once it is completed; else null."
    )
    warnings: list[SessionWarning]
    error: str | None
    error_code: str | None
    files: list[SessionFile] = Field(description="Once it is completed; the manifest among them.")
    created_at: datetime
    finished_at: datetime | None


class SessionFiles(Body):
    """What a session has to be taken away."""

    files: list[SessionFile] = Field(description="By name.")
    exports: list[SessionExport] = Field(description="Those that were asked for later, oldest first.")


class SessionOut(Body):
    """A generation."""

    session_id: str
    status: SessionStatus = Field(description="`processing` until it ends; a cancelled one is an `error`.")
    state: SessionState
    progress: SessionProgress
    revision: int = Field(description="Grows with everything that is told of it.")
    seed: int | None = Field(description="The same seed, sources and version give the same data.")
    engine: str
    engine_version: str | None
    output_format: ExportFormat
    tables: list[SessionTable] = Field(description="What was made, once it is there.")
    quality: QualitySummary | None
    output_files: list[str] = Field(description="Names of the files of the export.")
    warnings: list[SessionWarning]
    error: str | None = Field(description="Why it failed.")
    error_code: str | None = Field(description="The same, as one word: `interrupted`, `cancelled`, …")
    error_hint: str | None = Field(description="What to do about it.")
    cancel_asked: bool = Field(description="Somebody asked it to stop.")
    may_run_again: bool = Field(description="Whether `rerun` is possible: it has ended, and needed no secret.")
    pinned: bool = Field(description="It is kept beyond its time.")
    owner: str
    run_id: str | None = Field(description="Of the run in Dagster that works on it, if it is one.")
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    expires_at: datetime | None = Field(description="When it goes, with its files, unless it is pinned.")


class GenerationAnswer(SessionOut):
    """A generation with what it made."""

    synthetic_data: dict[str, list[dict[str, Any]]] | None = Field(
        description=f"The first {SHOWN_ROWS:,} rows of each table; null until it is completed."
    )
    truncated: list[str] = Field(description="Tables that have more rows than are shown.")
    quality_metrics: dict[str, Any] | None = Field(description="As `quality`; null until it is completed.")


class SessionAnswer(SessionOut):
    """A generation, as somebody asks how it is doing."""

    data: dict[str, list[dict[str, Any]]] | None = Field(
        description=f"The first {SHOWN_ROWS:,} rows of each table; null until it is completed, and with `include=none`."
    )
    truncated: list[str] = Field(description="Tables that have more rows than are shown.")


class SessionList(Body):
    """A page of generations."""

    items: list[SessionOut] = Field(description="The newest first.")
    next_cursor: str | None = Field(description="Of the next page.")
    counts: dict[str, int] = Field(description="How many there are in each state, all pages together.")


class SessionRows(Body):
    """Rows of a table that was made."""

    table: str
    columns: list[str]
    rows: list[dict[str, Any]]
    total: int = Field(description="Rows that the table has.")
    next_offset: int | None


class SessionReport(Body):
    """What was measured of a generation. docs/quality-and-privacy.md describes the two parts."""

    session_id: str
    schema_only: bool
    summary: QualitySummary | None
    quality: dict[str, Any] | None = Field(description="Null: nothing could be compared, or nobody asked for it.")
    privacy: dict[str, Any] | None
    relations: list[dict[str, Any]] = Field(description="That hold in every row: it was verified on the written files.")
    rules: list[dict[str, Any]] = Field(description="That hold in every row: it was verified on the written files.")
    sources: list[dict[str, Any]] = Field(description="The tables that were learned from, with their content hashes.")


class StatusChoice(BaseModel):
    """What an answer about a session has."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    include: Literal["data", "none"] = Field(default="data", description="`none`: without rows, for who asks often.")


class SessionsQuery(PageQuery):
    """Which generations."""

    state: list[SessionState] = Field(default_factory=list, max_length=20, description="May be repeated.")


class SessionRowsQuery(BaseModel):
    """Which rows of a table that was made."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    table: Name = Field(description="Its name.")
    limit: int = Field(default=100, ge=1, le=SHOWN_ROWS, description="Rows.")
    offset: int = Field(default=0, ge=0, le=2**53, description="Rows before them.")


class SessionEventsQuery(BaseModel):
    """From where on events are told."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    after: int = Field(default=0, ge=0, le=2**53, description="A `revision`; `Last-Event-ID` says the same.")


class FileExportOrder(BaseModel):
    """An export of a session into files."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    format: ExportFormat
    options: dict[str, Any] = Field(default_factory=dict, description="Of the format, see docs/exports.md.")


class DatabaseTarget(BaseModel):
    """A PostgreSQL database: that of a source which is configured, or one that the order brings."""

    model_config = ConfigDict(
        extra="forbid",
        strict=True,
        frozen=True,
        hide_input_in_errors=True,
        json_schema_extra={
            "oneOf": [
                {"required": ["source"], "properties": {"source": {"type": "string"}}},
                {"required": ["type", "config"], "properties": {"type": {"type": "string"}}},
            ]
        },
    )

    source: SourceName | None = Field(
        default=None, description="One of /api/sources, of type postgres; its role may create schemas."
    )
    type: Literal["postgres"] | None = None
    config: ConfigIn = Field(
        default={}, description="As for `POST /api/connectors/test`: `host`, `database`, `username`, …", repr=False
    )
    db_schema: str = Field(
        alias="schema",
        min_length=1,
        max_length=63,
        description="New or empty in the database: nothing that is there is written to. 63 bytes at most.",
    )

    @model_validator(mode="after")
    def _one_of_them(self) -> Self:
        if (self.source is None) == (self.type is None) or (self.source is not None and self.config):
            raise ValueError("either `source`, or `type` and `config` have to be given")
        return self


class DatabaseExportOrder(BaseModel):
    """An export of a session into a database: all tables with their keys in one transaction, or nothing."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    format: Literal["database"]
    target: DatabaseTarget
    options: dict[str, Any] = Field(default_factory=dict, description="`constraints`: false leaves keys out.")


ExportOrder = Annotated[FileExportOrder | DatabaseExportOrder, Field(discriminator="format")]
"""What a session is exported to."""


class PinOrder(BaseModel):
    """Whether a session is kept beyond its time."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    pinned: bool


class RequestProblem(Body):
    """Something in a request that cannot be."""

    path: str = Field(description="Where, as `tables.0.columns.2.name`.")
    message: str


class RequestVerdict(Body):
    """What is to be said of a request before it is sent."""

    valid: bool
    message: str
    tables_count: int
    relationships_count: int
    data_sources_count: int
    problems: list[RequestProblem]
    warnings: list[str] = Field(description="What would be let pass: fields that nothing looks at.")


class EngineOut(Body):
    """A way of making data."""

    name: str
    version: str
    available: bool
    description: str


class GenerationHealth(Body):
    """Whether data can be made."""

    status: Literal["healthy", "unavailable"]
    sdv_available: bool = Field(description="Always false: the engine is `core`, and needs nothing of SDV.")
    engine: str
    engines: list[EngineOut]
    running: int
    queued: int
    message: str


class PendingComparison(Body):
    """A comparison that waits, or is worked on."""

    session_id: str = Field(description="Send it to /api/sdv/validate again: the answer is there once it has ended.")
    status: Literal["processing"]
    state: SessionState
    progress: SessionProgress


class ValidationAnswer(Body):
    """How alike synthetic data are to those that they were made from, or to those that they were compared with."""

    session_id: str | None = Field(description="The generation whose data were compared, or the comparison.")
    quality_score: float = Field(description="The worst group, 0 to 1.")
    metrics: dict[str, float | None] = Field(
        description="`distribution_similarity` (columns on their own), `correlation_preservation` (pairs of columns), "
        "`privacy_score` (rows that are not too near to real ones; no proof of anything)."
    )
    quality: dict[str, Any] = Field(description="The whole report.")
    privacy: dict[str, Any] | None
    notice: str
