"""Keys that an older version wrote like others: after an upgrade each keeps its row and its history."""

import pytest
from alembic.migration import MigrationContext
from alembic.operations import Operations

from filesync_dagster.connectors.object_store import rows
from filesync_dagster.storage.database.migrations.versions import v0009_keys_told_apart
from filesync_dagster_tests.sync.projects import Project, live

KEYS = {"plan.pdf": "plan.pdf", "a\\x00b.pdf": "a\\x5cx00b.pdf", "\\x5c.pdf": "\\x5cx5c.pdf"}
"""Keys, and how they are written now."""


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request):
    """Return the address of an empty database, None for SQLite in the home."""
    return None if request.param == "sqlite" else request.getfixturevalue("postgres_url")


def test_rows_of_an_older_version_keep_their_ids(tmp_path, s3_server, database, monkeypatch):
    """Nothing is removed or added, and the journal of a file goes on."""
    bucket = s3_server.bucket()
    for key in KEYS:
        (s3_server.root / bucket / key).write_bytes(key.encode())
    endpoint = {"name": "drawings", "type": "s3", "endpoint_details": s3_server.details(bucket)}
    project = Project(tmp_path, endpoint, database=database)
    with monkeypatch.context() as older, project.open() as filesync:
        older.setattr(rows, "to_storable_text", lambda raw: raw.decode())
        filesync.sync("drawings")
        before = ids(filesync)
        assert before.keys() == KEYS.keys()
        with filesync.runtime.metadata._database.write_transaction() as connection:
            connection.exec_driver_sql(
                "INSERT INTO file_changes (endpoint_id, sync_id, external_id, change, path, observed_at) "
                r"VALUES (1, 's', 'a\x00b.pdf', 'modified', 'a', '2026-01-01 00:00:00')"
            )
            with Operations.context(MigrationContext.configure(connection)):
                v0009_keys_told_apart.upgrade()

    with project.open() as filesync:
        assert ids(filesync) == {KEYS[key]: row for key, row in before.items()}
        with filesync.runtime.metadata._database.read_transaction() as connection:
            journal = connection.exec_driver_sql("SELECT external_id FROM file_changes").scalars()
            assert list(journal) == [KEYS["a\\x00b.pdf"]]
        result = filesync.sync("drawings")
        again = filesync.sync("drawings")
        assert (result.status, result.files_added, result.files_removed, result.files_total) == ("completed", 0, 0, 3)
        assert (again.files_updated, again.files_added, again.files_removed) == (0, 0, 0)
        assert ids(filesync) == {KEYS[key]: row for key, row in before.items()}
        assert {row["external_id"] for row in live(filesync, "drawings")} == set(KEYS.values())


def ids(filesync):
    """Return the ids of the rows in the database by key."""
    with filesync.runtime.metadata._database.read_transaction() as connection:
        found = connection.exec_driver_sql("SELECT external_id, id FROM files WHERE deleted_at IS NULL")
        return dict(found.all())
