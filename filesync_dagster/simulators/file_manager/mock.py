"""Answers like those of the public mock of the protocol: it believes everything, and knows nothing afterwards."""

import random
import uuid
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final

from filesync_dagster.simulators.file_manager.operations import SaveRequest

INVENTED_BYTES: Final = 1024
EVENT_TYPES: Final = ("create", "change_permission", "delete", "rename", "move")
NAMES: Final = ("plans/level-1.dwg", "photos/site.jpg", "reports/week.pdf", "data/export.csv", "logs/import.log")
PERMISSIONS: Final = {
    ("txt", "md", "log"): ("rw-r--r--", "user", "users"),
    ("py", "js", "sh"): ("rwxr-xr-x", "developer", "dev"),
    ("jpg", "png", "pdf"): ("rw-r-----", "content", "media"),
}
OTHERS: Final = ("rw-rw-r--", "system", "system")
FIRST: Final = datetime(2026, 1, 5, 8)  # noqa: DTZ001 - its times have no zone


class MockBackend:
    """Says that it did what was asked. The events depend on the seed and nothing else."""

    def __init__(self, seed: int = 0) -> None:
        self._seed = seed

    def save(self, asked: SaveRequest) -> tuple[str | None, int | None, Any]:
        """Return a new id at every call, and the size that was declared, whatever came."""
        if asked.operation == "delete":
            return None, None, asked.metadata
        size = None
        if asked.operation in {"create", "update"}:
            assert asked.file is not None
            size = asked.file.size if asked.size is None else asked.size
        elif asked.operation == "get":
            size = asked.size or INVENTED_BYTES
        metadata = asked.metadata
        if asked.operation == "get":
            metadata = metadata or {"last_accessed": FIRST.isoformat()}
        return str(uuid.uuid4()), size, metadata

    def permissions(self, path: str, wanted: Mapping[str, str]) -> tuple[str, str, str, str]:
        """Return what was asked for, and else what the ending of the name makes of it."""
        ending = path.rpartition(".")[2]
        permissions, owner, group = next((found for ends, found in PERMISSIONS.items() if ending in ends), OTHERS)
        now = datetime.now().isoformat()  # noqa: DTZ005 - likewise
        return (
            wanted.get("permissions", permissions), wanted.get("owner", owner), wanted.get("group_name", group), now
        )  # fmt: skip

    def events(self, count: int) -> list[dict[str, Any]]:
        """Return events that look as if something had happened."""
        chance = random.Random(self._seed)  # noqa: S311 - no secrets
        return [self._event(number, chance) for number in range(count)]

    def keep_report(self, report: Any) -> None:
        """Take what somebody tells of a run, and forget it."""

    def _event(self, number: int, chance: random.Random) -> dict[str, Any]:
        kind = EVENT_TYPES[number % len(EVENT_TYPES)]
        path = f"/{chance.choice(NAMES)}"
        moved = {"rename": f"{path}_renamed", "move": f"/moved{path}"}
        metadata: dict[str, dict[str, Any]] = {
            "create": {"size": INVENTED_BYTES * (number + 1), "mime_type": "application/octet-stream"},
            "change_permission": {"old_permissions": "rw-r--r--", "new_permissions": "rwxr-xr-x"},
        }
        return {
            "event_type": kind,
            "file_path": path,
            "new_path": moved.get(kind),
            "metadata": metadata.get(kind),
            "timestamp": (FIRST + timedelta(minutes=number * 30)).isoformat(),
        }
