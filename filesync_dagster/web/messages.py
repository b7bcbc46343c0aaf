"""The JSON that comes and goes. OpenAPI is made from these models, so each field is described."""

from datetime import datetime
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, computed_field, create_model

from filesync_dagster.core.model import NUMBERS, Number
from filesync_dagster.storage.database import SyncRecord
from filesync_dagster.sync.status import EndpointStatus

Level = Literal["ok", "degraded", "failing"]


class Body(BaseModel):
    """What is sent."""

    model_config = ConfigDict(frozen=True)


class Problem(Body):
    """What went wrong."""

    error: str = Field(description="One sentence for people.")
    hint: str = Field(default="", description="What to do about it.")
    code: str | None = Field(default=None, description="The same as one word for programs, where there is one.")
    field: str | None = Field(default=None, description="What to correct, by its path in what was sent.")

    @computed_field(description="The same as `error`.")  # type: ignore[prop-decorator]  # as pydantic has it
    @property
    def detail(self) -> str:
        """The sentence under the name that clients of FastAPI look for."""
        return self.error


class ReadingChoices(BaseModel):
    """How a file is read, where that is not found out."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    delimiter: str | None = Field(default=None, min_length=1, max_length=1, description="Of CSV: between cells.")
    encoding: str | None = Field(default=None, min_length=1, max_length=100, description="`utf-8`, `cp1252`, …")
    header_row: int | None = Field(default=None, ge=0, le=1_000_000, description="From 1; 0: there is none.")
    sheet: str | None = Field(default=None, min_length=1, max_length=255, description="Of workbooks: this one alone.")
    types: dict[str, str] = Field(default={}, description="Types of columns by name: `postcode: text`.")


class UploadOut(Body):
    """A file that was sent."""

    upload_id: str = Field(description="What it is called in /api/uploads.")
    filename: str = Field(description="What it is stored under.")
    original_name: str = Field(description="What whoever sent it called it.")
    path: str = Field(description="What a source of type `upload` calls it.")
    size: int | None = Field(description="Bytes in all; null where nobody said.")
    received: int = Field(description="Bytes that are there.")
    sha256: str | None = Field(description="Of what was taken, in hexadecimal digits.")
    format: str | None = Field(description="`csv`, `json`, `excel` or `parquet`.")
    state: str = Field(description="`receiving`, `scanning`, `reading`, `ready` or `refused`.")
    reading: ReadingChoices = Field(description="How it is read, where somebody said so.")
    problem: str | None = Field(description="Why it could not be read; null while nobody tried.")
    refusal: str | None = Field(description="Why it was refused.")
    refusal_code: str | None = Field(description="The same, as one word.")
    tables: list[dict[str, Any]] = Field(description="What is in it, once it was read: name, rows, columns.")
    warnings: list[dict[str, Any]] = Field(description="What reading left out or changed.")
    created_at: datetime = Field(description="When it began.")
    expires_at: datetime = Field(description="When it goes, if nothing uses it.")


class UploadQuery(BaseModel):
    """Which uploads are asked for."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    limit: int = Field(default=100, ge=1, le=1000, description="So many at most, the newest.")


class Uploads(Body):
    """Files that were sent."""

    uploads: list[UploadOut] = Field(description="The newest first.")


class Document(Body):
    """An OpenAPI description."""

    model_config = ConfigDict(extra="allow", frozen=True)

    openapi: str


class Component(Body):
    """How one part is doing."""

    name: str = Field(description="`configuration`, `database`, `snapshots`, `dagster_webserver`, `dagster_daemon`, …")
    status: Level
    detail: str = Field(
        default="", description="What is wrong, in a sentence, with what to do; empty without the token of the API."
    )


class EndpointHealth(Body):
    """What the last look at one endpoint found."""

    endpoint: str
    state: str = Field(
        description="`ok`, `partial`, `held`, `breaker open`, `failed`, `running`, `never synced`, `disabled`, …"
    )
    status: Level
    checked_at: datetime | None = Field(default=None, description="When its last sync ended.")
    last_success: datetime | None = Field(default=None, description="The moment that its inventory describes.")
    stale: bool = Field(default=False, description="Whether the inventory is older than the schedule allows.")
    error: str | None = Field(
        default=None,
        description="Everything that is wrong with it, running or not; null without the token of the API.",
    )


class StandingAlert(Body):
    """Something that was raised and is not over."""

    subject: str = Field(description="An endpoint, a queue, …")
    kind: str
    raised_at: datetime
    sentence: str


