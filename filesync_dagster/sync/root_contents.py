"""The syncs whose files lie in a snapshot root, as these files tell of them."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, tzinfo
from datetime import time as clock_time
from typing import Any

from filesync_dagster.core.errors import SnapshotError
from filesync_dagster.core.model import SyncMode, SyncStatus
from filesync_dagster.storage.database import SyncRecord
from filesync_dagster.storage.snapshots import StoredFile
from filesync_dagster.sync.provenance import COMPACTED, Provenance, tail_of
from filesync_dagster.sync.result import REBUILT
from filesync_dagster.sync.runtime import Runtime

SYNC_ID = re.compile(rf"(\d{{8}}T\d{{6}}Z)-[0-9a-f]{{8}}(?:{REBUILT})?")

ID_FORMAT = "%Y%m%dT%H%M%SZ"

UNTOLD = "Its log was made of its files, which do not tell all: an older version wrote them."


@dataclass(frozen=True)
class StoredSync:
    """A sync of which files lie in the root: what they say, and which they are."""

    provenance: Provenance
    is_told: bool  # False: an older version wrote it, and only names and contents tell
    files: Mapping[str, StoredFile] = field(default_factory=dict)  # by kind: snapshots, changes, folded

    @property
    def record(self) -> SyncRecord:
        """Its log."""
        return self.provenance.record

    @property
    def order(self) -> tuple[bool, int, str]:
        """Where it belongs among others: by the commits before it; by its name, where it tells nothing."""
        return self.is_told, self.provenance.after_seq or 0, self.record.id

    @property
    def snapshot(self) -> StoredFile | None:
        """The whole snapshot that it left, where there is one."""
        return self.files.get("snapshots") or self.files.get("folded")


@dataclass(frozen=True)
class RootContents:
    """What was found of one endpoint."""

    syncs: list[StoredSync]
    tables: list[StoredFile]  # CSV twins
    damaged: list[str]  # URIs of files that cannot be read, or are not what their names say


def read_root(runtime: Runtime, endpoint_id: int, uris: Iterable[str]) -> RootContents:
    """Read files of an endpoint, each to its end; return the syncs that wrote them, in the order of their commits."""
    zone = runtime.config.settings.partitions.zone
    found: dict[str, dict[str, StoredFile]] = {}
    told: dict[str, Mapping[str, Any]] = {}
    tables, damaged = list[StoredFile](), list[str]()
    for uri in uris:
        kind, _, day, name = tail_of(uri).split("/")
        stem, _, suffix = name.rpartition(".")
        sync_id = stem.removesuffix(COMPACTED)
        try:
            file, facts = runtime.snapshots.examine(uri)
        except SnapshotError:
            damaged.append(uri)
            continue
        if suffix == "csv":
            tables.append(file)
        elif _is_dated(sync_id, day):
            found.setdefault(sync_id, {})["folded" if stem.endswith(COMPACTED) else kind] = file
            if facts and not (sync_id in told and stem.endswith(COMPACTED)):  # its own files say more
                told[sync_id] = facts
    syncs = [_sync(endpoint_id, sync_id, files, told.get(sync_id), zone) for sync_id, files in found.items()]
    return RootContents(sorted(syncs, key=lambda sync: sync.order), tables, damaged)


def commits_of(syncs: Sequence[StoredSync]) -> list[StoredSync]:
    """Return the syncs without those that crashed before their commit: another one came after the same commit.

    That is the one which a later sync went on from; else the last one. What was held stays.
    """
    groups: dict[tuple[str, int | None], list[StoredSync]] = {}
    for sync in syncs:
        if sync.is_told and sync.record.mode is not SyncMode.REPLAY and not sync.provenance.held:
            groups.setdefault((sync.provenance.installation, sync.provenance.after_seq), []).append(sync)
    followed = {sync.provenance.before_version for sync in syncs if sync.is_told}
    crashed = set[str]()
    for group in groups.values():
        chosen = [sync for sync in group if sync.record.data_version in followed] or group[-1:]
        crashed |= {sync.record.id for sync in group} - {sync.record.id for sync in chosen}
    return [sync for sync in syncs if sync.record.id not in crashed]


def _sync(
    endpoint_id: int, sync_id: str, files: dict[str, StoredFile], facts: Mapping[str, Any] | None, zone: tzinfo
) -> StoredSync:
    try:
        provenance = Provenance.parse(facts, endpoint_id) if facts else None
    except (KeyError, TypeError, ValueError):  # of a later version, perhaps
        provenance = None
    is_told = provenance is not None
    if provenance is None:
        provenance = Provenance(_guess(endpoint_id, sync_id, files, zone), "")
    record = replace(provenance.record, id=sync_id, **_pointers(provenance.record.mode, files))
    return StoredSync(replace(provenance, record=record), is_told, files)


def name_of(uri: str) -> str:
    """Return the id of the sync that a stored file has its name from."""
    return uri.rpartition("/")[2].rpartition(".")[0].removesuffix(COMPACTED)


def _is_dated(sync_id: str, day: str) -> bool:
    """Tell whether a name is one that a sync gives, on a day that a calendar has."""
    named = SYNC_ID.fullmatch(sync_id)
    try:
        return named is not None and bool(_moment_of(named[1]) and date.fromisoformat(day))
    except ValueError:
        return False


def _moment_of(text: str) -> datetime:
    return datetime.strptime(text, ID_FORMAT).replace(tzinfo=UTC)


def _pointers(mode: SyncMode, files: Mapping[str, StoredFile]) -> dict[str, Any]:
    snapshot = files.get("folded") if mode is SyncMode.INCREMENTAL else None
    snapshot = snapshot or files.get("snapshots") or files.get("folded")
    changes = files.get("changes")
    return {"snapshot_uri": snapshot.uri if snapshot else None, "changes_uri": changes.uri if changes else None}


def _guess(endpoint_id: int, sync_id: str, files: Mapping[str, StoredFile], zone: tzinfo) -> SyncRecord:
    """Return what the names of files tell of a sync."""
    named = SYNC_ID.fullmatch(sync_id)
    assert named is not None
    started = as_of = _moment_of(named[1])
    mode = SyncMode.FULL if "snapshots" in files else SyncMode.INCREMENTAL
    if sync_id.endswith(REBUILT):
        mode, day = SyncMode.REPLAY, date.fromisoformat(tail_of(next(iter(files.values())).uri).split("/")[2])
        as_of = datetime.combine(day, clock_time.max, zone).astimezone(UTC)
    return SyncRecord(
        id=sync_id,
        endpoint_id=endpoint_id,
        sync_started=started,
        sync_completed=started,
        sync_status=SyncStatus.COMPLETED,
        mode=mode,
        as_of=as_of,
        warnings=(UNTOLD,),
    )
