"""A full sync: everything is listed, and compared with the last snapshot unless it is plainly the same."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timedelta

from filesync_dagster.core.model import SyncResult, SyncStatus
from filesync_dagster.storage.database import EndpointState
from filesync_dagster.sync.context import SyncContext
from filesync_dagster.sync.detect_changes import detect_changes, prove_absences
from filesync_dagster.sync.emptiness import remark_emptiness
from filesync_dagster.sync.feed_drift import cursor_after_listing, drift
from filesync_dagster.sync.listing import Listing, list_endpoint
from filesync_dagster.sync.relations import DetectedChanges
from filesync_dagster.sync.result import Outcome
from filesync_dagster.sync.snapshot_chain import is_intact, landmarks, load_before

PARTIAL_RETRY_INTERVAL = timedelta(hours=1)
"""After a full sync that could not read everything, the next one."""


@contextmanager
def observe(context: SyncContext, state: EndpointState) -> Iterator[Outcome]:
    """List everything. What was staged goes once the outcome is dealt with."""
    intact = is_intact(context, state)
    listing = list_endpoint(context, landmarks(context, state, intact=intact))
    observed = listing.ended or context.started
    following = replace(state, reconciled_at=_proved_at(context, listing, observed))
    if intact and _is_same(context, listing, state):
        remark_emptiness(context, listing, state.files_total)
        same = _unchanged_result(context, listing, state)
        yield Outcome(same, observed, replace(following, cursor=_cursor(context, listing, state)))
    else:
        with context.runtime.engine() as con:
            before = load_before(context, con, state, intact=intact)
            listed = prove_absences(context, before, listing, state)
            context.report("comparing", listing.rows)
            found = detect_changes(context, before, listed, state)
            remark_emptiness(context, listing, found.files_after)
            draft = replace(context.attempt.draft(found, listing.gaps), resumed=listing.resumed)
            draft = replace(draft, feed_drift=drift(context, state, before, found))
            following = replace(following, cursor=_cursor(context, listing, state, found))
            yield Outcome(draft, observed, following, found, rewrites=not intact)
    listing.staging.discard()


def _is_same(context: SyncContext, listing: Listing, state: EndpointState) -> bool:
    """Tell at a glance that a complete listing has the rows of the last snapshot.

    As many of them, with the same sum of fingerprints. Most syncs of most endpoints end here, without a diff.
    """
    return (
        listing.data_version == state.data_version
        and not listing.gaps
        and state.location == context.location
        and state.selection == context.selection
        and state.held_sync_id is None
    )


def _unchanged_result(context: SyncContext, listing: Listing, state: EndpointState) -> SyncResult:
    return context.attempt.result(
        SyncStatus.COMPLETED,
        files_processed=state.files_total,
        files_before=state.files_total,
        files_total=state.files_total,
        bytes_total=state.bytes_total,
        feed_drift=drift(context, state),
        resumed=listing.resumed,
    )


def _cursor(
    context: SyncContext, listing: Listing, state: EndpointState, found: DetectedChanges | None = None
) -> str | None:
    """Return where the next sync goes on: the change feed's cursor, or what is known of the events that name keys."""
    return listing.cursor or cursor_after_listing(context, state, found)


def _proved_at(context: SyncContext, listing: Listing, observed: datetime) -> datetime:
    """Return when everything was last proved. What could not be read this time is tried again within an hour."""
    if context.endpoint.reconcile.cron:
        return observed
    every = timedelta(hours=context.endpoint.reconcile.interval_hours)
    return observed - every + min(every, PARTIAL_RETRY_INTERVAL) if listing.gaps else observed