class Health(Body):
    """How everything is doing: as bad as the worst part; `degraded` at best while an alert stands."""

    status: Level
    version: str
    checked_at: datetime
    components: list[Component]
    endpoints: list[EndpointHealth]
    alerts: list[StandingAlert] = Field(default_factory=list, description="As `filesync alerts` shows them.")

    def without_texts(self) -> Self:
        """Return the states alone, for strangers."""
        return self.model_copy(
            update={
                "components": [one.model_copy(update={"detail": ""}) for one in self.components],
                "endpoints": [one.model_copy(update={"error": None}) for one in self.endpoints],
                "alerts": [one.model_copy(update={"sentence": ""}) for one in self.alerts],
            }
        )


class Readiness(Body):
    """Whether requests can be answered."""

    ready: bool
    error: str | None = Field(default=None, description="Why not; null without the token of the API.")


def _field(number: Number) -> Any:
    kind: Any = float if isinstance(number.default, float) else int
    default = Field(default=number.default, description=number.about)
    return (kind | None if number.default is None else kind, default)


Numbers: Any = create_model("Numbers", __base__=Body, **{number.name: _field(number) for number in NUMBERS})
"""What is told of the numbers of a sync: all of them."""


class LastSync(Numbers):  # type: ignore[misc]  # made of a table
    """The last sync of an endpoint."""

    sync_id: str
    status: str
    mode: str
    started_at: datetime
    completed_at: datetime
    duration_seconds: float
    run_id: str | None = Field(description="Of the Dagster run that it was part of.")
    snapshot_uri: str | None

    @classmethod
    def of(cls, log: SyncRecord) -> Self:
        """Return what is told of a row of sync_logs."""
        return cls(**cls.fields_of(log))

    @staticmethod
    def fields_of(log: SyncRecord) -> dict[str, Any]:
        """Return the fields of that."""
        return {
            "sync_id": log.id,
            "status": log.sync_status.value,
            "mode": log.mode.value,
            "started_at": log.sync_started,
            "completed_at": log.sync_completed,
            "duration_seconds": round(log.sync_duration, 3),
            **log.numbers(),
            "run_id": log.run_id,
            "snapshot_uri": log.snapshot_uri,
        }


class Breaker(Body):
    """A store that failed again and again."""

    state: str
    failures: int = Field(description="In a row.")
    opened_at: datetime | None
    probe_at: datetime | None = Field(description="From when it is asked again.")
    reason: str | None


class SyncState(Body):
    """How one endpoint is doing: the fields of `filesync status --json`."""

    endpoint: str
    title: str
    type: str
    state: str
    last_sync: LastSync | None
    last_success: datetime | None
    next_due: datetime | None
    held_sync_id: str | None
    held_digest: str | None
    running_since: datetime | None
    files_total: int
    bytes_total: int
    error: str | None
    breaker: Breaker | None

    @classmethod
    def of(cls, one: EndpointStatus) -> Self:
        """Return what is told of an endpoint."""
        known = one.breaker
        return cls(
            endpoint=one.name,
            title=one.title,
            type=one.type,
            state=one.state,
            last_sync=None if one.last_sync is None else LastSync.of(one.last_sync),
            last_success=one.last_success,
            next_due=one.next_due,
            held_sync_id=one.held_sync_id,
            held_digest=one.held_digest,
            running_since=one.running_since,
            files_total=one.files_total,
            bytes_total=one.bytes_total,
            error=one.error,
            breaker=None
            if known is None
            else Breaker(
                state=known.state,
                failures=known.failures,
                opened_at=known.opened_at,
                probe_at=known.probe_at,
                reason=known.reason,
            ),
        )


class ReplicationState(Body):
    """How one replication is doing: the fields of `filesync status --json`."""

    name: str
    title: str
    source: str = Field(description="The endpoint whose files are replicated.")
    destination: str = Field(description="Its type, or the endpoint that it is.")
    mode: str
    state: str = Field(
        description="`ok`, `partial`, `held`, `failed`, `rejected`, `running`, `never run` or `disabled`."
    )
    is_active: bool
    files: int = Field(description="That the destination has from us.")
    bytes: int
    verified_by_hash: int = Field(description="Of the files: a hash proves that they are as at the source.")
    acknowledged: int = Field(description="Of the files: the destination only said that it has them.")
    lag_seconds: float | None = Field(description="Since when the source has what the replica has not; null: all.")
    last_run: datetime | None
    last_outcome: str | None = Field(description="Of its last run, also while another one is at it.")
    held_plan_id: int | None
    held_reason: str | None
    held_counts: dict[str, int] | None
    problems: dict[str, int] = Field(description="Files that are not as they should be, by what is the matter.")
    running_since: datetime | None
    error: str | None


