"""A worker that is killed anywhere leaves a session that says so and no file, or one that is whole."""

import json
import subprocess
import sys
import threading
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import update

from filesync_dagster.core.clock import set_back
from filesync_dagster.core.encryption import SecretBox
from filesync_dagster.storage.database.data_tables import sessions as rows
from filesync_dagster.storage.database.data_tables import uploads as uploads_table
from filesync_dagster.storage.database.processes import Process
from filesync_dagster.tables.catalog.contexts import upload_store
from filesync_dagster.tables.sessions.dispatch import SessionDispatcher
from filesync_dagster.tables.sessions.retention import maintain_generations
from filesync_dagster.tables.sessions.secrets import SessionSecrets
from filesync_dagster_tests.tables.sessions.places import (
    ask,
    files_of,
    place_at,
    require_whole,
    variables_of,
    wait_for,
)
from filesync_dagster_tests.tables.sessions.victim import POINTS

KILLED = -9


def kill_workers(folder, jobs):
    """Have workers of sessions killed at points; return how each ended."""
    command = [sys.executable, "-m", "filesync_dagster_tests.tables.sessions.victim", str(folder / "endpoints.yaml")]
    done = subprocess.run(
        [*command, json.dumps(variables_of(folder)), json.dumps(jobs)],
        stdout=subprocess.PIPE,
        text=True,
        check=True,
        timeout=500,
    )
    return [int(line) for line in done.stdout.split()]


@contextmanager
def dispatcher_of(runtime):
    """Have the sessions of a place worked on, as a server that starts does."""

    @contextmanager
    def lend():
        yield runtime

    secrets = SessionSecrets(SecretBox(()))
    dispatcher = SessionDispatcher(lend, lambda: secrets, threading.Event(), threading.Event())
    dispatcher.start()
    try:
        yield dispatcher
    finally:
        dispatcher.stop()


def kill_everywhere(folder, runs, **request):
    """Kill a worker at each point, several times, and look at what a server finds that starts then."""
    with place_at(folder) as runtime:
        jobs = [(ask(runtime, **request).id, point, times) for point in POINTS for times in runs]
        ends = kill_workers(folder, jobs)
        # A stage may have fewer steps than the one before which a worker was to be killed: then it came to its end.
        assert all(end == KILLED or (end == 0 and times > 1) for end, (_, _, times) in zip(ends, jobs, strict=True))
        is_whole = {
            session_id: end == 0 or point == "after the commit"
            for end, (session_id, point, _) in zip(ends, jobs, strict=True)
        }
        with dispatcher_of(runtime):
            for session_id, has_files in is_whole.items():
                record = wait_for(runtime, session_id)
                if has_files:
                    assert record.state == "completed"
                    require_whole(runtime, session_id)
                    continue
                assert (record.state, record.error_code) == ("failed", "interrupted")
                assert runtime.metadata.session_files.of(session_id) == []
        for session_id, has_files in is_whole.items():
            assert (files_of(runtime, session_id) != []) == has_files


def test_a_worker_that_is_killed_leaves_nothing_half_done(tmp_path):
    """In each stage, with some files in their places, and right before and after the commit."""
    kill_everywhere(tmp_path, [1])


@pytest.mark.slow
def test_a_worker_is_killed_later_in_its_stages(tmp_path):
    """The same at the first, the second and the third step of each stage."""
    kill_everywhere(tmp_path, [1, 2, 3], scale=3)


def test_what_runs_again_gives_the_same_data(tmp_path):
    """A session that was interrupted is run again with its seed: its files are those of one that nobody killed."""
    with place_at(tmp_path) as runtime:
        first, second = ask(runtime, random_seed=7), ask(runtime, random_seed=7)
        assert kill_workers(tmp_path, [(first.id, "", 1), (second.id, "", 1)]) == [0, 0]
        hashes = [
            {file.name: file.sha256 for file in runtime.metadata.session_files.of(one.id) if file.kind != "report"}
            for one in (first, second)
        ]
        assert hashes[0] == hashes[1]
        assert len(hashes[0]) == 4


def test_a_worker_that_lives_is_not_given_up(tmp_path):
    """However long it says nothing: a machine may be so busy that it cannot. One of another machine is."""
    with place_at(tmp_path) as runtime:
        here, elsewhere = ask(runtime).id, ask(runtime).id
        sessions, me = runtime.metadata.sessions, Process.current()
        sessions.begin(here, me)
        sessions.begin(elsewhere, replace(me, host="another"))
        with runtime.metadata._database.write_transaction() as connection:
            connection.execute(update(rows).values(worker_seen_at=datetime.now(UTC) - timedelta(hours=1)))
        gone = sessions.interrupt_dead(keep=timedelta(days=1), sentence="Gone.", hint="")

        assert gone == [elsewhere]
        assert (sessions.get(here).state, sessions.get(elsewhere).error_code) == ("reading", "interrupted")


def test_what_is_past_its_time_goes(tmp_path):
    """With its files, unless somebody pinned it."""
    with place_at(tmp_path) as runtime:
        ids = [ask(runtime).id for _ in range(2)]
        for session_id in ids:
            runtime.metadata.sessions.ask_cancel(session_id, keep=timedelta(days=-1))
        runtime.metadata.sessions.pin(ids[0], pinned=True)

        for name in ("ended", "goes on"):
            runtime.metadata.read_jobs.add(name, name, "ann", (), row_limit=None, queued_max=10)
        runtime.metadata.read_jobs.finish("ended", "completed")
        runtime.metadata.audit.add("ann", "source.tested", "shop")
        content = b"a\n1\n"
        uploads = upload_store(runtime)
        sent = uploads.create("a.csv", len(content), "ann")
        now = {"sessions": 1, "sent_files": 0, "reads": 0, "audit_rows": 0}
        assert maintain_generations(runtime, dry_run=True) == now
        assert maintain_generations(runtime) == now
        with set_back(timedelta(days=-500)):
            late = {"sessions": 0, "sent_files": 0, "reads": 1, "audit_rows": 1}
            assert maintain_generations(runtime, dry_run=True) == late
            assert maintain_generations(runtime) == late
        assert [one.id for one in runtime.metadata.read_jobs.newest()] == ["goes on"]
        with runtime.metadata._database.write_transaction() as connection:
            connection.execute(update(uploads_table).values(expires_at=datetime.now(UTC) - timedelta(days=1)))
        assert [maintain_generations(runtime, dry_run=dry)["sent_files"] for dry in (True, False, False)] == [1, 1, 0]
        assert runtime.metadata.uploads.find(sent.id) is None
        assert runtime.metadata.sessions.ids() == {ids[0]}
