import os
import sqlite3
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import insert
from sqlalchemy.engine import make_url

from filesync_dagster.core.errors import DatabaseError, DatabaseLocked, DatabaseUnavailable, NotWritable
from filesync_dagster.storage.database import EndpointRecord, Metadata, tables
from filesync_dagster.storage.database.database import Database
from filesync_dagster.storage.database.migrate import HEAD, MIGRATIONS
from filesync_dagster_tests.storage.database.builders import NOW, batch, commit, entry, live, log

OPEN = """
import sys
from filesync_dagster.storage.database import EndpointRecord, Metadata
sys.stdin.readline()
with Metadata.open(sys.argv[1]) as metadata:
    print(metadata.endpoints.register(EndpointRecord("drawings", "s3")))
"""


@pytest.fixture
def url(empty_url, migrated):
    """Return the URL of an empty database: here the migrations themselves are tested."""
    return empty_url


def test_an_empty_database_gets_the_tables_and_keeps_its_rows_when_opened_again(url):
    """Opening is idempotent."""
    with Metadata.open(url) as metadata:
        endpoint = metadata.endpoints.register(EndpointRecord("drawings", "s3"))
        commit(metadata, endpoint, "s1", imported=[batch(entry("a"))])
    with Metadata.open(url) as metadata:
        assert list(live(metadata, endpoint)) == ["a"]


@pytest.mark.filterwarnings("ignore:autogenerate skipping metadata-specified expression-based index:UserWarning")
def test_the_migrations_make_the_tables_that_the_code_knows(metadata):
    """tables.py and the migrations agree, and HEAD is the newest revision."""
    with metadata._database.read_transaction() as connection:
        # Indexes that only the other database has, and one that PostgreSQL spells in its own way.
        of = {"sqlite": ("ix_files_live", "uq_files_endpoint_id_external_id", "ix_files_endpoint_id_parent_id")}
        of["sqlite"] += ("uq_replica_files_path",)
        of["postgresql"] = ("ix_files_live_path", "uq_files_key", "ix_files_external_id", "ix_files_parent_id")
        of["postgresql"] += ("ix_replica_files_external_id", "uq_replica_files_id", "uq_replica_files_path_hash")
        others = {name for kind, names in of.items() if kind != connection.dialect.name for name in names} | {
            "uq_files_key",
            "uq_replica_files_id",
            "uq_replica_files_path_hash",
        }
        opts = {"compare_type": True, "include_object": lambda one, name, *_: name not in others}
        context = MigrationContext.configure(connection, opts=opts)
        assert compare_metadata(context, tables.metadata) == []
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    assert ScriptDirectory.from_config(config).get_heads() == [HEAD]


def test_what_an_older_version_had_taken_is_done(url):
    """It noted no more; what nobody had taken still waits."""
    database = Database(url, patience=10)
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    with database.write_transaction() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "0003")
        for name, taken in (("done", NOW), ("waits", None)):
            row = {"endpoint": name, "full": False, "source": "rest", "requested_at": NOW, "taken_at": taken}
            connection.execute(insert(tables.requests).values(**row))
    database.close()

    with Metadata.open(url) as metadata:
        assert [request.endpoint for request in metadata.requests.read()] == ["waits"]


def test_old_logs_learn_what_was_restored_and_add_up(url):
    """The journal tells which of the updated files came back from a trash; then it is known how many there were."""
    database = Database(url, patience=10)
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    counts = {
        "files_processed": 5,
        "files_moved": 0,
        "files_repathed": 0,
        "bytes_total": 0,
        "api_calls": 0,
        "retries": 0,
    }
    row = {
        "endpoint_id": 1, "sync_started": NOW, "sync_completed": NOW, "mode": "full", "sync_duration": 1.0,
        "throttled_seconds": 0.0, "warnings": [], **counts,
    }  # fmt: skip
    with database.write_transaction() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "0004")
        endpoint = {"name": "docs", "endpoint_type": "local", "endpoint_details": {}, "is_active": True}
        connection.execute(insert(tables.endpoints).values(id=1, **endpoint, created_at=NOW, updated_at=NOW))
        numbers = ("files_added", "files_updated", "files_removed", "files_left_scope", "files_total")
        for name, status, values in (
            ("first", "completed", (54, 0, 0, 0, 54)),
            ("second", "completed", (3, 2, 1, 0, 57)),
            ("third", "failed", (0, 0, 0, 0, 0)),
        ):
            said = dict(zip(numbers, values, strict=True))
            connection.execute(insert(tables.sync_logs).values(id=name, sync_status=status, **said, **row))
        for one, kind in (("a", "file"), ("b", "folder")):
            file = {"external_id": one, "title": one, "name": one, "name_search": one, "path": one, "kind": kind}
            times = dict.fromkeys(("first_seen_at", "last_seen_at", "created_at", "updated_at"), NOW)
            connection.execute(insert(tables.files).values(endpoint_id=1, scope="", **file, **times))
            change = {"external_id": one, "change": "restored", "path": one, "observed_at": NOW}
            connection.execute(insert(tables.file_changes).values(endpoint_id=1, sync_id="second", **change))
    database.close()

    with Metadata.open(url) as metadata:
        told = {one: metadata.syncs.get(one) for one in ("first", "second", "third")}
    assert (told["second"].files_restored, told["second"].files_updated) == (1, 1)
    assert [told[one].files_before for one in told] == [0, 54, None]


