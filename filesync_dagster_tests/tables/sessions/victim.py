"""Workers that are killed: each in a fork of this process, at one point of its work, by itself and with SIGKILL.

One process for many of them: to import what a worker needs takes longer than what it does here.
"""

import json
import os
import signal
import sys
import tempfile
from pathlib import Path

from filesync_dagster.config import load_config, read_environment
from filesync_dagster.storage.database.processes import Process
from filesync_dagster.storage.database.sessions import SessionRepository
from filesync_dagster.storage.snapshots.roots import FolderRoot
from filesync_dagster.sync.runtime import Runtime
from filesync_dagster.tables.sessions import inputs, run  # noqa: F401 - what a worker would import late
from filesync_dagster.tables.sessions.files import SessionStore
from filesync_dagster.tables.sessions.progress import SessionWatch
from filesync_dagster.tables.sessions.worker import work

STAGES = ("reading", "fitting", "generating", "checking", "exporting")
POINTS = (*STAGES, "first file is there", "before the commit", "after the commit")


def die():
    """End this process as the kernel would."""
    os.kill(os.getpid(), signal.SIGKILL)


def wrap(owner, name, *, before=lambda *_: None, after=lambda *_: None):
    """Have something done before and after a method."""
    original = getattr(owner, name)

    def replaced(self, *args, **kwargs):
        before(*args)
        found = original(self, *args, **kwargs)
        after(*args)
        return found

    setattr(owner, name, replaced)


def die_at(point, times):
    """Let this process kill itself at a point; of a stage, at its n-th step."""
    left = iter(range(times))

    def count(*_):
        if next(left, -1) in {-1, times - 1}:
            die()

    if point in STAGES:
        entered = []
        wrap(
            SessionWatch, "enter", after=lambda stage: (entered.append(stage), times == 1 and stage == point and die())
        )
        wrap(SessionWatch, "step", after=lambda *_: entered[-1:] == [point] and count())
    elif point == "first file is there":
        wrap(FolderRoot, "put", after=lambda _, key: key.startswith("sessions/") and count())
    else:
        kind = "before" if point.startswith("before") else "after"
        wrap(SessionRepository, "finish", **{kind: lambda *args: args[2] == "completed" and die()})


def run_one(config, variables, session_id, point, times):
    """Work on a session until its end, or that of the process."""
    if point:
        die_at(point, times)
    runtime = Runtime(load_config(read_environment(Path(config), variables)))
    me = Process.current()
    record = runtime.metadata.sessions.begin(session_id, me)
    tempfile.tempdir = str(SessionStore(runtime).scratch_folder(session_id))
    work(runtime, record, me, {})
    runtime.close()


def main(config, variables, jobs):
    """Fork a worker for each job, one after the other; print how each ended."""
    for session_id, point, times in jobs:
        pid = os.fork()
        if not pid:
            run_one(config, variables, session_id, point, times)
            os._exit(0)
        _, status = os.waitpid(pid, 0)
        sys.stdout.write(f"{os.waitstatus_to_exitcode(status)}\n")


if __name__ == "__main__":
    main(sys.argv[1], json.loads(sys.argv[2]), json.loads(sys.argv[3]))
