"""A replication in a process of its own, to be killed: by whoever started it, or by itself at one point of its work."""

import json
import os
import signal
import sys
from dataclasses import astuple
from pathlib import Path
from typing import Any

from filesync_dagster.api import Filesync
from filesync_dagster.config import load_config, read_environment
from filesync_dagster.connectors.rest.retry import RetryPolicy
from filesync_dagster.replication import copy
from filesync_dagster.testing import IMPATIENT

READY = "ready"
"""What is printed just before it begins."""

IMPATIENCE = astuple(IMPATIENT)
"""The defaults of a RetryPolicy, in tests."""

POINTS: dict[str, tuple[str, str, bool]] = {
    # point: what is wrapped, and whether it dies after it, or before it
    "plan written": ("filesync_dagster.storage.database.plans:PlanRepository", "add", True),
    "plan begun": ("filesync_dagster.storage.database.plans:PlanRepository", "begin", True),
    "operation marked": ("filesync_dagster.storage.database.plans:PlanRepository", "begin_operations", True),
    "first block": ("filesync_dagster.replication.copy:Copier", "_pass", True),
    "mid-part": ("filesync_dagster.replication.copy:Copier", "_pass", True),
    "before publish": ("filesync_dagster.connectors.local.destination:LocalDestination", "_publish", False),
    "before put": ("filesync_dagster.connectors.s3.objects:ObjectCalls", "ask", False),
    "before complete": ("filesync_dagster.connectors.s3.multipart:MultipartUploads", "complete", False),
    "after publish": ("filesync_dagster.connectors.local.destination:LocalDestination", "write", True),
    "after put": ("filesync_dagster.connectors.s3.destination:S3Destination", "write", True),
    "before commit": ("filesync_dagster.storage.database.plans:PlanRepository", "finish_operations", False),
    "after commit": ("filesync_dagster.storage.database.plans:PlanRepository", "finish_operations", True),
    "before the end": ("filesync_dagster.storage.database.plans:PlanRepository", "finish", False),
}


def be_patient_for_tests() -> None:
    """Wait as good as nothing between attempts, from now on in this process."""
    RetryPolicy.__init__.__defaults__ = IMPATIENCE
    copy.PAUSE_SECONDS = 0.01  # type: ignore[misc]


def die_at(point: str, times: int) -> None:
    """Let this process kill itself when it comes to a point for the n-th time."""
    where, name, is_after = POINTS[point]
    module, _, kind = where.partition(":")
    owner = getattr(sys.modules.get(module) or __import__(module, fromlist=[kind]), kind)
    original = getattr(owner, name)
    left = iter(range(times))

    def wrapped(*args: Any, **kwargs: Any) -> Any:
        if not is_after and next(left, -1) in {-1, times - 1}:
            os.kill(os.getpid(), signal.SIGKILL)
        result = original(*args, **kwargs)
        if is_after and next(left, -1) in {-1, times - 1}:
            os.kill(os.getpid(), signal.SIGKILL)
        return result

    setattr(owner, name, wrapped)


def main(config: str, variables: str, name: str, point: str, times: str) -> None:
    """Replicate, and print what came of it."""
    be_patient_for_tests()
    with Filesync(load_config(read_environment(Path(config), json.loads(variables)))) as filesync:
        if point:
            die_at(point, int(times))
        sys.stdout.write(f"{READY}\n")
        sys.stdout.flush()
        result = filesync.replications.replicate(name)
        sys.stdout.write(json.dumps(result.as_dict()) + "\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