def test_syncs_of_an_older_version_are_in_the_order_in_which_they_ended(url):
    """What comes later comes after them, whatever the clock says by then."""
    database, config = Database(url, patience=10), Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    with database.write_transaction() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "0005")
        connection.exec_driver_sql(
            "INSERT INTO endpoints (id, name, endpoint_type, endpoint_details, is_active, created_at, updated_at)"
            " VALUES (1, 'drawings', 's3', '{}', true, '2026-03-01', '2026-03-01')"
        )
        connection.exec_driver_sql(
            "INSERT INTO endpoint_state (endpoint_id, files_total, bytes_total, updated_at)"
            " VALUES (1, 0, 0, '2026-03-01')"
        )
        for name, minutes in (("later", 2), ("earlier", 1)):
            values = asdict(log(1, name, minutes))
            values = {column: value for column, value in values.items() if column not in {"seq", "confirmed_by"}}
            connection.execute(insert(tables.sync_logs).values(**values))
    database.close()

    with Metadata.open(url) as metadata:
        metadata.syncs.record(log(1, "last", -60))
        assert [one.id for one in metadata.syncs.between(1)] == ["last", "later", "earlier"]
        assert metadata.endpoints.state(1).seq == metadata.syncs.get("later").seq


def test_processes_may_create_the_database_at_once(url):
    """One of them migrates, all of them work."""
    opening = [sys.executable, "-c", OPEN, url]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    processes = [subprocess.Popen(opening, **pipes) for _ in range(4)]
    for process in processes:
        process.stdin.write("\n")
        process.stdin.flush()
    outputs = [process.communicate(timeout=120) for process in processes]
    assert [output for output, _ in outputs] == ["1\n"] * 4, outputs


def test_a_database_of_a_newer_version_is_refused(url):
    """It says so, and what to do."""
    with Metadata.open(url) as metadata, metadata._database.write_transaction() as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(DatabaseError, match="another version") as refusal:
        Metadata.open(url)
    assert refusal.value.hint == "Upgrade filesync."


