"""The `replications:` block: what is done with what changed, and where."""

from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Any, Literal, Self

from pydantic import BaseModel, ByteSize, Field, SerializeAsAny, field_validator, model_validator

from filesync_dagster.config.models import Endpoint, Schedule, Strict, is_secret, slug_of
from filesync_dagster.connectors import CONNECTORS
from filesync_dagster.core.filters import Filters


class ReplicationMode(StrEnum):
    """What a replication may do to a destination."""

    MIRROR = "mirror"
    ADD_ONLY = "add_only"  # never overwrites, never deletes
    UPDATE_ONLY = "update_only"  # never deletes


class ReplicationSchedule(StrEnum):
    """What starts the runs of a replication."""

    AFTER_SOURCE = "after_source"
    INTERVAL = "interval"
    CRON = "cron"
    MANUAL = "manual"


class PathMapping(Strict):
    """The `paths:` block: how a path of the source becomes one at the destination."""

    strip: str = Field(
        default="", description="The folder of the source whose content is meant; what lies elsewhere is left out."
    )
    add: str = Field(default="", description="The folder at the destination that everything goes into.")
    style: Literal["as_is", "leading_slash", "lower"] = Field(
        default="as_is",
        description="`leading_slash`: keys begin with a slash, in buckets (a file manager has a setting of its own). "
        "`lower`: in small letters.",
    )

    @field_validator("strip", "add")
    @classmethod
    def _is_a_folder(cls, value: str) -> str:
        parts = value.strip("/").split("/") if value.strip("/") else []
        if any(part in {"", ".", ".."} for part in parts):
            raise ValueError(f"{value!r} is not a plain folder such as archive/eng/")
        return "".join(f"{part}/" for part in parts)


class ReplicationGuard(Strict):
    """The `guard:` block of a replication: what a plan may not do unseen."""

    max_removed_percent: float = Field(
        default=50, ge=0, le=100, description="Deletions net of moves, in percent of the files of the replica."
    )
    max_removed: int = Field(default=10_000, ge=0, description="Deletions net of moves, as a number.")
    max_bytes: ByteSize = Field(
        default=ByteSize(10**12), ge=0, description="Bytes that are sent by one plan, such as `1TB`."
    )
    enabled: bool = Field(default=True, description="Set to false to let every plan go.")


class DestinationConfig(Strict):
    """The `destination:` block: a store of its own, or an endpoint that is inventoried too."""

    type: str | None = Field(default=None, description="The kind of store, with `endpoint_details`.")
    endpoint: str | None = Field(default=None, description="Instead: the name of an endpoint that is written to.")
    endpoint_details: SerializeAsAny[BaseModel] | None = Field(
        default=None, description="Where it is and how to get in; depends on `type`."
    )

    @model_validator(mode="after")
    def _is_one_of_both(self) -> Self:
        if (self.type is None) == (self.endpoint is None):
            raise ValueError("say either `type` with `endpoint_details`, or `endpoint`")
        return self

    def public_details(self) -> dict[str, Any]:
        """Details without secrets, as JSON values."""
        details = self.endpoint_details
        if details is None:
            return {}
        secret = {name for name in type(details).model_fields if is_secret(getattr(details, name))}
        return details.model_dump(mode="json", exclude=secret, exclude_none=True)


