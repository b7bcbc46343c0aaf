"""`filesync simulate`, the fault plan file, and docs/simulators.md."""

import re
import signal
from pathlib import Path

import httpx
import pytest
import yaml

from filesync_dagster.cli.fault_plan import KEYS, read_fault_plan
from filesync_dagster.core.errors import ConfigError
from filesync_dagster.simulators import SIMULATORS
from filesync_dagster.simulators.kit.faults import Fault
from filesync_dagster_tests.cli.conftest import shell  # noqa: F401 - a fixture

PAGE = Path(__file__).parents[2] / "docs" / "simulators.md"


@pytest.fixture
def plan(tmp_path):
    """Write a fault plan and read it."""

    def read(text):
        path = tmp_path / "faults.yaml"
        path.write_text(text)
        return read_fault_plan(path)

    return read


def test_a_plan_is_a_list_of_rules(plan):
    """Every key of a rule, and defaults for the others."""
    text = "- {fault: throttle, operation: files.list, after: 2, times: 3, chance: 0.5, seconds: 1.5, status: 429,"
    text += " reason: rateLimitExceeded, share: 0.1, dated: true}\n- fault: timeout\n"
    first, second = plan(text).rules
    assert (first.fault, first.operation, first.after, first.times) == (Fault.THROTTLE, "files.list", 2, 3)
    assert (first.chance, first.seconds, first.status, first.share, first.dated) == (0.5, 1.5, 429, 0.1, True)
    assert (second.fault, second.operation, second.times) == (Fault.TIMEOUT, "*", 1)
    assert plan("").rules == []


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("- fault: throttel", "faults.yaml:1: 'throttel' is no fault; did you mean 'throttle'?"),
        ("- fault: timeout\n  time: 3", "faults.yaml:2: 'time' is not a key of a rule; did you mean 'times'?"),
        ("- fault: timeout\n- operation: x", "faults.yaml:2: a rule needs `fault`"),
        ("- fault: timeout\n  times: 0", "faults.yaml:2: times must be 1 or more, or -1 for ever, not 0."),
        ("- fault: timeout\n  chance: 2", "faults.yaml:2: chance must be between 0 and 1, not 2."),
        ("- fault: timeout\n  after: yes", "faults.yaml:2: after must be a number of calls"),
        ("- fault: server_error\n  status: 200", "faults.yaml:2: status must be an HTTP status"),
        ("- timeout", "faults.yaml:1: a rule is a block"),
        ("fault: timeout", "faults.yaml:1: a fault plan is a list of rules"),
        ("- [", "faults.yaml:2: this is not YAML"),
    ],
)
def test_what_is_wrong_with_a_plan_is_told_with_its_line(plan, text, problem):
    """All of it at once, in sentences."""
    with pytest.raises(ConfigError) as wrong:
        plan(text)
    assert any(problem in one for one in wrong.value.problems), wrong.value.problems


def test_a_plan_that_cannot_be_read_is_one_sentence(shell):  # noqa: F811 - the fixture
    """Of the command too."""
    result = shell.run("simulate", "google_drive", "--faults", "nowhere.yaml")
    assert result.exit_code == 1
    assert "Error: nowhere.yaml: the fault plan cannot be read: No such file or directory." in result.stderr


@pytest.mark.parametrize("provider", SIMULATORS)
def test_it_serves_until_it_is_told_to_stop(shell, provider):  # noqa: F811 - the fixture
    """It prints endpoints that the configuration takes as they stand, and that can be listed."""
    (shell.folder / "faults.yaml").write_text("- {fault: throttle, status: 429, seconds: 0}\n")
    process = shell.start("simulate", provider, "--files", "30", "--faults", "faults.yaml")
    try:
        first = process.stdout.readline()
        address = re.search(r"http://\S+?:\d+", first)[0]
        assert process.stdout.readline() == "\n"
        shell.config.write_text("".join(iter(process.stdout.readline, "\n")))
        synced = shell.json("sync", "--json")
        assert {(one["status"], one["files_total"]) for one in synced} == {("completed", 30)}
        assert sum(one["retries"] for one in synced) >= 1
        assert len(httpx.get(f"{address}/_simulator/listing").json()) == 30
    finally:
        process.send_signal(signal.SIGINT)
        rest, errors = process.communicate(timeout=20)
    assert (process.returncode, rest.strip(), errors) == (0, "Stopped.", "")


def test_a_port_in_use_is_one_sentence(shell):  # noqa: F811 - the fixture
    """With what to do about it."""
    import socket

    with socket.create_server(("127.0.0.1", 0)) as taken:
        result = shell.run("simulate", "google_drive", "--files", "0", "--port", str(taken.getsockname()[1]))
    assert result.exit_code == 1
    assert "cannot be listened on: address already in use. Choose another with --port" in result.stderr


def test_the_page_describes_every_fault_and_every_key():
    """And its example is a plan that can be read."""
    page = PAGE.read_text()
    for name in (*KEYS, *(fault.value for fault in Fault)):
        assert f"`{name}`" in page, name
    [example] = re.findall(r"^```yml\n(.*?)^```", page, re.MULTILINE | re.DOTALL)
    assert yaml.safe_load(example)


def test_the_example_of_the_page_is_a_plan(plan):
    """As it stands."""
    [example] = re.findall(r"^```yml\n(.*?)^```", PAGE.read_text(), re.MULTILINE | re.DOTALL)
    assert plan(example).rules


def test_a_file_manager_is_served_until_it_is_told_to_stop(shell):  # noqa: F811 - the fixture
    """It keeps its files; its token is not told."""
    options = ("--root", "kept", "--token", "s3same-open", "--faults", "faults.yaml")
    (shell.folder / "faults.yaml").write_text("- {fault: lose_answer, operation: create, status: 504}\n")
    process = shell.start("simulate", "file_manager", *options)
    try:
        address = re.search(r"http://\S+?:\d+", process.stdout.readline())[0]
        assert process.stdout.readline() == "\n"
        [destination] = yaml.safe_load("".join(iter(process.stdout.readline, "\n"))).values()
        assert destination["endpoint_details"] == {"base_url": address, "token": "${FILE_MANAGER_TOKEN}"}
        sent = {"data": {"operation": "create", "file_path": "a/b"}, "files": {"file": ("b", b"hello")}}
        allowed = {"authorization": "Bearer s3same-open"}
        assert httpx.post(f"{address}/saveToDisk", headers=allowed, **sent).status_code == 504
        assert httpx.post(f"{address}/saveToDisk", **sent).status_code == 401
    finally:
        process.send_signal(signal.SIGINT)
        rest, errors = process.communicate(timeout=20)
    assert (process.returncode, rest.strip(), errors) == (0, "Stopped.", "")
    assert (shell.folder / "kept" / "a" / "b").read_bytes() == b"hello"


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("file_manager",), "say where, with --root FOLDER"),
        (("google_drive", "--root", "x"), "are for file_manager"),
        (("file_manager", "--root", "x", "--faults", "faults.yaml"), "cannot do lose_cursor"),
    ],
)
def test_what_a_file_manager_needs(shell, arguments, sentence):  # noqa: F811 - the fixture
    """In a sentence."""
    (shell.folder / "faults.yaml").write_text("- {fault: lose_cursor}\n")
    places = {"x": str(shell.folder / "x"), "faults.yaml": str(shell.folder / "faults.yaml")}
    result = shell.run("simulate", *(places.get(argument, argument) for argument in arguments))
    assert result.exit_code != 0
    assert sentence in result.stderr
