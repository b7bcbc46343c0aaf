"""cat and open_file: the content of one file of the inventory."""

import io
import os
import subprocess
import sys
from dataclasses import replace

import pytest

from filesync_dagster.api import Filesync
from filesync_dagster.connectors.google_drive import CONNECTOR
from filesync_dagster.connectors.registry import CONNECTORS
from filesync_dagster.core.content import BLOCK_BYTES
from filesync_dagster.core.errors import StaleSource, UnknownFile
from filesync_dagster.simulators.kit.faults import Fault
from filesync_dagster_tests.connectors.google_drive.place import DrivePlace

BYTES = bytes(range(256)) * 20_000  # several blocks, and no text


@pytest.fixture
def synced(shell):
    """Return a shell with two files, synced; one of them has more than one block."""
    shell.put("folder/large.bin").write_bytes(BYTES)
    shell.put("a.txt", "hello")
    assert shell.run("sync").exit_code == 0
    return shell


def test_the_bytes_as_they_are(synced):
    """On standard output, nothing else; by path and by id."""
    by_path = synced.run("cat", "docs", "folder/large.bin")
    ids = {row["path"]: row["external_id"] for row in synced.json("files", "docs", "--format", "json")}
    by_id = synced.run("cat", "docs", ids["a.txt"], "--id")

    assert (by_path.exit_code, by_path.stdout_bytes, by_path.stderr) == (0, BYTES, "")
    assert by_id.stdout_bytes == b"hello"


def test_a_file_named_with_o_is_whole(synced, tmp_path):
    """It replaces what had its name, with the mode of any new file; nothing lies beside it."""
    target = tmp_path / "out" / "large.bin"
    target.parent.mkdir()
    target.write_text("before")

    done = synced.run("cat", "docs", "folder/large.bin", "-o", str(target))

    assert done.exit_code == 0
    assert f"{len(BYTES):,} bytes written" in done.stderr
    assert target.read_bytes() == BYTES
    assert [file.name for file in target.parent.iterdir()] == ["large.bin"]
    assert target.stat().st_mode & 0o777 == 0o666 & ~_umask()


@pytest.mark.parametrize("output", [True, False])
def test_a_file_that_changed_is_an_error(synced, tmp_path, output):
    """One sentence, and 1; what was under the name stays, and standard output never has the end."""
    (synced.store / "folder/large.bin").write_bytes(BYTES + b"more")
    target = tmp_path / "kept.bin"
    target.write_text("before")

    refused = synced.run("cat", "docs", "folder/large.bin", *(["-o", str(target)] if output else []))

    assert refused.exit_code == 1
    assert "folder/large.bin" in refused.stderr
    assert refused.stdout_bytes == b""
    assert target.read_text() == "before"


def test_what_is_not_known_or_has_no_content(synced, tmp_path):
    """Each is one sentence."""
    for arguments, words in (
        (("docs", "nowhere.txt"), "has no file 'nowhere.txt'"),
        (("docs", "a.txt", "--id"), "file with the id 'a.txt'"),
        (("docs", "folder"), "folder, which has no content"),
        (("docs", "a.txt", "-o", str(tmp_path / "no" / "folder")), "cannot be written"),
    ):
        refused = synced.run("cat", *arguments)
        assert refused.exit_code == 1, arguments
        assert words in refused.stderr


@pytest.mark.slow
def test_a_pipe_that_is_closed_ends_it_quietly(synced):
    """As with every other command: `filesync cat … | head -c 10`."""
    with synced.start("cat", "docs", "folder/large.bin", text=False) as process:
        assert process.stdout.read(10) == BYTES[:10]
        process.stdout.close()
        assert process.stderr.read() == b""
        assert process.wait(60) in {0, 1, 141}


def test_open_file_is_a_binary_file(synced, monkeypatch):
    """Libraries read it; it is proved at its end, and let go of when it is closed."""
    for name, value in synced.variables.items():
        monkeypatch.setenv(name, value)
    with Filesync.open() as fs:
        with fs.open_file("docs", "folder/large.bin") as content:
            assert io.BufferedReader(content).read() == BYTES
            assert content.proved
        with fs.open_file("docs", "folder/large.bin") as content:
            blocks = iter(content)
            assert len(next(blocks)) == BLOCK_BYTES
            with (synced.store / "folder/large.bin").open("ab") as file:
                file.write(b"more")
            with pytest.raises(StaleSource):
                list(blocks)
        with pytest.raises(UnknownFile):
            fs.open_file("docs", "nowhere")


@pytest.fixture
def drive(shell, monkeypatch):
    """Return a simulated My Drive, whose endpoint the shell has."""
    place = DrivePlace()
    opened = replace(CONNECTOR, open=lambda details, meter, **_: place.open(meter))
    monkeypatch.setitem(CONNECTORS, "google_drive", opened)
    details = {"base_url": place.base_url, **place.credentials()}
    shell.write({"name": "docs", "type": "google_drive", "endpoint_details": details})
    return place


def test_two_files_of_one_path_are_told_by_their_ids(shell, drive):
    """Drive has such; documents are exported."""
    made = [drive.store.create("same.txt", content=content) for content in (b"one", b"two")]
    drive.store.create("Plan", kind="document")
    assert shell.run("sync").exit_code == 0

    refused = shell.run("cat", "docs", "same.txt")

    assert refused.exit_code == 1
    assert all(each in refused.stderr for each in made)
    assert [shell.run("cat", "docs", each, "--id").stdout_bytes for each in made] == [b"one", b"two"]
    assert shell.run("cat", "docs", "Plan", "--export", "pdf").stdout_bytes.startswith(b"application/pdf")
    assert "Name a format" in shell.run("cat", "docs", "Plan").stderr


def test_a_content_that_came_wrong_gets_no_name(shell, drive, tmp_path):
    """It is found at its end: what was under the name stays, and nothing lies beside it."""
    drive.write("a.bin", BYTES)
    assert shell.run("sync").exit_code == 0
    target = tmp_path / "out" / "a.bin"
    target.parent.mkdir()
    target.write_text("before")
    drive.plan.add(Fault.FLIP_BIT, operation=drive.content_operation)

    refused = shell.run("cat", "docs", "a.bin", "-o", str(target))

    assert refused.exit_code == 1
    assert "did not come as it is" in refused.stderr
    assert target.read_text() == "before"
    assert [file.name for file in target.parent.iterdir()] == ["a.bin"]


def _umask():
    mask = os.umask(0)
    os.umask(mask)
    return mask


def test_it_starts_without_the_engine_of_dagster():
    """A light command."""
    code = "import sys; from filesync_dagster.cli.cat import cat; print('dagster' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True)
    assert done.stdout.strip() == b"False"
