"""The models behind endpoints.yaml. Every field is described: docs/configuration.md is made from them."""

import re
from datetime import UTC, date, datetime
from enum import StrEnum
from functools import cache
from typing import Annotated, Any, Self
from zoneinfo import ZoneInfo, available_timezones

from pydantic import BaseModel, ByteSize, ConfigDict, Field, SecretStr, SerializeAsAny, field_validator, model_validator

from filesync_dagster.config.table_settings import TableSettings
from filesync_dagster.core.filters import Filters
from filesync_dagster.core.guard import GuardLimits

SLUG = re.compile(r"[a-z][a-z0-9_]{0,62}")
DOMAIN = re.compile(r"[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+")
CRON_PART = re.compile(r"([*?]|\d+|l\d?|[a-z]{3})(-(\d+|[a-z]{3}))?(/\d+)?(#\d)?")
"""What croniter takes besides (`R`, `W`) is no moment that stays the same, or nothing that Dagster knows."""


class Strict(BaseModel):
    """Unknown keys are mistakes; parsed configuration does not change."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class NoDetails(Strict):
    """Stands in for `endpoint_details` that could not be read, while the rest of the entry is checked."""


class ScheduleKind(StrEnum):
    """What starts the syncs of an endpoint."""

    INTERVAL = "interval"
    CRON = "cron"
    MANUAL = "manual"


class Schedule(Strict):
    """The `schedule_config:` block of an endpoint."""

    interval_minutes: int = Field(
        default=60, ge=1, le=60 * 24 * 7, description="Minutes between two syncs, for `schedule: interval`."
    )
    cron: str | None = Field(default=None, description='Five cron fields, for `schedule: cron`: `"0 6 * * 1-5"`.')
    timezone: str | None = Field(
        default=None, description="Time zone of `cron`; the partitions' time zone when left out."
    )
    jitter_seconds: int = Field(
        default=0,
        ge=0,
        le=3600,
        description="A scheduled sync begins up to so much later, each endpoint always at its own moment: many that "
        "are due together do not ask their stores at once.",
    )
    catch_up: bool = Field(
        default=True,
        description="After a downtime, sync once for what was missed. `false`: wait for the next regular time.",
    )

    @field_validator("cron")
    @classmethod
    def _cron_is_valid(cls, value: str | None) -> str | None:
        return None if value is None else valid_cron(value)

    @field_validator("timezone")
    @classmethod
    def _timezone_exists(cls, value: str | None) -> str | None:
        return None if value is None else known_timezone(value)


class Reconcile(Strict):
    """The `reconcile:` block of an endpoint."""

    interval_hours: float = Field(
        default=24,
        gt=0,
        le=24 * 365,
        description="Hours after which a sync lists everything again, for stores that otherwise tell what changed: "
        "feeds lose events too.",
    )
    cron: str | None = Field(
        default=None,
        description="Instead of `interval_hours`: five cron fields. A sync is started for it when none is due within "
        "the hour, also with `schedule: manual`.",
    )
    timezone: str | None = Field(
        default=None, description="Time zone of `cron`; the partitions' time zone when left out."
    )

    @field_validator("cron")
    @classmethod
    def _cron_is_valid(cls, value: str | None) -> str | None:
        return None if value is None else valid_cron(value)

    @field_validator("timezone")
    @classmethod
    def _timezone_exists(cls, value: str | None) -> str | None:
        return None if value is None else known_timezone(value)


class Webhook(Strict):
    """The `webhook:` block of an endpoint."""

    secret: SecretStr | None = Field(
        default=None,
        description="What a store proves to know when it notifies `filesync serve`: the bearer token of MinIO, the "
        "channel token of Google Drive, the secret that Autodesk signs with. Left out: nobody but who has the API "
        "token may notify.",
    )


class Endpoint(Strict):
    """One configured place: an entry of `endpoints:`."""

    name: str = Field(
        description="Stable slug: the asset key and the name on the command line. Renaming loses history."
    )
    type: str = Field(description="The kind of store: a key of the connectors' table (`local`, `s3`).")
    title: str = Field(default="", description="What people see; the name when left out.")
    description: str = Field(default="", description="Shown in the Dagster UI (Markdown).")
    project_id: str | None = Field(default=None, description="Copied to every row of this endpoint.")
    user_id: str | None = Field(default=None, description="Copied to every row of this endpoint.")
    endpoint_details: SerializeAsAny[BaseModel] = Field(description="Where it is and how to get in; depends on `type`.")
    filters: Filters = Field(default_factory=Filters, description="Which files belong to the inventory.")
    schedule: ScheduleKind = Field(default=ScheduleKind.INTERVAL, description="`interval`, `cron` or `manual`.")
    schedule_config: Schedule = Field(default_factory=Schedule, description="When, for `interval` and `cron`.")
    reconcile: Reconcile = Field(default_factory=Reconcile, description="How often a full sync proves the feed.")
    webhook: Webhook = Field(default_factory=Webhook, description="Who may tell that something changed.")
    guard: GuardLimits = Field(default_factory=GuardLimits, description="What a sync may not do unseen.")
    stall_minutes: float | None = Field(
        default=None, gt=0, le=7 * 24 * 60, description="As in `settings`, for this endpoint. Left out: as there."
    )
    csv: bool = Field(default=False, description="Also write each snapshot and change file as CSV.")
    expect_empty: bool = Field(
        default=False, description="Set to true where no file is nothing to warn of: a place that is to be filled yet."
    )
    is_active: bool = Field(default=True, description="Set to false to stop syncing and keep the inventory.")

    @field_validator("name")
    @classmethod
    def _name_is_a_slug(cls, value: str) -> str:
        return slug_of(value)

    @model_validator(mode="after")
    def _cron_has_an_expression(self) -> Self:
        if self.schedule is ScheduleKind.CRON and self.schedule_config.cron is None:
            raise ValueError("schedule: cron needs schedule_config: {cron: …}")
        return self

    @model_validator(mode="after")
    def _jitter_is_less_than_the_interval(self) -> Self:
        plan = self.schedule_config
        if self.schedule is ScheduleKind.INTERVAL and plan.jitter_seconds >= plan.interval_minutes * 60:
            raise ValueError("schedule_config.jitter_seconds must be less than the interval")
        return self

    @property
    def label(self) -> str:
        """The title, or the name where there is none."""
        return self.title or self.name

    def public_details(self) -> dict[str, Any]:
        """`endpoint_details` without secrets, as JSON values: what tables and the UI may show."""
        secret = {
            name for name in type(self.endpoint_details).model_fields if is_secret(getattr(self.endpoint_details, name))
        }
        return self.endpoint_details.model_dump(mode="json", exclude=secret, exclude_none=True)


def slug_of(value: str) -> str:
    """Return a name that is a slug, or raise ValueError with one that is near."""
    if SLUG.fullmatch(value):
        return value
    slug = re.sub(r"[^a-z0-9]+", "_", value.lower()).strip("_") or "files"
    slug = slug if slug[0].isalpha() else f"e_{slug}"
    raise ValueError(f"{value!r} is not a slug of a-z, 0-9 and _ that starts with a letter; try {slug[:63]!r}")


class Partitions(Strict):
    """The days that the assets are partitioned by."""

    start_date: date = Field(
        default=date(2026, 1, 1), description="First day that can be backfilled; one for all endpoints."
    )
    timezone: str = Field(default="UTC", description="Where a day begins.")

    @field_validator("timezone")
    @classmethod
    def _timezone_exists(cls, value: str) -> str:
        return known_timezone(value)

    @property
    def zone(self) -> ZoneInfo:
        """The time zone itself."""
        return ZoneInfo(self.timezone)

    def today(self) -> date:
        """The day that it is there now."""
        return datetime.now(self.zone).date()


Days = Annotated[int, Field(ge=1, le=36_500)]


class Retention(Strict):
    """How long things are kept. What a committed row points to, and each day's last snapshot within reach, stays."""

    intraday_snapshots_days: Days = Field(
        default=7, description="Days for which every snapshot is kept, not just each day's last."
    )
    snapshots_days: Days = Field(
        default=400, description="Days for which each day's last snapshot and its changes are kept."
    )
    journal_days: Days = Field(default=400, description="Days for which `file_changes` rows are kept.")
    sync_logs_days: Days = Field(default=400, description="Days for which `sync_logs` rows are kept.")
    events_days: Days = Field(
        default=90,
        description="Days for which alerts that are over and syncs that were asked for from outside are kept.",
    )
    unknown_files_days: Days = Field(
        default=30,
        description="Days after which a file in the snapshot root that the database does not know is moved to "
        "`quarantine/`, and after as many more is deleted.",
    )
    runs_days: Days = Field(
        default=7,
        description="Days for which our runs in Dagster are kept. Runs that hold what an asset last knew of a day "
        "stay for `snapshots_days`.",
    )


