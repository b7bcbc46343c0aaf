"""How the sources of tables are doing. Loads neither Arrow nor DuckDB: `status` has to be quick."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from filesync_dagster.config import DataSource, source_freshness
from filesync_dagster.storage.database.sessions import SessionRecord
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


@dataclass(frozen=True, slots=True)
class GenerationStatus:
    """How one generation of endpoints.yaml is doing: the session that it asked for last."""

    name: str
    title: str
    sources: tuple[str, ...]
    state: str  # ok | failed | cancelled | running | never made | disabled
    is_active: bool
    last: SessionRecord | None

    def as_dict(self) -> dict[str, Any]:
        """Return it as JSON values."""
        last = self.last
        rows = last.result.get("rows", {}) if last else {}
        return {
            "name": self.name,
            "title": self.title,
            "sources": list(self.sources),
            "state": self.state,
            "is_active": self.is_active,
            "session_id": last.id if last else None,
            "day": last.result.get("day") if last else None,
            "rows": sum(rows.values()),
            "quality": last.result.get("quality") if last else None,
            "finished_at": last.finished_at.isoformat() if last and last.finished_at else None,
            "error": last.error if last else None,
        }


GENERATION_OWNER = "generation:"
"""Before the name of a generation, as the owner of its sessions."""


def generation_statuses(runtime: Runtime) -> list[GenerationStatus]:
    """Return how every configured generation is doing."""
    generations = runtime.config.generations
    if not generations:
        return []
    owners = [f"{GENERATION_OWNER}{one.name}" for one in generations]
    last = runtime.metadata.sessions.last_by_owner(owners)
    active = {one.name for one in runtime.config.active_generations}
    states = {"completed": "ok", "failed": "failed", "cancelled": "cancelled"}
    found = []
    for one, owner in zip(generations, owners, strict=True):
        known = last.get(owner)
        state = "never made" if known is None else states.get(known.state, "running")
        is_active = one.name in active
        shown = state if is_active else "disabled"
        found.append(GenerationStatus(one.name, one.label, one.sources, shown, is_active, known))
    return found


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
    return replace(status, state=_state(status))


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
