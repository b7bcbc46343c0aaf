"""The JSON of data sources: connectors, tests, discoveries, saved sources and reads of them."""

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from filesync_dagster.web.messages import Body

NAME_PATTERN = "^[a-z][a-z0-9_]{0,62}$"
PATHS_MAX_COUNT = 10_000

SourceName = Annotated[str, Field(pattern=NAME_PATTERN, description="A slug: a-z, 0-9 and _.")]
TypeName = Annotated[str, StringConstraints(min_length=1, max_length=100)]
TableName = Annotated[str, StringConstraints(min_length=1, max_length=1000, pattern=r"^[^\x00]+$")]
ConfigIn = dict[str, Any]


class ConnectorOut(Body):
    """A kind of data source."""

    type: str = Field(description="What requests call it.")
    name: str = Field(description="For people.")
    description: str
    icon: str = Field(description="`file`, `folder`, `database`, `bucket`, `plug` or `book`.")
    supported_formats: list[str] = Field(description="Of files; none where there are no files.")
    config_schema: dict[str, Any] = Field(
        description="JSON Schema 2020-12 of its configuration. Fields have `title`, `description`, `x-group` and "
        "`x-order`; secrets are `writeOnly` and `format: password`."
    )
    installed: bool = Field(description="Whether everything that it needs is installed.")
    install_hint: str | None = Field(description="The line that installs what is missing.")
    tested: Literal["server", "contract"] = Field(
        description="`server`: against the real server or the vendor's own emulator; `contract`: against fakes."
    )
    capabilities: list[str] = Field(
        description="`test`, `discover`, `read`, `relations`, `cursor`, `one_moment` (all tables of one moment)."
    )


class Connectors(Body):
    """Every kind of data source."""

    connectors: list[ConnectorOut]


class ConnectionIn(BaseModel):
    """A source that is tried: one that is known, or a type with a configuration."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    source: SourceName | None = Field(default=None, description="One of /api/sources, in place of the other fields.")
    type: TypeName | None = Field(default=None, description="As /api/connectors/available has it.")
    config: ConfigIn = Field(default={}, description="As the type's `config_schema` says.", repr=False)
    file_paths: list[TableName] | None = Field(
        default=None, max_length=PATHS_MAX_COUNT, description="Of a source of files, in place of those in `config`."
    )


class TableSeen(Body):
    """What a test saw of a table."""

    name: str
    rows_estimate: int | None
    readable: bool
    problem: str | None = Field(description="Why it is not readable.")


class ConnectionTest(Body):
    """What a test found. It takes ten seconds at most."""

    type: str
    status: Literal["success", "failed", "error"] = Field(
        description="`failed`: the source said no, or nothing. `error`: it could not even be asked."
    )
    message: str
    available: bool
    code: str | None = Field(
        default=None,
        description="Why not: `unreachable`, `timeout`, `tls`, `auth`, `forbidden`, `not_found`, `not_allowed`, "
        "`bad_config`, `unsupported`, `driver_missing` or `unknown`.",
    )
    field: str | None = Field(default=None, description="The field of the configuration to correct.")
    hint: str = ""
    latency_ms: float | None = None
    server: str | None = Field(default=None, description="What answered, with its version.")
    tables: list[TableSeen] = Field(default_factory=list)
    warnings: list[str] = Field(default_factory=list, description="What works and hardly anybody means.")


class LastTest(Body):
    """What the last test of a saved source said, of the configuration that it has now."""

    at: datetime
    status: Literal["success", "failed", "error"]
    message: str
    code: str | None = None
    field: str | None = None
    latency_ms: float | None = None
    server: str | None = None


class ColumnSeen(Body):
    """A column, as far as a source tells it without rows."""

    name: str
    type: str = Field(description="How values are kept.")
    sql_type: str | None = Field(description="What the source calls that.")
    nullable: bool
    description: str | None
    sensitivity: list[str] = Field(description="The catalogue's classifications.")


class RelationOut(Body):
    """Columns of a child that name rows of a parent."""

    child: str
    child_columns: list[str]
    parent: str
    parent_columns: list[str]
    origin: Literal["declared", "detected", "proposed", "refused"] = Field(
        description="`declared` by the source or a person, `detected` for sure, `proposed` to be confirmed."
    )
    multiplicity: Literal["one_to_many", "one_to_one", "many_to_many"]
    score: float | None = Field(description="How sure it is, 0 to 1; null of a declared one.")
    inclusion: float | None = Field(description="The share of the rows of the child that have their parent.")
    decided_by: str | None = Field(default=None, description="Who confirmed or refused it.")


class TableFound(Body):
    """A table that a source has."""

    name: str
    kind: str = Field(description="`table`, `view`, `file`, or `schema` for what has no rows.")
    rows_estimate: int | None
    bytes: int | None
    description: str | None
    primary_key: list[str]
    unique_keys: list[list[str]]
    columns: list[ColumnSeen] = Field(description="None where only reading tells them.")
    relations: list[RelationOut] = Field(description="Of which it is the child.")


class Discovery(Body):
    """The tables of a source."""

    type: str
    tables: list[TableFound]


class SourceIn(BaseModel):
    """A data source to be saved, all of it."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    name: SourceName
    type: TypeName = Field(description="As /api/connectors/available has it.")
    config: ConfigIn = Field(
        default={},
        repr=False,
        description="As the type's `config_schema` says. Of a source that is there: a secret that is null or missing "
        'stays, one that is "" is removed.',
    )
    description: str = Field(default="", max_length=2000, pattern=r"^[^\x00]*$", description="For people.")


