"""How a versioned bucket looked at a moment in the past.

What can be proved: S3 keeps a version until a lifecycle rule or somebody removes it. Rules are read and move the
earliest provable moment forward; a version that somebody deleted for good leaves no trace, nor does the time before
versioning was switched on, except where it shows: a version `null` that is younger than the asked moment.
Times are those of the store, in whole seconds; an upload in parts counts from when it began.
"""

import json
from collections.abc import Generator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from operator import attrgetter
from typing import Any

from filesync_dagster.connectors.rest.paging import PageChain
from filesync_dagster.connectors.s3.answers import S3Listing, S3Version, VersionListing
from filesync_dagster.connectors.s3.errors import TRY_PROVIDER
from filesync_dagster.connectors.s3.listing import ListedPage
from filesync_dagster.connectors.s3.requests import S3Bucket, bytes_of, text_of
from filesync_dagster.connectors.s3.rows import instant
from filesync_dagster.core.errors import HistoryUnavailable, ProtocolViolation

EARLIEST = datetime(2006, 3, 14, tzinfo=UTC)  # the first day of S3: no bucket is older
NULL_VERSION = "null"


@dataclass(slots=True)
class _Resume:
    """Where a listing of versions goes on, and the version that is best so far of the key it stopped in."""

    key_marker: str | None = None
    version_marker: str | None = None
    key: bytes | None = None
    best: S3Version | None = None


def provable_since(
    versioning: str | None, rules: Sequence[Mapping[str, Any]], prefix: str, created: datetime | None, now: datetime
) -> datetime | None:
    """Return the earliest moment whose listing can be proved complete, None when none can.

    Versioning must be on; rules that expire old versions after N days leave N days; rules that keep a number of
    versions leave nothing that can be relied on.
    """
    if versioning != "Enabled":
        return None
    since = created or EARLIEST
    for rule in rules:
        expiration = rule.get("NoncurrentVersionExpiration")
        if rule.get("Status") != "Enabled" or not expiration or not _concerns(rule, prefix):
            continue
        if expiration.get("NewerNoncurrentVersions") or not expiration.get("NoncurrentDays"):
            return None
        since = max(since, now - timedelta(days=int(expiration["NoncurrentDays"])))
    return since


def list_bucket_as_of(bucket: S3Bucket, at: datetime, checkpoint: str | None) -> Generator[ListedPage]:
    """Yield every object as it was at a moment.

    That is, of each key, the youngest version no younger than the moment, unless it is a marker of deletion.
    Raises HistoryUnavailable where the versions show that they do not reach back so far.
    """
    state = _resume_from(checkpoint, bucket.prefix)
    chain = PageChain[tuple[str | None, str | None]](bucket.transport.where, hint=TRY_PROVIDER, empty_pages_max=None)
    while state is not None:
        page = bucket.versions(state.key_marker, state.version_marker)
        found = _current(page, state, at, bucket)
        state.key_marker, state.version_marker = page.key_marker, page.version_marker
        if found:
            yield ListedPage(_as_listing(found), _checkpoint(state, bucket.prefix, done=not page.truncated))
        if not page.truncated:
            return
        chain.advance((page.key_marker, page.version_marker))


def _current(page: VersionListing, state: _Resume, at: datetime, bucket: S3Bucket) -> list[S3Version]:
    """Return the versions that were current, of the keys that end on this page; the last key may go on."""
    bests: list[S3Version | None] = []
    # Some stores send all markers of deletion after all versions.
    for version in sorted(page.versions, key=attrgetter("key")):
        if version.key != state.key:
            if state.key is not None and version.key < state.key:
                raise ProtocolViolation(f"{bucket.transport.where} listed versions out of order.", hint=TRY_PROVIDER)
            bests.append(state.best)
            state.key, state.best = version.key, None
        state.best = _better(state.best, version, at, bucket)
    if not page.truncated:
        bests.append(state.best)
    return [best for best in bests if best is not None and not best.deleted]


def _better(best: S3Version | None, version: S3Version, at: datetime, bucket: S3Bucket) -> S3Version | None:
    """Return which of two versions of a key was current at a moment. Of equal times the latest, else the first."""
    modified = instant(version.modified)
    if modified > at:
        if version.version_id == NULL_VERSION:
            raise HistoryUnavailable(
                f"{bucket.transport.where} cannot tell how it looked at {at.isoformat()}: "
                f"versioning was off until at least {modified.isoformat()}.",
                hint="Only later moments can be listed.",
            )
        return best
    if best is None:
        return version
    return version if (modified, version.latest) > (instant(best.modified), best.latest) else best


def _as_listing(versions: list[S3Version]) -> S3Listing:
    nothing = [None] * len(versions)
    return S3Listing(
        keys=[version.key for version in versions],
        modified=[version.modified for version in versions],
        etags=[version.etag for version in versions],
        sizes=[version.size for version in versions],
        storage_classes=[version.storage_class for version in versions],
        checksums=[version.checksum for version in versions],
        owners=nothing,
        truncated=False,
        token=None,
    )


def _checkpoint(state: _Resume, prefix: str, *, done: bool) -> str:
    best = state.best and asdict(state.best) | {"key": text_of(state.best.key)}
    key = None if state.key is None else text_of(state.key)
    markers = [state.key_marker, state.version_marker]
    return json.dumps({"versions_of": prefix, "markers": markers, "key": key, "best": best, "done": done})


def _resume_from(checkpoint: str | None, prefix: str) -> _Resume | None:
    """Return where to go on: the beginning without a usable checkpoint, None at the end."""
    try:
        state = json.loads(checkpoint or "{}")
        if state["versions_of"] != prefix:
            return _Resume()
        if state["done"]:
            return None
        best = state["best"] and S3Version(**state["best"] | {"key": bytes_of(state["best"]["key"])})
        key = None if state["key"] is None else bytes_of(state["key"])
        key_marker, version_marker = state["markers"]
        return _Resume(key_marker, version_marker, key, best)
    except (ValueError, KeyError, TypeError):
        return _Resume()


def _concerns(rule: Mapping[str, Any], prefix: str) -> bool:
    """Whether a lifecycle rule can touch keys below a prefix."""
    chosen = rule.get("Filter") or {}
    start = chosen.get("Prefix") or (chosen.get("And") or {}).get("Prefix") or rule.get("Prefix") or ""
    return prefix.startswith(start) or start.startswith(prefix)