class RunState(Body):
    """One run of Dagster."""

    run_id: str
    status: str = Field(description="Dagster's word: `QUEUED`, `STARTED`, `SUCCESS`, `FAILURE`, `CANCELED`, …")
    endpoints: list[str] = Field(description="What it was asked to sync; empty: everything, or only `replications`.")
    replications: list[str] = Field(description="What it was asked to replicate.")
    full: bool
    created_at: datetime
    started_at: datetime | None
    ended_at: datetime | None
    url: str


class SyncStates(Body):
    """How every endpoint is doing; and the runs that were asked about."""

    endpoints: list[SyncState]
    replications: list[ReplicationState]
    runs: list[RunState] = Field(default_factory=list, description="Of `run_id`, when it was given.")


class EndpointOut(Body):
    """One entry of endpoints.yaml, without secrets."""

    name: str
    title: str
    type: str
    is_active: bool
    schedule: str
    project_id: str | None
    user_id: str | None
    endpoint_details: dict[str, object]
    state: str
    files_total: int
    bytes_total: int
    problems: list[str] = Field(description="What is wrong with the entry.")


class Endpoints(Body):
    """Every entry of endpoints.yaml, in its order."""

    endpoints: list[EndpointOut]


class StatusQuery(BaseModel):
    """Whose syncs are asked about. A slip of the pen must not mean "all of them": unknown names are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    endpoint: list[Annotated[str, Field(min_length=1)]] = Field(
        default=[], description="Of these endpoints and replications only; may be repeated."
    )
    run_id: list[Annotated[str, Field(min_length=1)]] = Field(
        default=[],
        max_length=100,
        description="Tell of these runs too, as Dagster knows them; may be repeated.",
    )


class SyncOrder(BaseModel):
    """Which endpoints to sync, and which replications to run after them."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    endpoints: list[str] | None = Field(
        default=None,
        min_length=1,
        max_length=10_000,
        description="Their names, and those of replications; every active endpoint when left out.",
    )


class LaunchedRuns(Body):
    """The runs that were launched."""

    run_ids: list[str] = Field(description="One, unless the endpoints are more than a thousand; none for `waiting`.")
    endpoints: list[str] = Field(description="Those that the runs sync.")
    waiting: list[str] = Field(
        default_factory=list,
        description="Those that are being synced already: a sync is asked for, and begins when that one is over.",
    )
    urls: list[str] = Field(description="Of the runs, in the Dagster UI.")


class WaitingChange(Body):
    """One change that waits for a decision."""

    change: str
    path: str
    external_id: str
    before: dict[str, Any] | None = Field(description="The fields that change, as they are.")
    after: dict[str, Any] | None = Field(description="And as they would be.")


class HeldFolder(Body):
    """What would happen below one folder."""

    folder: str
    counts: dict[str, int] = Field(description="Files, by kind of change.")


class HeldSyncPage(Numbers):  # type: ignore[misc]  # made of a table
    """A sync that the guard holds: what approving it would change, a page of it."""

    endpoint: str
    sync_id: str
    held_at: datetime
    observed_at: datetime = Field(description="When the store was like this; what changed since is not in it.")
    reason: str
    digest: str = Field(description="For `approve`: what is committed is this, or nothing.")
    counts: dict[str, int] = Field(description="Rows, folders among them, by kind of change.")
    folders: list[HeldFolder] = Field(description="Those with the most changes.")
    changes: list[WaitingChange] = Field(description="A page of them, by path.")
    total: int = Field(description="Changes there are.")
    next_offset: int | None = Field(description="Of the next page.")


class HeldQuery(BaseModel):
    """Which page of the changes."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    limit: int = Field(default=100, ge=1, le=1000, description="Changes a page.")
    offset: int = Field(default=0, ge=0, description="Changes before it.")


class Approval(BaseModel):
    """What is approved."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    digest: str | None = Field(
        default=None, description="Of what was looked at; when something else is held by now, 409 and no commit."
    )
    sync_id: str | None = Field(
        default=None, description="Of the held sync that was looked at; when another one is held by now, 409."
    )


class Rejection(BaseModel):
    """What is rejected."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    sync_id: str | None = Field(
        default=None, description="Of the held sync that was looked at; when another one is held by now, 409."
    )


class Decision(Numbers):  # type: ignore[misc]  # made of a table
    """A held sync that was decided on."""

    endpoint: str
    decision: Literal["approved", "rejected"]
    sync_id: str | None = Field(description="Of the commit, when it was approved; else of what was forgotten.")
    warnings: list[str] = Field(default_factory=list, description="Such as how stale it is what was approved.")


class Hint(Body):
    """What became of a notification."""

    queued: bool = Field(description="Whether a sync is asked for, by this notification or one before it.")
    reason: str = Field(description="Why, or why not.")