class SourcePatch(BaseModel):
    """What changes about a data source."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    name: SourceName | None = Field(default=None, description="A new name.")
    config: ConfigIn | None = Field(
        default=None,
        repr=False,
        description="Fields that change; null gives one its default back, but a secret that is null stays.",
    )
    description: str | None = Field(default=None, max_length=2000, pattern=r"^[^\x00]*$", description="For people.")


class SourceOut(Body):
    """A data source, without its secrets."""

    name: str
    type: str
    description: str
    origin: Literal["file", "saved"] = Field(description="`file`: it stands in endpoints.yaml, and is changed there.")
    place: str | None = Field(description="File and line of one that stands in endpoints.yaml.")
    problem: str | None = Field(description="Why it cannot be used.")
    config: dict[str, Any] = Field(description="Without secrets.")
    secrets_set: list[str] = Field(description="The secrets that it has, by their paths: `password`, `auth.token`.")
    revision: int | None = Field(description="Grows with every change; null of one in the file.")
    created_at: datetime | None
    created_by: str | None
    updated_at: datetime | None
    last_test: LastTest | None
    last_read: "ReadOut | None" = Field(description="The newest read that was asked for here.")
    held: "HeldRead | None" = Field(description="A read that lost many rows, and waits for a decision.")


class Sources(Body):
    """Every data source, by name."""

    sources: list[SourceOut]


class SourceRevisionOut(Body):
    """A configuration that a source had once, or has."""

    revision: int
    action: Literal["created", "changed", "removed"]
    name: str
    type: str
    config: dict[str, Any]
    secrets_set: list[str]
    changed_by: str
    changed_at: datetime


class SourceHistory(Body):
    """The configurations of a source, the newest first; nothing is known of one in the file."""

    revisions: list[SourceRevisionOut]


class ReadOrder(BaseModel):
    """Which tables of a source are read."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    tables: list[TableName] = Field(default=[], max_length=10_000, description="Their names; none is all of them.")
    limit: int | None = Field(default=None, ge=1, lt=2**53, description="So many rows of each at most.")


class ReadProgressOut(Body):
    """How far a read is."""

    stage: str = Field(default="", description="`discovering`, `reading`, `profiling` or `storing`; empty: it waits.")
    table: str = Field(default="", description="The one that is being read.")
    rows: int = Field(default=0, description="Of all tables so far.")
    tables_done: int = 0
    tables_total: int = 0


class ReadOut(Body):
    """One read of a source: all its tables are kept, or none."""

    id: str
    source: str
    state: Literal["queued", "running", "completed", "failed", "cancelled"]
    tables: list[str] = Field(description="The names that were asked for; none is all.")
    limit: int | None
    progress: ReadProgressOut
    table_ids: list[str] = Field(description="What it brought, in /api/tables.")
    error: str | None
    error_code: str | None
    error_hint: str | None
    error_field: str | None = Field(description="The field of the configuration to correct.")
    asked_by: str
    cancel_asked: bool
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None


class HeldRead(Body):
    """A read that the guard held: its tables are not current before somebody approved them."""

    read_id: str = Field(description="For `approve` and `reject`.")
    day: str
    reason: str
    finished_at: datetime


class HeldDecision(BaseModel):
    """Which held read is decided about: the one that was looked at."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    read_id: Annotated[str, StringConstraints(min_length=1, max_length=64)]


class Reads(Body):
    """Reads of a source, the newest first."""

    reads: list[ReadOut]


SourceOut.model_rebuild()
