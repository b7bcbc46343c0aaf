"""How a versioned bucket looked at a moment in the past.

What can be proved: S3 keeps a version until a lifecycle rule or somebody removes it. Rules are read and move the
earliest provable moment forward; a version that somebody deleted for good leaves no trace, nor does what was written
and deleted while versioning was off. What was written then and is still there is a version `null`; that versioning was
on shows in the first version after the youngest of those, so only from there on a moment can be proved.
Times are those of the store, in whole seconds; an upload in parts counts from when it began.
"""

import json
from collections.abc import Generator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime, timedelta
from operator import attrgetter
from typing import Any

from filesync_dagster.connectors.object_store.chain import EMPTY_PAGES_MAX
from filesync_dagster.connectors.object_store.listing import ListedPage
from filesync_dagster.connectors.object_store.store import ObjectPage, bytes_of, text_of
from filesync_dagster.connectors.rest.fields import gap_without, instant_of
from filesync_dagster.connectors.rest.paging import PageChain
from filesync_dagster.connectors.s3.answers import SCOPE, TRY_PROVIDER, S3Version, VersionListing
from filesync_dagster.connectors.s3.bucket import S3Bucket
from filesync_dagster.core.errors import HistoryUnavailable, ProtocolViolation
from filesync_dagster.core.model import ListingGap, to_storable_text

EARLIEST = datetime(2006, 3, 14, tzinfo=UTC)  # the first day of S3: no bucket is older
NULL_VERSION = "null"


@dataclass(slots=True)
class _Resume:
    """Where a listing of versions goes on, and the version that is best so far of the key it stopped in."""

    key_marker: str | None = None
    version_marker: str | None = None
    key: bytes | None = None
    best: S3Version | None = None
    unversioned: str = ""  # the time of the youngest version `null`
    versioned: str = ""  # of the youngest other version that is not younger than the asked moment


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
    chain = PageChain[tuple[str | None, str | None]](bucket.where, hint=TRY_PROVIDER, empty_pages_max=EMPTY_PAGES_MAX)
    while state is not None:
        page = bucket.versions(state.key_marker, state.version_marker)
        found, gaps = _current(page, state, at, bucket)
        state.key_marker, state.version_marker = page.key_marker, page.version_marker
        if not page.truncated:
            _prove_versioned(state, at, bucket)
        listed = replace(_as_listing(found), gaps=(*page.gaps, *gaps))
        yield ListedPage(listed, _checkpoint(state, bucket.prefix, done=not page.truncated))
        if not page.truncated:
            return
        chain.advance((page.key_marker, page.version_marker), page.versions)


def _current(
    page: VersionListing, state: _Resume, at: datetime, bucket: S3Bucket
) -> tuple[list[S3Version], list[ListingGap]]:
    """Return the versions that were current, of the keys that end on this page; the last key may go on."""
    bests: list[S3Version | None] = []
    gaps: list[ListingGap] = []
    # Some stores send all markers of deletion after all versions.
    for version in sorted(page.versions, key=attrgetter("key")):
        if version.key != state.key:
            if state.key is not None and version.key < state.key:
                raise ProtocolViolation(f"{bucket.where} listed versions out of order.", hint=TRY_PROVIDER)
            bests.append(state.best)
            state.key, state.best = version.key, None
        modified = instant_of(version.modified)
        if modified is None:
            gaps.append(gap_without("a time", asdict(version), scope=SCOPE, path=to_storable_text(version.key)))
            continue
        _note_versioning(state, version, modified, at, bucket)
        state.best = _better(state.best, version, modified, at)
    if not page.truncated:
        bests.append(state.best)
    return [best for best in bests if best is not None and not best.deleted], gaps


def _note_versioning(state: _Resume, version: S3Version, modified: datetime, at: datetime, bucket: S3Bucket) -> None:
    """Note what a version says of when versioning was off and when it was on."""
    moment = modified.isoformat()
    if version.version_id == NULL_VERSION:
        if modified > at:
            raise _unprovable(bucket, at, f"versioning was off until at least {moment}")
        state.unversioned = max(state.unversioned, moment)
    elif modified <= at:
        state.versioned = max(state.versioned, moment)


def _prove_versioned(state: _Resume, at: datetime, bucket: S3Bucket) -> None:
    """Raise HistoryUnavailable unless a version shows that versioning was on at a moment, all versions being read."""
    if not state.versioned:
        raise _unprovable(bucket, at, "no version shows that versioning was on by then")
    if state.versioned <= state.unversioned:
        raise _unprovable(
            bucket, at, f"versioning was off until at least {state.unversioned}, and no version is younger"
        )


def _unprovable(bucket: S3Bucket, at: datetime, why: str) -> HistoryUnavailable:
    return HistoryUnavailable(
        f"{bucket.where} cannot tell how it looked at {at.isoformat()}: {why}.",
        hint="What was deleted without versioning left no trace: only moments after the first version can be listed.",
    )


def _better(best: S3Version | None, version: S3Version, modified: datetime, at: datetime) -> S3Version | None:
    """Return which of two versions of a key was current at a moment. Of equal times the latest, else the first."""
    if modified > at:
        return best
    if best is None:
        return version
    return version if (modified, version.latest) > (instant_of(best.modified), best.latest) else best


def _as_listing(versions: list[S3Version]) -> ObjectPage:
    return ObjectPage(
        keys=[version.key for version in versions],
        columns={
            "LastModified": [version.modified for version in versions],
            "ETag": [version.etag for version in versions],
            "Size": [version.size for version in versions],
            "StorageClass": [version.storage_class for version in versions],
            "ChecksumAlgorithm": [version.checksum for version in versions],
            "Owner": [None] * len(versions),
        },
    )


def _checkpoint(state: _Resume, prefix: str, *, done: bool) -> str:
    best = state.best and asdict(state.best) | {"key": text_of(state.best.key)}
    key = None if state.key is None else text_of(state.key)
    markers, eras = [state.key_marker, state.version_marker], [state.unversioned, state.versioned]
    return json.dumps({"versions_of": prefix, "markers": markers, "key": key, "best": best, "eras": eras, "done": done})


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
        [key_marker, version_marker], [unversioned, versioned] = state["markers"], state["eras"]
        return _Resume(key_marker, version_marker, key, best, unversioned, versioned)
    except (ValueError, KeyError, TypeError):
        return _Resume()


def _concerns(rule: Mapping[str, Any], prefix: str) -> bool:
    """Whether a lifecycle rule can touch keys below a prefix."""
    chosen = rule.get("Filter") or {}
    start = chosen.get("Prefix") or (chosen.get("And") or {}).get("Prefix") or rule.get("Prefix") or ""
    return prefix.startswith(start) or start.startswith(prefix)
