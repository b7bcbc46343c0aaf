"""A sync that finds nothing new: most syncs of most endpoints, so each of them is cheap."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from filesync_dagster.core.model import SyncMode, SyncStatus
from filesync_dagster.storage.database import CheckpointRecord
from filesync_dagster_tests.databases import recorded_statements
from filesync_dagster_tests.sync.projects import Project, live

STATEMENTS_MAX = 10
"""Of one sync that finds nothing new."""


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request):
    """Return the address of a metadata database; None is SQLite in the home."""
    return request.getfixturevalue("postgres_url") if request.param == "postgresql" else None


@pytest.fixture
def project(tmp_path, database):
    """Return a project with a folder of three files that was synced twice."""
    files = tmp_path / "files"
    files.mkdir()
    for number in range(3):
        (files / f"{number}.txt").write_text(str(number))
    entry = {"name": "docs", "type": "local", "endpoint_details": {"path": str(files)}}
    return Project(tmp_path / "project", entry, database=database)


def test_a_listing_that_finds_nothing_new_asks_the_database_ten_times_at_most(project):
    """Its log and its state are written all the same."""
    with project.open() as filesync:
        first, _ = filesync.sync("docs"), filesync.sync("docs")
        with recorded_statements() as asked:
            result = filesync.sync("docs")
        assert len(asked) <= STATEMENTS_MAX, "\n".join(asked)
        metadata = filesync.runtime.metadata
        log, state = metadata.syncs.get(result.sync_id), metadata.endpoints.states()["docs"]
        assert (log.sync_status, log.files_total, log.snapshot_uri) == (SyncStatus.COMPLETED, 3, first.snapshot_uri)
        assert (state.seq, state.as_of, state.snapshot_sync_id) == (log.seq, log.as_of, first.sync_id)
        assert metadata.leases.current() == []
        assert len(live(filesync, "docs")) == 3


def test_the_question_at_the_beginning_sees_what_the_sync_before_left(project):
    """A failure, a checkpoint, a breaker, changes on top of a snapshot: each is told, none is made up."""
    with project.open() as filesync:
        endpoint_id = filesync.runtime.register(filesync.config.endpoint("docs"))
        endpoints, syncs = filesync.runtime.metadata.endpoints, filesync.runtime.metadata.syncs
        blank = endpoints.sync_start(endpoint_id)
        assert blank == replace(blank, snapshot_digest=None, last_status=None, has_checkpoints=False)
        assert blank.state == endpoints.state(endpoint_id)
        filesync.sync("docs")
        whole = endpoints.sync_start(endpoint_id)
        log = syncs.get(whole.state.snapshot_sync_id)
        assert whole.state == endpoints.state(endpoint_id)
        assert whole.breaker == endpoints.breaker(endpoint_id)
        assert whole.snapshot_digest == filesync.runtime.digest_of(whole.state.snapshot_uri) is not None
        assert (whole.has_later_changes, whole.has_checkpoints) == (False, False)
        assert (whole.last_status, whole.last_completed) == (SyncStatus.COMPLETED, log.sync_completed)

        endpoints.save_breaker(replace(whole.breaker, failures=3, reason="it is down"))
        later = replace(log, id="later", seq=0, mode=SyncMode.INCREMENTAL, changes_uri="changes")
        syncs.record(later)
        assert not endpoints.sync_start(endpoint_id).has_later_changes, "the state does not know of it"
        with filesync.runtime.metadata.leases.hold(endpoint_id) as lease:
            filesync.runtime.metadata.checkpoints.save(lease, begun_listing())
            filesync.runtime.metadata.syncs.rebase(lease, "later", whole.state.snapshot_uri)
        syncs.record(replace(log, id="failed", seq=0, sync_status=SyncStatus.FAILED))
        found = endpoints.sync_start(endpoint_id)
        assert (found.breaker.failures, found.breaker.reason) == (3, "it is down")
        assert (found.has_checkpoints, found.last_status) == (True, SyncStatus.FAILED)


def begun_listing():
    """Return the checkpoint of a listing that was begun."""
    now = datetime.now(UTC)
    return CheckpointRecord("", "listing", "here", 0, 0, complete=False, unread=(), selection="", location="",
                            started_at=now, updated_at=now)  # fmt: skip
