"""Bad input, one by one: one clear sentence on standard error, exit 1, and nothing is lost."""

import os
import shutil
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from filesync_dagster.sync import runtime


def failed(result, *words):
    """Assert that a command failed with one sentence that has these words."""
    assert result.exit_code == 1, result.output
    lines = result.stderr.splitlines()
    assert len(lines) == 1, lines
    assert lines[0].startswith("Error: ")
    assert "unexpected" not in lines[0].lower()
    for word in words:
        assert word in lines[0]


@pytest.fixture
def synced(shell):
    """An endpoint that has been synced once."""
    shell.put("a.txt")
    assert shell.run("sync").exit_code == 0
    return shell


def paths(shell):
    """What the inventory has."""
    return [row["path"] for row in shell.json("files", "docs", "--format", "json")]


def s3(shell, server, bucket, **others):
    """Configure one S3 endpoint."""
    shell.write({"name": "docs", "type": "s3", "endpoint_details": server.details(bucket, **others)})


@pytest.mark.parametrize("command", ["validate", "sync", "status", "test", "up"])
def test_no_configuration(shell, command):
    """The sentence names the file and the way to make one."""
    shell.config.unlink()

    failed(shell.run(command), "endpoints.yaml", "there is no such file", "filesync init")


@pytest.mark.parametrize("command", ["validate", "sync", "up"])
def test_broken_yaml(shell, command):
    """The line is named."""
    shell.config.write_text("endpoints:\n  - name: [oops\n")

    failed(shell.run(command), "endpoints.yaml:", "not YAML")


def test_unknown_type(shell):
    """The types that exist are named."""
    shell.write({**shell.endpoint(), "type": "s4"})

    failed(shell.run("validate"), "endpoints.yaml:", "unknown type 's4'", "s3")


def test_missing_environment_variable(shell):
    """The variable and the way out are named."""
    shell.write(shell.endpoint(project_id="${NOWHERE_SET}"))

    failed(shell.run("validate"), "endpoints.yaml:", "NOWHERE_SET", "is not set")


def test_every_problem_is_reported_at_once(shell):
    """Three mistakes, three lines."""
    shell.write(shell.endpoint(tpye=1), {**shell.endpoint("b"), "type": "s4"}, shell.endpoint("C D"))

    result = shell.run("validate")

    assert result.exit_code == 1
    assert len(result.stderr.splitlines()) == 3
    assert all(line.startswith("Error: ") for line in result.stderr.splitlines())


@pytest.mark.slow
def test_missing_bucket(shell, moto_s3):
    """The bucket is named; nothing was known, nothing is lost."""
    s3(shell, moto_s3, "nowhere-to-be-found")

    failed(shell.run("sync"), "docs:", "nowhere-to-be-found")
    assert shell.run("test").exit_code == 1


def test_wrong_credentials(shell, s3_server):
    """The store does not know the key."""
    s3(shell, s3_server, s3_server.bucket(), access_key_id="somebody", secret_access_key="else")

    failed(shell.run("sync"), "docs:")


def test_unreachable_host(shell, s3_server):
    """Nobody listens there."""
    s3(shell, s3_server, "eng", endpoint_url="http://127.0.0.1:9")

    failed(shell.run("sync"), "docs:", "127.0.0.1:9")


@pytest.mark.slow
def test_no_permission(synced):
    """A folder that may not be read fails the sync; the inventory stays."""
    synced.store.chmod(0o000)
    process = _sync_without_privilege(synced)
    synced.store.chmod(0o755)

    assert process.returncode == 1, process.stderr
    assert "Error: docs: " in process.stderr
    assert "Traceback" not in process.stderr
    assert paths(synced) == ["a.txt"]


@pytest.mark.slow
def test_read_only_home(shell):
    """The home cannot be written; the sentence says which variable sets it."""
    shell.home.mkdir()
    shell.home.chmod(0o555)
    process = _sync_without_privilege(shell)
    shell.home.chmod(0o755)

    assert process.returncode == 1, process.stderr
    assert "Error: " in process.stderr
    assert "Traceback" not in process.stderr
    assert "unexpected" not in process.stderr


def test_closed_outputs(synced):
    """Nobody listens: the work is done, and no file takes the place of an output."""
    synced.put("b.txt")
    command = 'exec "$0" -m filesync_dagster.cli sync >&- 2>&-'
    done = subprocess.run(
        ["sh", "-c", command, sys.executable],
        cwd=synced.folder,
        env={**os.environ, **synced.variables},
        stdin=subprocess.DEVNULL,
        check=False,
    )

    assert done.returncode == 0
    assert paths(synced) == ["a.txt", "b.txt"]