class ReportSettings(Strict):
    """What the reports go by."""

    stale_after_days: Days = Field(
        default=730, description="Days without being written after which a file is in the report `stale_files`."
    )
    own_domains: list[str] = Field(
        default_factory=list,
        description="Your own e-mail domains, those below them included. Others are outsiders in the report "
        "`exposure`; without this nobody is.",
    )
    own_companies: list[str] = Field(
        default_factory=list,
        description="Your own companies, as Autodesk names them. Without this no company is an outsider.",
    )
    own_accounts: list[str] = Field(
        default_factory=list,
        description="Canonical user ids of your own AWS accounts. Without this the owner of an object is one of you, "
        "and everyone else an outsider.",
    )

    @field_validator("own_domains")
    @classmethod
    def _domains_are_domains(cls, value: list[str]) -> list[str]:
        for domain in value:
            if not DOMAIN.fullmatch(domain):
                raise ValueError(f"{domain!r} is not a domain such as 'company.com'")
        return value


class ServeSettings(Strict):
    """What `filesync serve` goes by."""

    console_url: str | None = Field(
        default=None,
        pattern=r"^https?://[^\s?#]+$",
        max_length=2000,
        description="Where people find the console, such as `https://filesync.company.com/console`: Dagster links to "
        "it. Left out: that of the `filesync serve` or `filesync up` over the same FILESYNC_HOME, if any.",
    )

    hosts: list[str] = Field(
        default_factory=list,
        max_length=100,
        description="Names under which browsers reach the server, such as `filesync.company.com`. Addresses, names "
        "without a dot and those of this machine need not be named.",
    )

    @field_validator("hosts")
    @classmethod
    def _hosts_are_names(cls, value: list[str]) -> list[str]:
        for host in value:
            if not DOMAIN.fullmatch(host):
                raise ValueError(f"{host!r} is not a name such as 'filesync.company.com', without a port")
        return value


