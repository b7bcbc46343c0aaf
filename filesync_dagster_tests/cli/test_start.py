"""The first second: what a command does not need is not loaded."""

import subprocess
import sys

import pytest
from click.testing import CliRunner

from filesync_dagster.cli import filesync

HEAVY = ("pyarrow", "duckdb", "pandas", "dagster", "alembic", "structlog", "httpx", "boto3", "numpy")
CODE = f"""
import sys
from filesync_dagster.cli.app import main
try:
    main()
finally:
    print(*[name for name in {HEAVY!r} if name in sys.modules], file=sys.stderr)
"""


@pytest.mark.parametrize(
    "command",
    [
        ["--help"],
        ["status"],
        *(pytest.param(words, marks=pytest.mark.slow) for words in (["status", "--json"], ["alerts"], ["validate"])),
    ],
)
def test_what_a_command_does_not_need_is_not_loaded(command, tmp_path, monkeypatch):
    """Rows are in Arrow and DuckDB, which take as long to load as all the rest; who asks how things are sees none."""
    (tmp_path / "share").mkdir()
    text = "endpoints: [{name: share, type: local, endpoint_details: {path: share}}]\n"
    (tmp_path / "endpoints.yaml").write_text(text)
    monkeypatch.delenv("FILESYNC_CONFIG", raising=False)
    monkeypatch.chdir(tmp_path)
    assert CliRunner().invoke(filesync, ["status"]).exit_code == 0  # it makes the tables, with alembic
    ran = subprocess.run(
        [sys.executable, "-c", CODE, *command], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert ran.stderr.splitlines()[-1] == ""