@pytest.mark.slow
def test_no_room_for_the_output(synced):
    """`filesync files docs > file` on a full disk."""
    with Path("/dev/full").open("w") as full, synced.start("files", "docs", stdout=full) as process:
        stderr = process.stderr.read()

    assert process.returncode == 1
    assert stderr.startswith("Error: There is no room left")


@pytest.mark.slow
def test_the_working_folder_is_gone(synced, tmp_path):
    """Somebody removed it meanwhile."""
    gone = tmp_path / "gone"
    gone.mkdir()
    command = 'rmdir "$PWD"; exec "$0" -m filesync_dagster.cli status'
    variables = {**os.environ, **synced.variables, "FILESYNC_HOME": "", "FILESYNC_CONFIG": "endpoints.yaml"}
    done = subprocess.run(
        ["sh", "-c", command, sys.executable], cwd=gone, env=variables, capture_output=True, text=True, check=False
    )

    assert done.returncode == 1
    assert done.stderr.startswith("Error: The folder that this was started in is gone.")


def test_the_home_is_a_file(shell):
    """A file where the home should be."""
    shell.home.write_text("")

    failed(shell.run("sync", "docs"), str(shell.home))


def test_locked_database(synced, monkeypatch):
    """Another process holds the database for too long."""
    monkeypatch.setattr(runtime, "LOCK_SECONDS", 1.0)
    connection = sqlite3.connect(synced.home / "filesync.db", isolation_level=None)
    connection.execute("BEGIN EXCLUSIVE")
    try:
        result = synced.run("sync")
    finally:
        connection.execute("ROLLBACK")
        connection.close()

    assert result.exit_code == 1
    assert "Error: docs: " in result.stderr
    assert "locked" in result.stderr
    assert synced.run("sync").exit_code == 0


def test_absent_database(synced):
    """PostgreSQL is not there; the password is not shown."""
    synced.variables["FILESYNC_DATABASE_URL"] = "postgresql://me:hush@127.0.0.1:9/nothing"

    for command in ("sync", "status"):
        result = synced.run(command)
        failed(result, "127.0.0.1")
        assert "hush" not in result.output


def test_a_file_that_is_no_database(shell):
    """Something else is where the database should be."""
    shell.home.mkdir()
    (shell.home / "filesync.db").write_text("this is not a database, it is a text that somebody put here\n" * 100)

    failed(shell.run("status"), "filesync.db")


def test_corrupted_snapshot(synced):
    """The last snapshot cannot be read: the sync says so, writes it anew from the database, and goes on."""
    synced.put("b.txt")
    for snapshot in synced.home.rglob("snapshots/**/*.parquet"):
        snapshot.write_bytes(b"PAR1 but not really")

    healed = synced.run("sync")
    assert healed.exit_code == 0
    assert "is damaged, or another one. It was written anew, from the database." in healed.stderr
    assert paths(synced) == ["a.txt", "b.txt"]


@pytest.mark.slow
def test_an_unexpected_error_is_a_sentence_and_a_traceback_only_with_debug(synced):
    """Whatever happens, a person gets a sentence."""
    with sqlite3.connect(synced.home / "filesync.db") as connection:
        connection.execute("ALTER TABLE file_changes RENAME TO elsewhere")
    connection.close()

    quiet = synced.start("changes", "docs")
    _, stderr = quiet.communicate()
    assert quiet.returncode == 1
    assert stderr.startswith("Error: ")
    assert stderr.count("\n") == 1
    assert "Traceback" in synced.start("--debug", "changes", "docs").communicate()[1]


def test_usage_errors_keep_their_exit_code(shell):
    """A wrong option is 2, so that a script can tell it from a failed sync."""
    assert shell.run("sync", "--fool").exit_code == 2
    assert shell.run("export", "docs").exit_code == 2


def _sync_without_privilege(shell):
    """Run `sync` so that the modes of files count even for root."""
    prefix = []
    if os.geteuid() == 0:
        if not (setpriv := shutil.which("setpriv")):
            pytest.skip("root cannot give up its privileges without setpriv")
        prefix = [setpriv, "--bounding-set=-dac_override,-dac_read_search,-fowner"]
    return subprocess.run(
        [*prefix, sys.executable, "-m", "filesync_dagster.cli", "sync"],
        env={**os.environ, **shell.variables},
        capture_output=True,
        text=True,
        check=False,
    )
