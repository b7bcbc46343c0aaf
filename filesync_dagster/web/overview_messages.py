"""The JSON of what needs a person, of growth, of past syncs."""

from datetime import date, datetime
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from filesync_dagster.web.browse_messages import ChangeHistogram
from filesync_dagster.web.messages import Body, LastSync
from filesync_dagster.web.row_messages import Moment


class NeedOut(Body):
    """Something that needs a person."""

    kind: Literal["held_sync", "held_plan", "broken", "failed", "stale", "partial", "empty", "alert"]
    subject: str = Field(description="An endpoint, a replication, …")
    title: str
    sentence: str
    since: datetime | None


class Overview(Body):
    """The product at one glance."""

    as_of: datetime
    endpoints: int
    endpoints_in_need: int
    states: dict[str, int] = Field(description="Endpoints by their state.")
    replications: dict[str, int] = Field(description="Replications by their state.")
    needs: list[NeedOut] = Field(description="What needs a person, the most pressing first; at most 200.")
    files_total: int | None = Field(description="Of all endpoints that were ever synced; null: none was.")
    bytes_total: int | None
    endpoints_unknown: int = Field(description="Endpoints of which nothing is known yet: they are in no total.")
    changes: ChangeHistogram = Field(description="Of the last 24 hours, by hour.")


class GrowthDay(Body):
    """What all endpoints had at the end of a day."""

    day: date
    files: int
    bytes: int
    endpoints: int = Field(description="Of which that much was known.")


class Growth(Body):
    """How much there was, day by day."""

    days: list[GrowthDay]


class HeldItem(Body):
    """Something that waits for a decision."""

    kind: Literal["sync", "plan"]
    name: str = Field(description="Of the endpoint, or of the replication.")
    title: str
    id: str = Field(description="Of the sync, or of the plan.")
    reason: str
    counts: dict[str, int]
    since: datetime | None
    files_before: int | None = Field(description="Files of the endpoint as they are; null for a plan.")


class HeldItems(Body):
    """Everything that waits for a decision."""

    items: list[HeldItem]


class SyncsQuery(BaseModel):
    """Which syncs of which endpoint."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    endpoint: Annotated[str, Field(min_length=1, max_length=4096)] = Field(description="Of an endpoint.")
    limit: int = Field(default=100, ge=1, le=1000, description="Syncs, the last one first.")
    since: Moment | None = Field(default=None, description="That tell of this moment or later.")
    until: Moment | None = Field(default=None, description="That tell of an earlier moment.")


class PastSync(LastSync):
    """A sync that ended."""

    error: str | None
    warnings: list[str]
    confirmed_by: str | None = Field(description="Who let the guard pass it.")


class PastSyncs(Body):
    """Syncs of an endpoint, the last one first."""

    items: list[PastSync]


class ConnectionOut(Body):
    """What a look at a store found."""

    endpoint: str
    latency_ms: float
    sees: str
    permissions: list[str]
    problems: list[str] = Field(description="What an inventory needs and is not allowed.")
    warnings: list[str]


class EventsQuery(BaseModel):
    """From where on somebody wants to be told."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    since: Annotated[str, Field(max_length=200, pattern=r"^[0-9a-f.]*$")] | None = Field(
        default=None, description="The id of the last event that was received, as `Last-Event-ID`."
    )
