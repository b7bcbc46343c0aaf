"""sync, approve and reject: what they print, and what a script learns from their exit code."""

import json
import signal
import time

import pytest

FIELDS = {
    "endpoint", "status", "mode", "files_processed", "files_added", "files_updated", "files_moved", "files_removed",
    "files_total", "duration_seconds", "sync_id", "snapshot_uri", "changes_uri", "error",
}  # fmt: skip


@pytest.fixture
def held(shell):
    """An endpoint whose last sync, which would remove 9 of 10 files, is held."""
    for number in range(10):
        shell.put(f"{number}.txt")
    assert shell.run("sync").exit_code == 0
    for number in range(1, 10):
        (shell.store / f"{number}.txt").unlink()
    shell.put("new.txt")
    assert shell.run("sync").exit_code == 3
    return shell


def test_a_sync_prints_one_plain_line_an_endpoint(shell):
    """Without a terminal: no colours, no bars, counts and totals in one line."""
    shell.put("a.txt", "12345")

    result = shell.run("sync")

    assert result.exit_code == 0, result.output
    assert result.stdout.startswith("docs: completed, 1 added, 1 file, 5 B, ")
    assert result.stdout.count("\n") == 1
    assert "\x1b" not in result.output
    assert result.stderr == ""


def test_json_is_one_object_a_line_and_nothing_else(shell):
    """`--json` has every promised field."""
    shell.write(shell.endpoint(), shell.endpoint("others"))
    shell.put("a.txt")

    results = shell.json("sync", "--json")

    assert {result["endpoint"] for result in results} == {"docs", "others"}
    for result in results:
        assert result.keys() >= FIELDS
        assert (result["status"], result["files_added"], result["files_total"]) == ("completed", 1, 1)


def test_only_named_endpoints_are_synced_and_each_once(shell):
    """Names select; a name given twice is synced once."""
    shell.write(shell.endpoint(), shell.endpoint("others"), shell.endpoint("idle", is_active=False))

    assert [result["endpoint"] for result in shell.json("sync", "docs", "docs", "--json")] == ["docs"]
    assert {result["endpoint"] for result in shell.json("sync", "--json")} == {"docs", "others"}


def test_a_second_sync_reports_no_changes(shell):
    """Nothing changed is a committed sync."""
    shell.put("a.txt")
    shell.run("sync")

    result = shell.run("sync", "--full")

    assert result.exit_code == 0
    assert "no changes" in result.stdout


def test_an_unknown_name_suggests_the_nearest(shell):
    """A typo costs one sentence."""
    result = shell.run("sync", "dosc")

    assert result.exit_code == 1
    assert result.stdout == ""
    assert result.stderr.startswith("Error: There is no endpoint 'dosc'")
    assert "'docs'" in result.stderr


def test_one_failure_does_not_stop_the_neighbours_and_exits_with_1(shell):
    """Failed wins over everything; the others are committed."""
    missing = shell.endpoint("gone")
    missing["endpoint_details"] = {"path": str(shell.folder / "nowhere")}
    shell.write(shell.endpoint(), missing)
    shell.put("a.txt")

    result = shell.run("sync")

    assert result.exit_code == 1
    assert "docs: completed" in result.stdout
    assert "gone: failed" in result.stdout
    assert [line[:12] for line in result.stderr.splitlines()] == ["Error: gone:"]


def test_a_broken_entry_fails_and_its_neighbour_is_synced(shell):
    """One bad entry of endpoints.yaml is one failed endpoint."""
    shell.write(shell.endpoint(), shell.endpoint("bad", typo=1))

    result = shell.run("sync", "--json")

    statuses = {one["endpoint"]: one["status"] for one in map(json.loads, result.stdout.splitlines())}
    assert statuses == {"docs": "completed", "bad": "failed"}
    assert result.exit_code == 1
    assert "typo" in result.stderr


@pytest.mark.slow
def test_a_held_sync_says_how_to_decide_and_exits_with_3(held):
    """A held sync changes nothing and names both ways out."""
    result = held.run("sync")
    [told] = held.json("sync", "--json")

    assert (told["files_before"], told["files_added"], told["files_removed"], told["files_total"]) == (10, 1, 9, 2)
    assert result.exit_code == 3
    assert "docs: held" in result.stdout
    assert "filesync approve docs" in result.stderr
    assert "filesync reject docs" in result.stderr
    assert result.stderr.count("approve") == 1
    assert held.run("status").stdout.count("approve") == 1
    assert len(held.json("files", "docs", "--format", "json")) == 10


def test_approve_shows_what_happens_then_commits_it(held):
    """After approve the inventory is what was held."""
    result = held.run("approve", "docs", "--yes")

    assert result.exit_code == 0, result.output
    first = result.stdout.splitlines()[0]
    assert "1 added, 9 removed" in first
    assert "the limit is" in first
    assert "approve docs" not in first, "it says how to decide to somebody who has decided"
    assert "The inventory has 10 files, and would have 2." in result.stdout
    assert [row["path"] for row in held.json("files", "docs", "--format", "json")] == ["0.txt", "new.txt"]
    assert held.run("sync").exit_code == 0


