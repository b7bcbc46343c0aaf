"""What a stored file says of the sync that wrote it: enough to write the log of that sync again from its files."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import PurePosixPath
from typing import Any

from filesync_dagster.core.model import NUMBERS, SyncMode, SyncStatus
from filesync_dagster.core.redaction import to_told
from filesync_dagster.storage.database import SyncRecord

TAIL_PARTS = 4
"""Parts of the path of a stored file, below the root: kind, endpoint, day and name."""

COMPACTED = "-folded"
"""In the name of a whole snapshot that was made of one and the changes after it."""

TEXTS = ("id", "data_version", "run_id", "confirmed_by")
MOMENTS = ("sync_started", "sync_completed", "as_of")


@dataclass(frozen=True, slots=True)
class Provenance:
    """The log of a sync, and what it was based on. URIs are not in it: a root may move."""

    record: SyncRecord
    installation: str
    after_seq: int | None = None  # of the commit before it; None: it was the first one
    before_version: str | None = None  # the data version that it was compared with
    base: str | None = None  # the path, below the root, of the snapshot that its changes lie on
    location: str | None = None  # fingerprints of what was listed, and of what the filters selected of it
    selection: str | None = None
    held: bool = False  # by the guard: it was no commit when this was written

    def as_facts(self) -> dict[str, Any]:
        """Return it as JSON."""
        record = self.record
        rest = {name: value for name, value in asdict(self).items() if name != "record"}
        return {
            **rest,
            **{name: getattr(record, name) for name in TEXTS},
            **{name: moment.isoformat() for name in MOMENTS if (moment := getattr(record, name))},
            "status": record.sync_status.value,
            "mode": record.mode.value,
            "duration": record.sync_duration,
            "warnings": [to_told(warning) for warning in record.warnings],
            "numbers": record.numbers(),
        }

    @classmethod
    def parse(cls, facts: Mapping[str, Any], endpoint_id: int) -> "Provenance":
        """Return what `as_facts` wrote; numbers that are unknown by now are left out. Raises ValueError, KeyError."""
        moments: dict[str, Any] = {name: datetime.fromisoformat(facts[name]) for name in MOMENTS if name in facts}
        known = {number.name for number in NUMBERS}
        record = SyncRecord(
            **{name: facts[name] for name in TEXTS},
            **moments,
            endpoint_id=endpoint_id,
            sync_status=SyncStatus(facts["status"]),
            mode=SyncMode(facts["mode"]),
            sync_duration=float(facts["duration"]),
            warnings=tuple(facts["warnings"]),
            **{name: value for name, value in facts["numbers"].items() if name in known},
        )
        rest = {name: facts[name] for name in cls.__slots__ if name != "record"}
        return cls(record, **rest)


def tail_of(uri: str) -> str:
    """Return the path of a stored file below its root, wherever that is.

    >>> tail_of("s3://bucket/kept/snapshots/docs/2026-03-01/s1.parquet")
    'snapshots/docs/2026-03-01/s1.parquet'
    """
    return "/".join(PurePosixPath(uri).parts[-TAIL_PARTS:])
