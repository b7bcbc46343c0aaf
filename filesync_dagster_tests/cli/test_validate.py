"""init, validate, test, and what every call has in common."""

import json
import re
import subprocess
import sys
from importlib.metadata import version

import pytest


def test_init_writes_a_configuration_that_works_as_it_is(shell):
    """init, validate, sync: from nothing to an inventory."""
    shell.config.unlink()

    assert shell.run("init").exit_code == 0
    result = shell.run("validate")
    assert (result.exit_code, result.stdout.split(": ")[1]) == (0, "1 endpoint (1 local).\n")
    assert shell.json("sync", "--json")[0]["status"] == "completed"
    assert "endpoints.yaml" in {row["path"] for row in shell.json("files", "this_folder", "--format", "json")}


def test_the_commented_example_is_valid_too(shell, monkeypatch):
    """Whoever removes the hashes has a working entry."""
    shell.config.unlink()
    shell.run("init")
    lines = shell.config.read_text().splitlines()
    first = next(number for number, line in enumerate(lines) if line.startswith("  # - name: engineering"))
    text = []
    for line in lines[first:]:
        is_example = re.match(r"  # |# (sources:|generations:|  )", line)
        text.append(line.replace("# ", "", 1) if is_example else line)
    shell.config.write_text("\n".join([*lines[:first], *text]))
    shell.variables |= {"ENG_ACCESS_KEY_ID": "key", "ENG_SECRET_ACCESS_KEY": "secret", "SHOP_PASSWORD": "secret"}

    result = shell.run("validate")

    counted = "2 endpoints (1 local, 1 s3), 1 source of tables, 1 generation of synthetic data"
    assert result.stdout.endswith(f"is valid: {counted}.\n"), result.output


def test_init_does_not_overwrite(shell):
    """Only with --force."""
    before = shell.config.read_text()

    result = shell.run("init")

    assert result.exit_code == 1
    assert "--force" in result.stderr
    assert shell.config.read_text() == before
    assert shell.run("init", "--force").exit_code == 0
    assert shell.config.read_text() != before


def test_validate_counts(shell):
    """What is valid, and what is switched off."""
    shell.write(shell.endpoint(), shell.endpoint("other", is_active=False))

    result = shell.run("validate")

    assert result.exit_code == 0
    assert result.stdout == f"{shell.config} is valid: 2 endpoints (2 local), 1 not active.\n"


def test_test_tells_what_can_be_seen(shell):
    """Latency, permissions, what is there; a store that is not there fails alone."""
    assert shell.run("test", "docs").exit_code == 0
    missing = {**shell.endpoint("gone"), "endpoint_details": {"path": str(shell.folder / "nowhere")}}
    shell.write(shell.endpoint(), missing)

    result = shell.run("test")

    assert result.exit_code == 1
    lines = {line.split()[0]: line for line in result.stdout.splitlines()}
    assert str(shell.store) in lines["docs"]
    assert " ms" in lines["docs"]
    assert lines["gone"].split()[1] == "failed"
    assert "\nError: gone: " in f"\n{result.stderr}"


def test_config_wins_over_the_environment(shell, tmp_path):
    """--config names another file."""
    other = tmp_path / "other.yaml"
    other.write_text("endpoints: []\n")

    assert "0 endpoints" in shell.run("--config", str(other), "validate").stdout


def test_version(shell):
    """The version of the package."""
    assert shell.run("--version").stdout == f"filesync {version('filesync-dagster')}\n"


@pytest.mark.slow
def test_log_events_can_be_json(shell):
    """--log-format json makes each event one object, which tells of which endpoint and sync it is."""
    shell.put("a.txt")
    process = shell.start("--log-format", "json", "sync")
    _, stderr = process.communicate()

    (finished,) = [told for told in map(json.loads, stderr.splitlines()) if told["event"] == "sync.finished"]
    assert (finished["endpoint"], finished["status"]) == ("docs", "completed")
    assert finished["sync_id"].startswith("20")


def test_help_imports_nothing_heavy():
    """`filesync --help` stays quick."""
    script = (
        "import sys; from filesync_dagster.cli import filesync; filesync(['--help'], standalone_mode=False);"
        "print(*sys.modules, file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)

    loaded = set(done.stderr.split())
    assert "Commands:" in done.stdout
    assert not loaded & {"pyarrow", "pydantic", "sqlalchemy", "duckdb", "boto3", "rich", "yaml", "structlog", "dagster"}


@pytest.mark.parametrize(
    "command",
    ["init", "validate", "test", "sync", "status", "files", "changes", "export", "approve", "reject", "up", "demo"],
)
def test_every_command_explains_itself(shell, command):
    """--help works without a configuration."""
    shell.config.unlink()

    result = shell.run(command, "--help")

    assert result.exit_code == 0
    assert result.stdout.startswith(f"Usage: filesync {command}")
