"""`filesync search`, `filesync tree`, and parts of `filesync files`."""

import csv
import io
import os
import pty
import re
import select
import time

import pytest


@pytest.fixture
def synced(shell):
    """An inventory of two endpoints with the same files."""
    shell.put("contracts/steel.pdf", "x" * 3000)
    shell.put("contracts/2025/glass.pdf", "x" * 100)
    shell.put("photos/Site.jpg", "x" * 50)
    shell.write(shell.endpoint(), shell.endpoint("copy"))
    assert shell.run("sync").exit_code == 0
    return shell


def test_files_are_found_over_all_endpoints(synced):
    """As a table, csv and json; nothing found is exit code 1."""
    table = synced.run("search", "SITE")
    assert sorted(line.split()[0] for line in table.stdout.splitlines()) == ["copy", "docs", "endpoint"]
    rows = synced.json("search", "*.pdf", "--endpoint", "docs", "--min-size", "1KiB", "--format", "json")
    assert [(row["endpoint"], row["path"], row["size"]) for row in rows] == [("docs", "contracts/steel.pdf", 3000)]
    text = synced.run("search", "--path", "contracts/2025", "--endpoint", "docs", "--format", "csv").stdout
    assert [row["path"] for row in csv.DictReader(io.StringIO(text))] == ["contracts/2025", "contracts/2025/glass.pdf"]
    nothing = synced.run("search", "zebra")
    assert (nothing.exit_code, nothing.stdout, nothing.stderr) == (1, "", "Nothing is found.\n")
    assert synced.run("search", "pdf", "--modified-before", "2020-01-01").exit_code == 1
    assert synced.run("search", "pdf", "--modified-after", "2020-01-01").exit_code == 0


def test_a_search_is_bounded(synced, monkeypatch):
    """A table says when there is more; a limit is a limit."""
    monkeypatch.setattr("filesync_dagster.cli.search.TABLE_ROWS", 2)
    result = synced.run("search", "pdf")
    assert len(result.stdout.splitlines()) == 3
    assert "There are more than 2" in result.stderr
    assert len(synced.json("search", "pdf", "--format", "json")) == 4
    assert len(synced.json("search", "pdf", "--format", "json", "--limit", "3")) == 3


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["search"], "Say what to find"),
        (["search", "[a"], "never closed"),
        (["search", "a", "--path", "/x*"], "begins with a slash"),
        (["search", "a", "--min-size", "10 parsecs"], "is not a size"),
        (["search", "a", "--min-size=-5"], "is not a size"),
        (["search", "a", "--endpoint", "nope"], "nope"),
        (["files", "docs", "--path", "[a"], "never closed"),
        (["tree", "docs", "nope"], "no folder 'nope'"),
        (["tree", "docs", "-i"], "needs a terminal"),
    ],
)
def test_what_cannot_be_looked_for_is_a_sentence(synced, arguments, says):
    """No traceback."""
    result = synced.run(*arguments)
    assert result.exit_code in {1, 2}
    assert says in result.stderr
    assert result.stdout == ""


def test_files_of_a_place(synced):
    """Live ones, past ones, gone ones; up to a limit."""

    def paths(*arguments):
        return [row["path"] for row in synced.json("files", "docs", "--format", "json", *arguments)]

    below = ["contracts", "contracts/2025", "contracts/2025/glass.pdf", "contracts/steel.pdf"]
    assert (
        paths("--path", "contracts") == paths("--path", "contracts/") == paths("--path", "contracts", "--all") == below
    )
    assert paths("--path", "**/*.pdf") == paths("--path", "**/*.pdf", "--as-of", "0s") == below[2:]
    assert paths("--path", "contracts", "--as-of", "0s") == below
    assert paths("--limit", "2") == below[:2]
    assert paths("--path", "**/*.pdf", "--limit", "1") == below[2:3]
    assert paths("--path", "contract") == []


def test_a_tree_shows_what_takes_the_space(synced):
    """The largest first, as deep as is asked for; what is cut off is told."""
    assert [line.split()[-1] for line in synced.run("tree", "docs").stdout.splitlines()] == ["/", "files)", "file)"]
    deep = synced.run("tree", "docs", "--depth", "3").stdout
    assert [line.rpartition("]  ")[2] for line in deep.splitlines()[1:]] == [
        "contracts/  (2 files)",
        "  steel.pdf",
        "  2025/  (1 file)",
        "    glass.pdf",
        "photos/  (1 file)",
        "  Site.jpg",
    ]
    assert "… and 1 file more" in synced.run("tree", "docs", "--limit", "1").stdout
    rows = synced.json("tree", "docs", "contracts/", "--json")
    assert rows[0] == {"path": "contracts/steel.pdf", "folder": False, "files": 1, "bytes": 3000}


@pytest.mark.slow
def test_a_tree_is_walked_through_on_a_terminal(synced):
    """Down, into a folder, back, out; the terminal is given back as it was."""
    master, slave = pty.openpty()
    environment = {**os.environ, **synced.variables, "TERM": "xterm-256color"}
    with synced.start("tree", "docs", "-i", env=environment, stdin=slave, stdout=slave, stderr=slave) as process:
        os.close(slave)
        screens = []
        for key in (b"\x1b[C", b"\x1b[B", b"\r", b"\x1b[D", b"h", b"q"):
            screens.append(_screen(master))
            os.write(master, key)
        rest = _screen(master)
        assert process.wait(30) == 0
    os.close(master)
    titles = [re.search(r"docs: (\S+) ", screen)[1] for screen in screens]
    assert titles == ["/", "contracts", "contracts", "contracts/2025", "contracts", "/"]
    assert ["\x1b[7m" in screen and re.search(r"\x1b\[7m.*\]  ([^\s\x1b]+)", screen)[1] for screen in screens] == [
        "contracts/",
        "steel.pdf",
        "2025/",
        "glass.pdf",
        "2025/",
        "contracts/",
    ]
    assert rest.endswith("\x1b[?25h\x1b[?1049l")


def _screen(terminal):
    """Return what is shown, once it is whole."""
    sent, deadline = b"", time.monotonic() + 60
    while b"q quit" not in sent and b"?1049l" not in sent and time.monotonic() < deadline:
        if select.select([terminal], [], [], 0.2)[0]:
            sent += os.read(terminal, 65536)
    return sent.decode()
