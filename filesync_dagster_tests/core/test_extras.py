"""What only some users need is an extra of the package."""

import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from filesync_dagster.core.errors import MissingExtra
from filesync_dagster.core.extras import import_from_extra

ROOT = Path(__file__).parents[2]
EXTRAS = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]


def test_what_is_installed_is_imported():
    """The module itself is returned."""
    assert import_from_extra("json", "alerts", "Nothing").dumps([1]) == "[1]"


def test_what_is_missing_is_one_sentence_that_names_the_extra():
    """The sentence says what needs it; the hint is the command."""
    with pytest.raises(MissingExtra) as caught:
        import_from_extra("no_such_library.part", "rabbitmq", "The queue uploads of RabbitMQ")

    assert str(caught.value) == (
        "The queue uploads of RabbitMQ needs the Python package no_such_library, which is not installed. "
        "Install filesync with the extra: pip install 'filesync-dagster[rabbitmq]'."
    )


def test_what_is_installed_and_broken_is_not_called_missing(tmp_path, monkeypatch):
    """A library that lacks something of its own fails with that."""
    (tmp_path / "half_a_library.py").write_text("import no_such_library")
    monkeypatch.syspath_prepend(str(tmp_path))
    with pytest.raises(ModuleNotFoundError, match="no_such_library"):
        import_from_extra("half_a_library", "alerts", "Nothing")


HIDDEN = """
import sys

class Hidden:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {names!r}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name.partition(".")[0])

sys.meta_path.insert(0, Hidden())
from filesync_dagster.cli import main
sys.argv = ["filesync", *{arguments!r}]
main()
"""


@pytest.mark.parametrize(
    ("block", "module", "extra"),
    [
        ("alerts: {urls: ['jsons://hooks.company.com/x']}", "apprise", "alerts"),
        ("queues: [{name: uploads, type: rabbitmq, url: 'amqp://mq.company.com', queue: q}]", "pika", "rabbitmq"),
    ],
)
def test_the_command_line_names_the_extra(tmp_path, block, module, extra):
    """`filesync validate` says it before anything is missed; nothing else needs the library."""
    (tmp_path / "shared").mkdir()
    config = tmp_path / "endpoints.yaml"
    endpoint = f"endpoints: [{{name: a, type: local, endpoint_details: {{path: {tmp_path}/shared}}}}]\n"
    config.write_text(endpoint + block)

    def filesync(*arguments):
        code = HIDDEN.format(names={"apprise", "pika", "polars"}, arguments=["--config", str(config), *arguments])
        variables = {"FILESYNC_HOME": str(tmp_path / "home"), "PATH": ""}
        return subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, timeout=120, env=variables, check=False
        )

    validated, synced = filesync("validate"), filesync("sync", "a")

    assert validated.returncode == 1
    assert module in validated.stderr
    assert f"pip install 'filesync-dagster[{extra}]'" in validated.stderr
    assert "Traceback" not in validated.stderr
    assert synced.returncode == 0, synced.stderr
    assert extra in EXTRAS
