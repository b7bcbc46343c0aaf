"""What a file manager is told of a run, as its protocol words it."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

MAX_ERRORS: Final = 100
KINDS: Final = {
    "create": "created", "update": "updated", "move": "moved", "delete": "deleted", "change_permission": "permissions"
}  # fmt: skip


def report_of(run: Mapping[str, Any]) -> dict[str, Any]:
    """Return the body of `reportResults` for a run, given as the fields of its result.

    No path of this machine and no secret is in it: `database_path` is the name of the replication.

    >>> report_of({"replication": "a", "created": 2, "status": "completed"})["statistics"]["operations_processed"]
    2
    """

    def number(name: str) -> int:
        found = run.get(name)
        return found if isinstance(found, int) else 0

    counts = {kind: number(name) for kind, name in KINDS.items()}
    failed = number("failed") + number("stale") + number("foreign")
    done = sum(counts.values())
    errors = [str(error) for error in (run.get("error"), *run.get("errors", ()), *run.get("warnings", ())) if error]
    return {
        "sync_type": "initial" if str(run.get("scope")) == "initial" else "incremental",
        "timestamp": datetime.now(UTC).isoformat(),
        "success": run.get("status") == "completed",
        "duration_seconds": run.get("duration_seconds", 0.0),
        "statistics": {
            "events_processed": done + failed,
            "operations_processed": done,
            "operations_failed": failed,
            "files_processed": counts["create"] + counts["update"],
            "files_failed": failed,
            "total_size": number("bytes_sent"),
        },
        "event_counts": counts,
        "errors": errors[:MAX_ERRORS],
        "service_info": {
            "database_path": str(run.get("replication", "")),
            "customer_bucket": str(run.get("source", "")),
            "record_count": number("files_total"),
        },
    }
