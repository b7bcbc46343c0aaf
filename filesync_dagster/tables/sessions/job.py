"""What a worker is told when it is started: over a pipe, for others can read the arguments and the environment."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Final

import orjson

MODULE: Final = "filesync_dagster.tables.sessions.worker"


@dataclass(frozen=True)
class WorkerJob:
    """Which session or export, of which configuration, and the secrets of its request."""

    session_id: str
    export_id: str  # "": the session itself
    config_path: str
    home: str
    dispatcher: Mapping[str, Any]
    memory_bytes: int
    secrets: Mapping[str, str] = field(default_factory=dict, repr=False)

    def as_bytes(self) -> bytes:
        """Return the job as it is written to a worker."""
        return orjson.dumps(asdict(self))

    @classmethod
    def parse(cls, data: bytes) -> "WorkerJob":
        """Return the job that `as_bytes` wrote."""
        return cls(**orjson.loads(data))
