"""What the model tests rely on."""

import sqlite3

import pytest

from filesync_dagster_tests.sync.model.world import Place


@pytest.mark.parametrize("table", ["files", "file_changes"])
def test_what_anybody_writes_is_seen(drive, table):
    """What is kept of an earlier look is not taken for what is there now."""
    state = drive(Place("my_drive"))
    state.store.delete(state.world.at("a"))
    state.synced(full=False)
    before = state.inventory.everything()
    with sqlite3.connect(state.stage.database) as database:
        database.execute(f"UPDATE {table} SET path = 'elsewhere'")
    database.close()
    with pytest.raises(AssertionError, match="changed"):
        state.inventory.unchanged_since(before)
