"""The `sources:` block: files, databases, buckets and APIs whose tables are read, day by day, and by name."""

from enum import StrEnum
from typing import Any, Self

from pydantic import Field, field_validator, model_validator

from filesync_dagster.config.models import Schedule, Strict, slug_of

INVENTORY = "inventory"
"""The type of a source whose tables are files of an endpoint."""


class SourceSchedule(StrEnum):
    """What starts the reads of a source."""

    AFTER_ENDPOINT = "after_endpoint"
    INTERVAL = "interval"
    CRON = "cron"
    MANUAL = "manual"


class RowCountGuard(Strict):
    """The `guard:` block of a source: what a read may not do unseen."""

    max_fewer_rows_percent: float = Field(
        default=50, ge=0, le=100, description="Rows that a table may have less than before, in percent of those."
    )
    enabled: bool = Field(default=True, description="Set to false to believe every read.")


class DataSource(Strict):
    """An entry of `sources:`: a place that has tables."""

    name: str = Field(description="Stable slug: the asset key and the name on the command line.")
    type: str = Field(description="The kind of source, as `filesync tables list` has them.")
    title: str = Field(default="", description="What people see; the name when left out.")
    description: str = Field(default="", description="Shown in the Dagster UI (Markdown).")
    config: dict[str, Any] = Field(
        default_factory=dict,
        repr=False,  # it may have secrets
        description="Where it is and how to get in; depends on `type`. Secrets as `${VARIABLE}` or `secret:NAME`.",
    )
    guard: RowCountGuard = Field(default_factory=RowCountGuard, description="What a read may not do unseen.")
    schedule: SourceSchedule | None = Field(
        default=None,
        description="`interval`, `cron`, `manual` or, for files of an endpoint, `after_endpoint`: after each sync "
        "that changed something there. Left out: `after_endpoint` for type `inventory`, else `interval`.",
    )
    schedule_config: Schedule = Field(
        default_factory=lambda: Schedule(interval_minutes=24 * 60),
        description="When, for `interval` and `cron`. Left out: every 24 hours.",
    )
    is_active: bool = Field(default=True, description="Set to false to stop reading and keep what was read.")

    @field_validator("name")
    @classmethod
    def _is_slug(cls, value: str) -> str:
        return slug_of(value)

    @model_validator(mode="after")
    def _schedule_fits(self) -> Self:
        if self.schedule is SourceSchedule.CRON and self.schedule_config.cron is None:
            raise ValueError("schedule: cron needs schedule_config: {cron: …}")
        if self.schedule is SourceSchedule.AFTER_ENDPOINT and self.type != INVENTORY:
            raise ValueError("schedule: after_endpoint is for sources of type inventory")
        return self

    @property
    def label(self) -> str:
        """The title, or the name where there is none."""
        return self.title or self.name

    @property
    def begins(self) -> SourceSchedule:
        """What starts its reads, also where nobody said."""
        usual = SourceSchedule.AFTER_ENDPOINT if self.type == INVENTORY else SourceSchedule.INTERVAL
        return self.schedule or usual

    @property
    def endpoint(self) -> str | None:
        """The endpoint whose files its tables are; None of any other type."""
        named = self.config.get("endpoint") if self.type == INVENTORY else None
        return named if isinstance(named, str) else None
