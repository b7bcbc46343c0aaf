"""How a bucket looked at a moment in the past.

What can be proved: while a bucket has soft deletion, what is deleted or overwritten is kept for as long as its policy
says, with the moments at which it came and went. So the live objects, those of older generations and those that are
soft-deleted are together all that was there, back to where the policy reaches. Without it a generation that somebody
deleted for good leaves no trace, so nothing can be proved.
"""

import json
from collections.abc import Generator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from filesync_dagster.connectors.gcs.bucket import SCOPE, GcsBucket
from filesync_dagster.connectors.gcs.transport import GcsTransport
from filesync_dagster.connectors.object_store.chain import follow_tokens
from filesync_dagster.connectors.object_store.listing import ListedPage
from filesync_dagster.connectors.object_store.store import ObjectPage
from filesync_dagster.connectors.rest.errors import BadRequest
from filesync_dagster.connectors.rest.fields import gap_without, instant_of, size_of
from filesync_dagster.core.model import ListingGap, to_storable_text

MARGIN: Final = timedelta(minutes=10)
"""Of clocks that differ, and of a listing that takes its time: what is soft-deleted may go meanwhile."""

PASSES: Final = ({"versions": "true"}, {"softDeleted": "true"})
"""What is listed, in this order: what goes from the first meanwhile is in the second."""


def provable_since(transport: GcsTransport) -> datetime | None:
    """Return the earliest moment whose listing can be proved complete, None when none can. Raises SourceError."""
    bucket = transport.read("", {"fields": "softDeletePolicy,timeCreated"}, dict)
    policy = bucket.get("softDeletePolicy")
    if not isinstance(policy, dict):
        return None
    seconds, effective = size_of(policy.get("retentionDurationSeconds")), instant_of(policy.get("effectiveTime"))
    if not seconds or effective is None:
        return None
    return max(effective, datetime.now(UTC) - timedelta(seconds=seconds) + MARGIN)


def list_bucket_as_of(bucket: GcsBucket, at: datetime, checkpoint: str | None) -> Generator[ListedPage]:
    """Yield every object as it was at a moment: of each name the generation that was live then. One may come twice."""
    number, token = _resume_from(checkpoint, bucket.prefix)
    for at_pass in range(number, len(PASSES)):
        store = replace(bucket, which=PASSES[at_pass])
        yield from _pass(store, at, at_pass, token)
        token = None


def _pass(store: GcsBucket, at: datetime, number: int, token: str | None) -> Generator[ListedPage]:
    try:
        first = store.page(token=token)
    except BadRequest:
        if token is None:
            raise
        first = store.page()  # tokens expire: begin again
    for page in follow_tokens(store, first):
        place = [number, page.token] if page.truncated else [number + 1, None]
        yield ListedPage(_live_at(page, at), json.dumps({"generations_of": store.prefix, "at": place}))


def _live_at(page: ObjectPage, at: datetime) -> ObjectPage:
    """Return the rows that were live at a moment; one whose time cannot be read is a gap."""
    rows: list[int] = []
    gaps: list[ListingGap] = []
    told: Any = zip(*(page.columns[name] for name in ("timeCreated", "timeDeleted", "softDeleteTime")), strict=True)
    for row, (created, deleted, soft_deleted) in enumerate(told):
        begun, ended = instant_of(created), deleted or soft_deleted
        over = instant_of(ended)
        if begun is None or (ended is not None and over is None):
            path = to_storable_text(page.keys[row])
            gaps.append(gap_without("a time", {"timeCreated": created, "timeDeleted": ended}, scope=SCOPE, path=path))
        elif begun <= at and (over is None or over > at):
            rows.append(row)
    return replace(page.rows(rows), gaps=(*page.gaps, *gaps))


def _resume_from(checkpoint: str | None, prefix: str) -> tuple[int, str | None]:
    try:
        state = json.loads(checkpoint or "{}")
        number, token = state["at"] if state["generations_of"] == prefix else (0, None)
        return int(number), token
    except (ValueError, KeyError, TypeError):
        return 0, None