def test_a_locked_sqlite_database_is_reported_after_some_patience(tmp_path):
    """The other process is named as the reason; nothing is written."""
    url = f"sqlite:///{tmp_path}/filesync.db"
    with Metadata.open(url, patience=0.2) as metadata:
        endpoint = metadata.endpoints.register(EndpointRecord("drawings", "s3"))
        other = sqlite3.connect(tmp_path / "filesync.db", isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(DatabaseLocked, match="locked by another process"):
            metadata.syncs.record(log(endpoint, "s1"))
        other.execute("ROLLBACK")
        other.close()
        metadata.syncs.record(log(endpoint, "s1"))


def test_readers_do_not_wait_for_a_writer(tmp_path):
    """`filesync files` works while a sync commits."""
    url = f"sqlite:///{tmp_path}/filesync.db"
    with Metadata.open(url, patience=0.2) as metadata:
        endpoint = metadata.endpoints.register(EndpointRecord("drawings", "s3"))
        with metadata._database.write_transaction():
            assert live(metadata, endpoint) == {}


def test_a_sqlite_file_that_may_only_be_read_is_reported(tmp_path):
    """A read-only database names the file."""
    Metadata.open(f"sqlite:///{tmp_path}/filesync.db").close()
    url = f"sqlite:///file:{tmp_path}/filesync.db?mode=ro&uri=true"
    with Metadata.open(url) as metadata, pytest.raises(NotWritable, match=r"filesync\.db"):
        metadata.endpoints.register(EndpointRecord("drawings", "s3"))


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root to become somebody else")
def test_a_folder_that_may_only_be_read_is_reported_to_the_user_who_may_not(tmp_path):
    """The border maps what the operating system refuses; tried as a user without rights."""
    Metadata.open(f"sqlite:///{tmp_path}/filesync.db", private=False).close()
    for folder in (tmp_path, *tmp_path.parents):
        if folder.stat().st_uid == os.geteuid() and not folder.stat().st_mode & 0o001 and str(folder).count("/") > 1:
            folder.chmod(folder.stat().st_mode | 0o055)
    pid = os.fork()
    if pid == 0:  # the child has no rights and ends without pytest noticing
        os.seteuid(65534)
        try:
            with Metadata.open(f"sqlite:///{tmp_path}/filesync.db", patience=0.2) as metadata:
                metadata.endpoints.register(EndpointRecord("drawings", "s3"))
        except NotWritable:
            os._exit(0)
        except BaseException:  # noqa: BLE001 - the child only has an exit code to tell
            os._exit(2)
        os._exit(1)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0


@pytest.mark.parametrize("name", ["missing/filesync.db", "folder", "text"])
def test_a_sqlite_file_that_cannot_be_opened_is_reported(tmp_path, name):
    """A missing folder, a folder and a file of another kind: one sentence each."""
    (tmp_path / "folder").mkdir()
    (tmp_path / "text").write_text("not a database, but long enough to look for a header " * 20)
    with pytest.raises(DatabaseUnavailable, match=name):
        Metadata.open(f"sqlite:///{tmp_path}/{name}")


@pytest.mark.parametrize(
    "url",
    [
        "sqlite://",
        "sqlite:///:memory:",
        "mysql://u:hunter2@h/d",
        "hunter2",
        "postgresql://u:hunter2@h:port/d",
        "postgresql://u:a@hunter2@127.0.0.1:1/d",
        "postgres://u:a@b#hunter2@127.0.0.1:1/d",
    ],
)
def test_a_url_that_cannot_be_used_is_reported_without_showing_it(url):
    """No part of a wrong URL is shown, for it may be the password."""
    with pytest.raises(DatabaseUnavailable) as refusal:
        Metadata.open(url)
    assert "hunter2" not in str(refusal.value)
    assert refusal.value.hint


@pytest.mark.parametrize("scheme", ["postgresql", "postgres"])
def test_an_unreachable_postgresql_is_reported_without_the_password(scheme):
    """The message shows where, not the secret, neither in the URL nor in its parameters."""
    url = f"{scheme}://user:hunter2@127.0.0.1:1/files?password=hunter2&sslmode=disable"
    with pytest.raises(DatabaseUnavailable, match=r"127\.0\.0\.1:1/files") as refusal:
        Metadata.open(url)
    assert "hunter2" not in str(refusal.value)
    assert "hunter2" not in repr(refusal.value.__cause__)


def test_an_absent_postgresql_database_is_reported(postgres_url):
    """The server runs, the database does not exist."""
    url = make_url(postgres_url).set(database="absent", password="hunter2").render_as_string(hide_password=False)
    with pytest.raises(DatabaseUnavailable, match="absent") as refusal:
        Metadata.open(url)
    assert "hunter2" not in str(refusal.value)


def test_a_connection_that_the_server_closed_is_replaced(postgres_url):
    """A restart of PostgreSQL between two syncs costs nothing."""
    with Metadata.open(postgres_url) as metadata, Metadata.open(postgres_url) as other:
        metadata.endpoints.states()
        with other._database.read_transaction() as connection:
            connection.exec_driver_sql(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
        assert metadata.endpoints.states() == {}


def test_a_full_disk_is_reported(tmp_path):
    """The commit fails with a sentence and changes nothing."""
    from filesync_dagster.core.errors import OutOfSpace

    with Metadata.open(f"sqlite:///{tmp_path}/filesync.db") as metadata:
        endpoint = metadata.endpoints.register(EndpointRecord("drawings", "s3"))
        with metadata._database.engine.connect() as connection:
            pages = connection.exec_driver_sql("PRAGMA page_count").scalar()
            connection.exec_driver_sql(f"PRAGMA max_page_count = {pages}")
        with pytest.raises(OutOfSpace, match="no room left"):
            commit(metadata, endpoint, "s1", imported=[batch(*(entry(f"{n}") for n in range(2000)))])
        assert live(metadata, endpoint) == {}


def test_staging_files_of_dead_processes_are_swept(tmp_path):
    """A sync that was killed leaves a file; the next commit of anybody removes it."""
    from filesync_dagster.storage.database.processes import Process
    from filesync_dagster.storage.database.staging import _word

    left = tmp_path / f"incoming-{_word(Process.current().boot)}-{2**22 + 1}-1-abcd.sqlite"
    left.touch()
    with Metadata.open(f"sqlite:///{tmp_path}/filesync.db") as metadata:
        endpoint = metadata.endpoints.register(EndpointRecord("drawings", "s3"))
        commit(metadata, endpoint, "s1", imported=[batch(entry("a"))])
    assert not left.exists()
    assert not list(Path(tmp_path).glob("incoming-*"))


WRITE_AND_LEAVE = """
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1])
connection.execute("CREATE TABLE of_another_process (a)")
connection.commit()
connection.close()
"""


def test_opening_again_lets_go_of_no_lock(tmp_path):
    """Whoever has it open keeps the log that is theirs when another process comes and goes."""
    path = tmp_path / "filesync.db"
    with Metadata.open(f"sqlite:///{path}") as metadata:
        metadata.endpoints.register(EndpointRecord("drawings", "s3"))
        Metadata.open(f"sqlite:///{path}").close()
        subprocess.run([sys.executable, "-c", WRITE_AND_LEAVE, str(path)], check=True)
        assert path.with_name("filesync.db-wal").exists()
        assert list(metadata.endpoints.ids()) == ["drawings"]