class Settings(Strict):
    """The `settings:` block: one for the whole project."""

    database_url: SecretStr | None = Field(
        default=None,
        description="`postgresql://user:password@host/name` or `sqlite:///path`. Left out: SQLite in FILESYNC_HOME. "
        "FILESYNC_DATABASE_URL wins.",
    )
    snapshot_root: str | None = Field(
        default=None,
        description="Folder or object-store URL of snapshots and changes. Left out: FILESYNC_HOME/data. "
        "FILESYNC_SNAPSHOT_ROOT wins.",
    )
    partitions: Partitions = Field(default_factory=Partitions, description="The days of the assets.")
    concurrency: int = Field(default=10, ge=1, le=256, description="Endpoints synced at once in one process.")
    batch_size: int = Field(
        default=10_000, ge=100, le=1_000_000, description="Rows between two checkpoints of a listing."
    )
    memory_limit: ByteSize = Field(
        default=ByteSize(1_000_000_000),
        ge=100_000_000,
        description="Memory for the diff of one endpoint; past it, the diff works on disk.",
    )
    lease_seconds: int = Field(
        default=60, ge=5, le=3600, description="A sync whose process died on another machine is taken over after this."
    )
    stall_minutes: float = Field(
        default=15,
        gt=0,
        le=7 * 24 * 60,
        description="A sync that comes no further for so long (no page, no answer, no step of its work) is ended "
        "and failed.",
    )
    checkpoint_hours: float = Field(
        default=6,
        gt=0,
        le=24 * 365,
        description="A listing that was interrupted longer ago than this starts again instead of resuming.",
    )
    private_files: bool = Field(
        default=True,
        description="The SQLite database and stored files can be read by their owner only (modes 0600 and 0700). "
        "False: as the umask has it.",
    )
    retention: Retention = Field(default_factory=Retention, description="How long things are kept.")
    reports: ReportSettings = Field(default_factory=ReportSettings, description="What the reports go by.")
    tables: TableSettings = Field(
        default_factory=TableSettings, description="What uploads, data sources and generations may cost."
    )
    serve: ServeSettings = Field(default_factory=ServeSettings, description="The server of the API and the console.")


def is_secret(value: object) -> bool:
    """Whether a value of a details model must never be shown."""
    return isinstance(value, SecretStr) or (isinstance(value, tuple | list) and any(map(is_secret, value)))


@cache
def valid_cron(value: str) -> str:
    """Return a cron expression as it is compared, in small letters with single spaces, or raise ValueError.

    One that Dagster refuses, or that never comes, would stop everything else with it.
    """
    from croniter import CroniterBadDateError, croniter

    fields = value.lower().split()
    plain = len(fields) == 5 and all(CRON_PART.fullmatch(part) for field in fields for part in field.split(","))  # noqa: PLR2004 - cron has five fields
    if not plain or not croniter.is_valid(" ".join(fields)):
        raise ValueError(f"{value!r} is not a cron expression of five fields (minute hour day month weekday)")
    try:
        croniter(" ".join(fields), datetime(2026, 1, 1, tzinfo=UTC)).get_next()
    except CroniterBadDateError:
        raise ValueError(f"{value!r} never comes: there is no such day") from None
    return " ".join(fields)


def known_timezone(value: str) -> str:
    """Return the name of a time zone that exists, or raise ValueError with the nearest one that does."""
    from difflib import get_close_matches

    known = available_timezones()
    if value in known:
        return value
    near = get_close_matches(value, known, 1)
    raise ValueError(f"{value!r} is not a time zone" + (f"; did you mean {near[0]!r}?" if near else ""))