class Replication(Strict):
    """An entry of `replications:`: the files of an endpoint, kept at a destination."""

    name: str = Field(description="Stable slug: the asset key and the name on the command line.")
    title: str = Field(default="", description="What people see; the name when left out.")
    description: str = Field(default="", description="Shown in the Dagster UI (Markdown).")
    source: str = Field(description="The endpoint whose files are replicated.")
    destination: DestinationConfig = Field(description="Where to.")
    mode: ReplicationMode = Field(
        default=ReplicationMode.MIRROR,
        description="`mirror`; `add_only` never overwrites and never deletes; `update_only` never deletes.",
    )
    delete: Literal["never", "with_guard", "always"] = Field(
        default="with_guard",
        description="Files that are removed at the source. `with_guard`: deleted, unless the guard holds the plan; "
        "those that only left the scope of the source stay. `always`: these too, and no guard counts deletions.",
    )
    deletes: Literal["trash", "permanent"] | None = Field(
        default=None,
        description="`trash`: what is deleted is moved to .filesync-trash/<date>/ at the destination. Left out: so "
        "where it costs nothing, else `permanent`.",
    )
    paths: PathMapping = Field(default_factory=PathMapping, description="How paths become paths of the destination.")
    filters: Filters = Field(default_factory=Filters, description="Which files, after the filters of the source.")
    foreign: Literal["report", "keep", "overwrite"] = Field(
        default="report",
        description="Something at the destination that filesync did not write and that is in the way. `report`: left "
        "alone and told; `keep`: left alone; `overwrite`: replaced.",
    )
    permissions: bool = Field(default=False, description="Also set owner, group and permissions, where both can.")
    rename_impossible: Literal["percent"] | None = Field(
        default=None,
        description="`percent`: names that the destination cannot hold are escaped, reversibly. Left out: such files "
        "are listed and not copied.",
    )
    export_documents: str | None = Field(
        default=None,
        pattern=r"^[a-z0-9]{2,5}$",
        description="A format such as `pdf` or `docx`, for documents that have no bytes (Google Docs). Left out: they "
        "are skipped and counted.",
    )
    concurrency: int = Field(default=8, ge=1, le=64, description="Files that are sent at once.")
    bandwidth: ByteSize | None = Field(
        default=None, ge=1024, description="Bytes per second of all files together, such as `50MB`. Left out: no limit."
    )
    verify: Literal["auto", "readback", "none"] = Field(
        default="auto",
        description="`auto`: by what the destination tells; `readback`: every file is read again; `none`: what it "
        "acknowledges is believed.",
    )
    guard: ReplicationGuard = Field(default_factory=ReplicationGuard, description="What a plan may not do unseen.")
    schedule: ReplicationSchedule = Field(
        default=ReplicationSchedule.AFTER_SOURCE,
        description="`after_source`: after each sync of the source that changed something; `interval`, `cron` or "
        "`manual`.",
    )
    schedule_config: Schedule = Field(default_factory=Schedule, description="When, for `interval` and `cron`.")
    reconcile_hours: float = Field(
        default=168,
        gt=0,
        le=24 * 365,
        description="Hours after which a run compares everything, with a listing of the destination where it has one.",
    )
    csv: bool = Field(
        default=False, description="Keep the state as CSV before and after each run, below `state/` in FILESYNC_HOME."
    )
    dry_run: bool = Field(default=False, description="Only plan; nothing is done at the destination.")
    allow_cycle: bool = Field(
        default=False, description="Let another replication write to the source what this one writes there."
    )
    is_active: bool = Field(default=True, description="Set to false to stop replicating and keep the replica.")

    @field_validator("name")
    @classmethod
    def _name_is_a_slug(cls, value: str) -> str:
        return slug_of(value)

    @model_validator(mode="after")
    def _cron_has_an_expression(self) -> Self:
        if self.schedule is ReplicationSchedule.CRON and self.schedule_config.cron is None:
            raise ValueError("schedule: cron needs schedule_config: {cron: …}")
        return self

    @property
    def label(self) -> str:
        """The title, or the name where there is none."""
        return self.title or self.name

    def destination_of(self, endpoints: Mapping[str, Endpoint]) -> tuple[str, BaseModel]:
        """Return type and details of the destination."""
        if self.destination.endpoint is not None:
            endpoint = endpoints[self.destination.endpoint]
            return endpoint.type, endpoint.endpoint_details
        assert self.destination.type is not None
        assert self.destination.endpoint_details is not None
        return self.destination.type, self.destination.endpoint_details


def place_of(kind: str, details: BaseModel) -> tuple[str, str] | None:
    """Return the store of an endpoint or a destination, and the path of its top there with a slash at its end.

    None where no two of this kind can be told to overlap.
    """
    connector = CONNECTORS[kind]
    if connector.place is None:
        return None
    store, path = connector.place(details)
    return f"{kind} {store}", path


def do_overlap(one: tuple[str, str] | None, other: tuple[str, str] | None, add: str = "") -> bool:
    """Tell whether one place is in the other, or they are the same. `add`: the folder that is written to in `other`.

    >>> do_overlap(("s3 x", "eng/"), ("s3 x", ""), "archive/")
    False
    >>> do_overlap(("s3 x", "eng/"), ("s3 x", ""), "eng/old/"), do_overlap(("s3 x", "eng/"), ("s3 y", "eng/"))
    (True, False)
    """
    if one is None or other is None or one[0] != other[0]:
        return False
    first, second = one[1], other[1] + add
    return first.startswith(second) or second.startswith(first)


def overlaps(replication: Replication, endpoints: Mapping[str, Endpoint], others: Sequence[Replication]) -> list[str]:
    """Return why a replication would copy its own work, or that of another one; empty when it does not."""
    source = endpoints[replication.source]
    from_there = place_of(source.type, source.endpoint_details)
    target = place_of(*replication.destination_of(endpoints))
    if replication.destination.endpoint == replication.source or do_overlap(from_there, target, replication.paths.add):
        sentence = f"the destination is the source {replication.source!r}, or one lies in the other: what is written "
        return [f"{sentence}would be listed and written again. Give `paths: {{add: …}}` or another place"]
    if replication.allow_cycle:
        return []
    way_out = "files would go round. Set `allow_cycle: true` if their filters prevent it"
    return [
        f"it writes to where {other.name!r} reads, and reads from where that writes: {way_out}"
        for other in others
        if not other.allow_cycle and _is_reverse(replication, other, endpoints)
    ]


def _is_reverse(one: Replication, other: Replication, endpoints: Mapping[str, Endpoint]) -> bool:
    """Tell whether each of two replications writes to where the other one reads."""
    reads = [place_of(endpoints[r.source].type, endpoints[r.source].endpoint_details) for r in (one, other)]
    writes = [place_of(*r.destination_of(endpoints)) for r in (one, other)]
    return do_overlap(reads[0], writes[1], other.paths.add) and do_overlap(reads[1], writes[0], one.paths.add)
