"""The product at one glance: what needs a person, totals, changes, growth."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from filesync_dagster.config import AlertKind
from filesync_dagster.monitoring.alerts import UNWATCHED, conditions, observe
from filesync_dagster.web.browse import change_histogram, names_by_id
from filesync_dagster.web.overview_messages import (
    ConnectionOut,
    Growth,
    GrowthDay,
    HeldItem,
    HeldItems,
    NeedOut,
    Overview,
    PastSync,
    PastSyncs,
)
from filesync_dagster.web.replication_states import replication_states

if TYPE_CHECKING:
    from collections.abc import Iterator

    from filesync_dagster.api import Filesync
    from filesync_dagster.monitoring.alerts import Observation
    from filesync_dagster.sync.status import EndpointStatus
    from filesync_dagster.web.messages import ReplicationState
    from filesync_dagster.web.overview_messages import SyncsQuery
    from filesync_dagster.web.site import Site

NEEDS_MAX_COUNT = 200
GROWTH_DAYS = 30
PRESSING = ("held_sync", "held_plan", "broken", "failed", "partial", "stale", "empty", "alert")


def overview(site: Site) -> Overview:
    """Return everything that the first page shows."""
    now = datetime.now(UTC)
    with site.current.acquire() as filesync:
        seen = observe(filesync.runtime)
        statuses = list(seen.statuses)
        replicas = replication_states(filesync)
        needs = [*_endpoint_needs(statuses), *_replication_needs(replicas)]
        told = {one.subject for one in needs}
        needs += [one for one in _stale_needs(seen) if one.subject not in told]
        told = {one.subject for one in needs}
        needs += [
            NeedOut(kind="alert", subject=one.subject, title=one.subject, sentence=one.sentence, since=one.raised_at)
            for one in filesync.alerts()
            if one.subject not in told
        ]
        histogram = change_histogram(filesync, names_by_id(filesync, ()), now - timedelta(hours=24), now)
    known = [one for one in statuses if one.last_success is not None]
    names = {one.name for one in statuses}
    needs.sort(key=lambda one: (PRESSING.index(one.kind), one.subject))
    return Overview(
        as_of=now,
        endpoints=len(statuses),
        endpoints_in_need=len({one.subject for one in needs} & names),
        states=dict(Counter(one.state for one in statuses)),
        replications=dict(Counter(one.state for one in replicas)),
        needs=needs[:NEEDS_MAX_COUNT],
        files_total=sum(one.files_total for one in known) if known else None,
        bytes_total=sum(one.bytes_total for one in known) if known else None,
        endpoints_unknown=len(statuses) - len(known),
        changes=histogram,
    )


def _endpoint_needs(statuses: list[EndpointStatus]) -> Iterator[NeedOut]:
    for one in statuses:
        if one.misconfigured or one.state == "broken":
            yield _need("broken", one, one.misconfigured or one.error)
        if one.state == "held":
            yield _need("held_sync", one, one.held.error_message if one.held else None)
        elif one.state in {"failed", "breaker open"}:
            yield _need("failed", one, one.error or (one.breaker.reason if one.breaker else None))
        elif one.state == "partial":
            yield _need("partial", one, one.error or "Its last sync could not read everything.")
        elif one.state not in UNWATCHED and one.is_empty:
            yield _need("empty", one, "It was synced and has no file, and nobody said that this is meant.")


def _stale_needs(seen: Observation) -> Iterator[NeedOut]:
    """Yield what should have been synced by now: found by looking, for where nothing runs, no alert is raised."""
    known = {one.name: one for one in seen.statuses}
    for one in conditions(seen):
        if one.kind is AlertKind.STALE and one.subject in known:
            yield NeedOut(
                kind="stale",
                subject=one.subject,
                title=known[one.subject].title,
                sentence=one.sentence,
                since=known[one.subject].last_success,
            )


def _need(kind: str, one: EndpointStatus, sentence: str | None) -> NeedOut:
    since = one.last_sync.sync_completed if one.last_sync else None
    about = sentence or "Its last sync failed."
    return NeedOut(kind=kind, subject=one.name, title=one.title, sentence=about, since=since)  # type: ignore[arg-type]  # one of them


def _replication_needs(states: list[ReplicationState]) -> Iterator[NeedOut]:
    for one in states:
        kind = "held_plan" if one.held_plan_id is not None else "failed" if one.state == "failed" else None
        if kind:
            sentence = (one.held_reason if kind == "held_plan" else one.error) or "It needs a look."
            yield NeedOut(kind=kind, subject=one.name, title=one.title, sentence=sentence, since=one.last_run)  # type: ignore[arg-type]  # one of them


def growth(filesync: Filesync) -> Growth:
    """Return what there was at the end of each of the last days, as syncs left it."""
    zone = filesync.config.settings.partitions.zone
    today = datetime.now(zone).date()
    first = today - timedelta(days=GROWTH_DAYS - 1)
    since = datetime(first.year, first.month, first.day, tzinfo=zone)
    known = filesync.runtime.metadata.syncs.sizes(names_by_id(filesync, ()), since)
    now: dict[int, tuple[int, int]] = {number: (files, size) for number, moment, files, size in known if moment < since}
    later = sorted((row for row in known if row[1] >= since), key=lambda row: row[1])
    days = []
    for day in (first + timedelta(days=at) for at in range(GROWTH_DAYS)):
        while later and later[0][1].astimezone(zone).date() <= day:
            number, _, files, size = later.pop(0)
            now[number] = (files, size)
        if now:
            days.append(
                GrowthDay(
                    day=day,
                    files=sum(files for files, _ in now.values()),
                    bytes=sum(size for _, size in now.values()),
                    endpoints=len(now),
                )
            )
    return Growth(days=days)


def held_items(site: Site) -> HeldItems:
    """Return everything that waits for a decision: syncs, then plans."""
    with site.current.acquire() as filesync:
        held = [one for one in filesync.status() if one.held is not None]
        items = [
            HeldItem(
                kind="sync",
                name=one.name,
                title=one.title,
                id=one.held.id,
                reason=one.held.error_message or "",
                counts={
                    name: count
                    for name, count in (
                        ("removed", one.held.counts.removed),
                        ("left_scope", one.held.counts.left_scope),
                        ("moved", one.held.counts.moved),
                        ("updated", one.held.counts.updated),
                        ("added", one.held.counts.added),
                    )
                    if count
                },
                since=one.held.sync_completed,
                files_before=one.files_total,
            )
            for one in held
            if one.held is not None
        ]
        items += [
            HeldItem(
                kind="plan",
                name=one.name,
                title=one.title,
                id=str(one.held_plan_id),
                reason=one.held_reason or "",
                counts={name: count for name, count in (one.held_counts or {}).items() if count},
                since=one.last_run,
                files_before=None,
            )
            for one in replication_states(filesync)
            if one.held_plan_id is not None
        ]
    return HeldItems(items=items)


def past_syncs(site: Site, query: SyncsQuery) -> PastSyncs:
    """Return syncs of an endpoint, the last one first. Raises UnknownEndpoint."""
    with site.current.acquire() as filesync:
        known = filesync.syncs(query.endpoint, since=query.since, until=query.until, limit=query.limit)
    return PastSyncs(
        items=[
            PastSync(
                **PastSync.fields_of(one),
                error=one.error_message,
                warnings=list(one.warnings),
                confirmed_by=one.confirmed_by,
            )
            for one in known
        ]
    )


def check(site: Site, name: str) -> ConnectionOut:
    """Connect to the store of an endpoint and tell what can be seen. Raises UnknownEndpoint, SourceError."""
    with site.current.acquire() as filesync:
        found = filesync.check(name)
    return ConnectionOut(
        endpoint=name,
        latency_ms=round(found.latency_ms, 1),
        sees=found.sees,
        permissions=list(found.permissions),
        problems=list(found.problems),
        warnings=list(found.warnings),
    )
