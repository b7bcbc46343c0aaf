"""How the sources of tables are doing. Loads neither Arrow nor DuckDB: `status` has to be quick."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from filesync_dagster.config import DataSource, source_freshness
from filesync_dagster.storage.database.source_reads import SourceReadRecord
from filesync_dagster.sync.runtime import Runtime


@dataclass(frozen=True, slots=True)
class SourceStatus:
    """How one source is doing: its last read, its last good one, and what waits for a decision."""

    name: str
    title: str
    type: str
    state: str  # ok | held | failed | stale | never read | disabled
    is_active: bool
    last: SourceReadRecord | None  # whatever came of it
    good: SourceReadRecord | None  # whose tables are the current ones
    held: SourceReadRecord | None
    is_stale: bool

    @property
    def error(self) -> str | None:
        """Why it is not ok, in a sentence."""
        if self.held is not None:
            return self.held.error
        return self.last.error if self.last is not None and self.last.state == "failed" else None

    def as_dict(self) -> dict[str, Any]:
        """Return it as JSON values."""
        good, last = self.good, self.last
        return {
            "name": self.name,
            "title": self.title,
            "type": self.type,
            "state": self.state,
            "is_active": self.is_active,
            "tables": good.tables if good else 0,
            "rows": good.rows if good else 0,
            "bytes": good.bytes if good else 0,
            "day": good.day if good else None,
            "last_read": last.finished_at.isoformat() if last else None,
            "last_success": good.finished_at.isoformat() if good else None,
            "held_read_id": self.held.id if self.held else None,
            "error": self.error,
        }


def source_statuses(runtime: Runtime) -> list[SourceStatus]:
    """Return how every configured source is doing."""
    if not runtime.config.sources:
        return []
    reads, now = runtime.metadata.source_reads, datetime.now(UTC)
    last, held = reads.last_by_source(), reads.held_by_source()
    good = reads.last_by_source(states=("committed", "approved"))
    return [_status(one, last, good, held, now) for one in runtime.config.sources]


def _status(
    source: DataSource,
    last: Mapping[str, SourceReadRecord],
    good: Mapping[str, SourceReadRecord],
    held: Mapping[str, SourceReadRecord],
    now: datetime,
) -> SourceStatus:
    name, windows = source.name, source_freshness(source)
    known, success = last.get(name), good.get(name)
    is_stale = windows is not None and success is not None and now - success.finished_at > windows[1]
    status = SourceStatus(
        name, source.label, source.type, "ok", source.is_active, known, success, held.get(name), is_stale
    )
    return SourceStatus(**{**_fields(status), "state": _state(status)})


def _fields(status: SourceStatus) -> dict[str, Any]:
    return {name: getattr(status, name) for name in SourceStatus.__dataclass_fields__}


def _state(status: SourceStatus) -> str:
    if not status.is_active:
        return "disabled"
    if status.last is None:
        return "never read"
    if status.held is not None:
        return "held"
    if status.last.state == "failed":
        return "failed"
    return "stale" if status.is_stale else "ok"
