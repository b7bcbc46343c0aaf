"""What a person sees on a terminal, through a real pseudo-terminal."""

import os
import pty
import re
import select
import time

import pytest

ANSI = re.compile(r"\x1b\[[0-9;?]*[a-zA-Z]")


def on_a_terminal(shell, *arguments, **variables):
    """Run a command on a terminal of 100 columns; return what it sent there and its exit code."""
    master, slave = pty.openpty()
    environment = {**os.environ, **shell.variables, "TERM": "xterm-256color", "COLUMNS": "100", **variables}
    with shell.start(*arguments, env=environment, stdin=slave, stdout=slave, stderr=slave) as process:
        os.close(slave)
        sent = b""
        deadline = time.monotonic() + 120
        while time.monotonic() < deadline:
            if not select.select([master], [], [], 0.2)[0]:
                continue
            try:
                chunk = os.read(master, 65536)
            except OSError:  # the other side is closed
                break
            if not chunk:
                break
            sent += chunk
    os.close(master)
    return sent.decode(), process.returncode


@pytest.mark.slow
def test_a_sync_shows_progress_and_a_coloured_line(shell):
    """The bar comes and goes; the line stays."""
    shell.put("a.txt")

    sent, code = on_a_terminal(shell, "sync")

    assert code == 0, sent
    assert "\x1b[32m✓" in sent
    assert "docs  completed, 1 added" in ANSI.sub("", sent)


def test_a_very_narrow_terminal_shows_what_there_is(shell):
    """A phone, or a pane that somebody made small: lines that wrap, and no table without letters."""
    shell.put("a.txt")
    shell.run("sync")

    sent, _ = on_a_terminal(shell, "status", COLUMNS="10")

    assert "docs" in sent
    assert "ok" in sent


@pytest.mark.slow
def test_no_color_is_respected(shell):
    """NO_COLOR: no colours, on a terminal too."""
    shell.put("a.txt")
    on_a_terminal(shell, "sync")

    sent, _ = on_a_terminal(shell, "status", NO_COLOR="1")

    assert not re.search(r"\x1b\[[0-9;]*3[0-7]m", sent)
    assert "docs" in sent


@pytest.mark.slow
def test_status_is_a_table_with_what_to_do(shell):
    """A held sync is marked and the way out is named."""
    for number in range(10):
        shell.put(f"{number}.txt")
    shell.run("sync")
    for number in range(9):
        (shell.store / f"{number}.txt").unlink()

    sent, code = on_a_terminal(shell, "sync")
    assert code == 3
    assert "filesync approve docs" in ANSI.sub("", sent)

    table = ANSI.sub("", on_a_terminal(shell, "status")[0])
    assert "────" in table
    assert "held" in table
    assert "filesync approve docs" in table


@pytest.mark.slow
@pytest.mark.parametrize(
    "command", [("files", "docs"), *(pytest.param((name,), marks=pytest.mark.slow) for name in ("sync", "status"))]
)
def test_hostile_names_do_not_reach_the_terminal(shell, command):
    """No escape sequence but our own."""
    shell.put("evil\x1b]0;owned\x07.txt")
    shell.write(shell.endpoint(title="bell\x07[red]"))
    on_a_terminal(shell, "sync")

    sent, _ = on_a_terminal(shell, *command)

    assert "\x07" not in sent
    assert "\x1b]" not in sent
