"""What a listing found and nobody had told: change feeds lose events, and so do queues.

For an endpoint that events feed, its cursor is since when they do, and what a listing found deleted that no event
told so far: nobody knows when something was deleted, so an event may still be on its way.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from filesync_dagster.core.errors import SourceError
from filesync_dagster.core.model import OUTSIDE, ChangeKind, canonical_json
from filesync_dagster.storage.database import EndpointState
from filesync_dagster.sync.context import SyncContext
from filesync_dagster.sync.paths import descendants_of
from filesync_dagster.sync.relations import DetectedChanges, Relation, create_table, ids_batch

EVENT_DELAY_MAX = timedelta(minutes=15)
"""For so long an event may be on its way."""

UNTOLD_DELETIONS_MAX = 1000
"""Deleted entries that are waited for to be told."""


def drift(
    context: SyncContext, state: EndpointState, before: Relation | None = None, found: DetectedChanges | None = None
) -> int | None:
    """Return how many changes of a full sync nobody had told; None where nobody tells, or cannot be asked.

    `found`: what changed, `before`: from what; None when it is known that nothing did.
    """
    if context.feed is None:
        return _event_drift(context, state, found)
    if found is None or before is None:
        return 0 if state.cursor else None
    return _feed_drift(context, state, before, found)


# A change feed.


def _feed_drift(context: SyncContext, state: EndpointState, before: Relation, found: DetectedChanges) -> int | None:
    """Return how many changes of a full sync the feed does not tell since the last sync.

    Told are the entries that the feed names, those in folders that it read anew, and all below a changed folder that
    it names.
    """
    if context.feed is None or state.cursor is None or state.location != context.location:
        return None
    if not found.changed or found.changes is None:
        return 0
    named, reread = create_table(before.con, "named"), create_table(before.con, "reread")
    try:
        for delta in context.feed.changes(str(state.cursor)):
            context.lease.check()
            named.insert(ids_batch([*delta.batch.column("external_id").to_pylist(), *delta.removed]), "external_id")
            reread.insert(ids_batch(delta.read), "external_id")
    except SourceError:
        return None
    return _count_untold(before, found.after, found.changes, named, reread)


def _count_untold(before: Relation, after: Relation, changes: Relation, named: Relation, reread: Relation) -> int:
    con = before.con
    parents = f"SELECT external_id, coalesce(parent_id, '{OUTSIDE}') AS parent_id"
    con.execute(f"CREATE OR REPLACE TEMP VIEW either AS {parents} FROM {before} UNION {parents} FROM {after}")
    con.execute(f"""
        CREATE OR REPLACE TEMP VIEW changed AS
        SELECT coalesce("after".external_id, "before".external_id) AS external_id FROM {changes}
    """)
    con.execute(f"CREATE OR REPLACE TABLE moved AS FROM {named} SEMI JOIN changed USING (external_id)")
    below = descendants_of(Relation(con, "either"), Relation(con, "moved"), "moved_with")
    return Relation(con, "changed").count(f"""external_id NOT IN (
        FROM {named} UNION ALL FROM {below}
        UNION ALL SELECT e.external_id FROM either e JOIN {reread} r ON e.parent_id = r.external_id
    )""")


# Events.


@dataclass(frozen=True)
class EventFeedState:
    """Since when events feed an endpoint, and what a listing found deleted, and when, that no event told so far."""

    since: datetime
    untold: Mapping[str, datetime] = field(default_factory=dict)

    def as_text(self) -> str:
        """Return the cursor."""
        untold = {external_id: at.isoformat() for external_id, at in self.untold.items()}
        return canonical_json({"since": self.since.isoformat(), "silent": untold})


def _event_feed(context: SyncContext, state: EndpointState) -> EventFeedState | None:
    """Return what is known of the events of an endpoint; None where none tell of what it lists now."""
    known = state.cursor is not None and state.location == context.location and context.feed is None
    if not known or not any(queue.serves(context.endpoint.name) for queue in context.runtime.config.queues):
        return None
    stored, named = json.loads(str(state.cursor)), set(context.keys)
    untold = {key: datetime.fromisoformat(at) for key, at in stored["silent"].items() if key not in named}
    return EventFeedState(datetime.fromisoformat(stored["since"]), untold)


def cursor_after_events(context: SyncContext, state: EndpointState) -> str:
    """Return the cursor after events that named entries."""
    return (_event_feed(context, state) or EventFeedState(context.started)).as_text()


def cursor_after_listing(
    context: SyncContext, state: EndpointState, found: DetectedChanges | None = None
) -> str | None:
    """Return the cursor after a listing; `found`: what changed, if anything did.

    What it finds while a sync is held may have been told before that: it is not waited for.
    """
    feed = _event_feed(context, state)
    if feed is None:
        return None
    untold = {key: at for key, at in feed.untold.items() if at > context.started - EVENT_DELAY_MAX}
    if found is not None and found.changes is not None and state.held_sync_id is None:
        removed = f"""
            SELECT "before".external_id FROM {found.changes}
            WHERE change = '{ChangeKind.REMOVED}' AND "before" IS NOT NULL
                AND "before".external_id NOT IN (SELECT unnest(?::VARCHAR[]))
            LIMIT {UNTOLD_DELETIONS_MAX}
        """
        rows = found.changes.con.execute(removed, [list(context.keys)]).fetchall()
        untold |= {external_id: context.started for (external_id,) in rows}
    return replace(feed, untold=untold).as_text()


def _event_drift(context: SyncContext, state: EndpointState, found: DetectedChanges | None) -> int | None:
    """Return how many changes listings found that no event told, though there was time; None where none tell.

    Of what was written the store knows when. What was deleted counts at the first listing after its time was over.
    """
    feed = _event_feed(context, state)
    if feed is None:
        return None
    until = context.started - EVENT_DELAY_MAX
    count = sum(at <= until for at in feed.untold.values())
    if found is not None and found.changes is not None and state.held_sync_id is None:
        written = """change <> ? AND "after".modified_at BETWEEN ? AND ?
            AND "after".external_id NOT IN (SELECT unnest(?::VARCHAR[]))"""
        of = [ChangeKind.LEFT_SCOPE.value, feed.since, until, list(context.keys)]
        count += found.changes.count(written, of)
    return count
