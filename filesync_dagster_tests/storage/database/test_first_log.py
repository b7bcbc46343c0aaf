"""The log of a sync that has committed stands, whatever fails afterwards."""

from filesync_dagster.core.model import SyncStatus
from filesync_dagster_tests.storage.database.builders import commit, log


def test_a_failure_after_the_commit_does_not_replace_its_log(metadata, endpoint):
    """An answer to a commit may get lost on its way: the sync seems to fail, and did not."""
    commit(metadata, endpoint, "s1", 10)
    before = metadata.syncs.get("s1")
    metadata.syncs.record(log(endpoint, "s1", 11, SyncStatus.FAILED))
    assert metadata.syncs.get("s1") == before