def test_approve_commits_nothing_where_nobody_can_be_asked(held):
    """It shows what waits, and says what a script writes."""
    result = held.run("approve", "docs")

    assert result.exit_code == 2
    assert "--yes" in result.stderr
    assert held.json("status", "--json")[0]["state"] == "held"


def test_approve_commits_what_was_looked_at_and_nothing_else(held):
    """A digest is good until the store is found changed; the same store has the same one."""
    seen = held.json("status", "--json")[0]["held_digest"]
    assert seen in held.run("changes", "docs", "--held").stdout
    assert held.run("sync").exit_code == 3
    assert held.json("status", "--json")[0]["held_digest"] == seen
    (held.store / "0.txt").unlink()
    assert held.run("sync").exit_code == 3

    refused = held.run("approve", "docs", "--digest", seen)

    assert refused.exit_code == 1
    assert "is not what was looked at" in refused.stderr
    assert len(held.json("files", "docs", "--format", "json")) == 10
    seen = held.json("status", "--json")[0]["held_digest"]
    assert held.run("approve", "docs", "--digest", seen).exit_code == 0
    assert [row["path"] for row in held.json("files", "docs", "--format", "json")] == ["new.txt"]


def test_a_held_sync_can_be_looked_at(held):
    """As a table with counts by folder, or as rows for a program; nothing of it is in the journal."""
    table = held.run("changes", "docs", "--held", "--limit", "3").stdout
    rows = held.json("changes", "docs", "--held", "--format", "json")
    csv = held.run("changes", "docs", "--held", "--format", "csv", "--limit", "2")

    assert "and 7 more" in table
    assert "9 of 10 files" in table
    assert sorted((row["change"], row["path"]) for row in rows) == [
        ("added", "new.txt"),
        *(("removed", f"{number}.txt") for number in range(1, 10)),
    ]
    assert [row["seq"] for row in rows] == list(range(1, 11))
    assert rows[0]["before"]["size"] == 1
    assert len(csv.stdout.splitlines()) == 3
    assert "--digest" in csv.stderr
    assert held.json("changes", "docs", "--format", "json") == []
    assert held.run("changes", "docs", "--held", "--since", "1h").exit_code == 2


def test_reject_keeps_the_inventory(held):
    """After reject nothing is held, nobody is told to decide, and nothing changed."""
    result = held.run("reject", "docs")

    assert result.exit_code == 0, result.output
    assert len(held.json("files", "docs", "--format", "json")) == 10
    [told] = held.json("status", "--json")
    assert (told["state"], told["held_sync_id"], told["error"]) == ("ok", None, None)
    assert (told["last_sync"]["status"], told["alerts"]) == ("rejected", [])
    text = held.run("status").stdout
    assert "approve" not in text
    assert "is rejected" in text
    assert held.run("changes", "docs", "--held").exit_code == 1


def test_what_is_not_stored_any_more_can_be_thrown_away(held):
    """Only approving needs it."""
    for file in (held.home / "data" / "changes").rglob("*.parquet"):
        file.unlink()

    assert held.run("approve", "docs", "--yes").exit_code == 1
    assert held.run("reject", "docs").exit_code == 0
    assert held.json("status", "--json")[0]["state"] == "ok"


@pytest.mark.parametrize("command", ["approve", "reject"])
def test_without_a_held_sync_there_is_nothing_to_decide(shell, command):
    """One sentence, exit 1."""
    shell.run("sync")

    result = shell.run(command, "docs")

    assert result.exit_code == 1
    assert result.stderr.startswith("Error: ")
    assert result.stderr.count("\n") == 1


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_sync_exits_with_130_and_the_next_one_succeeds(shell, number):
    """Ctrl-C and SIGTERM stop at the next page; no lease is left behind."""
    shell.write(shell.endpoint(), batch_size=100)
    for folder in range(50):
        (shell.store / f"{folder}").mkdir()
        for file in range(60):
            (shell.store / f"{folder}" / f"{file}.txt").touch()
    process = shell.start("--debug", "sync")
    _wait_for((shell.home / "staging").exists, process)

    process.send_signal(number)
    _, stderr = process.communicate(timeout=60)

    assert process.returncode == 130, stderr
    assert "Interrupted." in stderr
    assert "Traceback" not in stderr
    result = shell.json("sync", "--json")[0]
    assert (result["status"], result["files_total"]) == ("completed", 3000)


def _wait_for(condition, process):
    deadline = time.monotonic() + 60
    while not condition():
        assert process.poll() is None, process.stderr.read()
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_a_first_sync_that_finds_nothing_warns_until_that_is_expected(shell):
    """An empty folder, and a misspelt prefix or filter, are seldom what somebody meant."""
    warned = shell.run("sync")
    assert warned.exit_code == 0
    assert "is empty" in warned.stderr
    assert "`expect_empty: true`" in warned.stderr

    shell.write({**shell.endpoint(), "expect_empty": True})
    assert shell.run("sync").stderr == ""

    shell.put("a.txt")
    shell.write({**shell.endpoint(), "filters": {"include": ["*.dwgg"]}})
    assert "The filters select no file of what is there." in shell.run("sync", "--full").stderr
