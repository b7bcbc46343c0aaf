"""Tests of `sources:` in endpoints.yaml: read, checked with file and line, known by name on the command line."""

import pytest
from click.testing import CliRunner

from filesync_dagster.cli import filesync
from filesync_dagster.config import load_config, read_environment
from filesync_dagster.core.errors import ConfigError

SHOP = """\
sources:
  - name: shop
    type: postgres
    config: {host: 127.0.0.1, port: 1, database: shop, username: reader, password: "${SHOP_PASSWORD}"}
"""


def load(tmp_path, text, **variables):
    """Return the configuration that a text is."""
    path = tmp_path / "endpoints.yaml"
    path.write_text(text)
    return load_config(read_environment(path, {"FILESYNC_HOME": str(tmp_path / "home"), **variables}))


def test_a_source_is_read_with_its_variables(tmp_path):
    """Secrets come from the environment, and nothing shows them."""
    config = load(tmp_path, SHOP, SHOP_PASSWORD="canary-hunter2")

    assert config.problems == ()
    assert config.source("shop").config["password"] == "canary-hunter2"
    assert "canary" not in repr(config.source("shop"))


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (SHOP + "    tabels: [a]\n", "endpoints.yaml:5: unknown key 'tabels'"),
        (SHOP + SHOP.partition("\n")[2], "endpoints.yaml:5: the name 'shop' is taken"),
        ("sources:\n  - name: My Shop\n    type: s3\n", "endpoints.yaml:2: name: "),
        ("sources: 3\n", "`sources:` must be a list"),
        ("sources:\n  - name: shop\n", "endpoints.yaml:2: 'type' is required"),
    ],
)
def test_problems_have_file_and_line(tmp_path, text, sentence):
    """An entry that is wrong is told, and its neighbours stay."""
    config = load(tmp_path, text, SHOP_PASSWORD="x")

    assert any(sentence in problem for problem in config.problems), config.problems


def test_a_source_that_is_not_there_names_those_that_are(tmp_path):
    """With the nearest."""
    config = load(tmp_path, SHOP, SHOP_PASSWORD="x")

    with pytest.raises(ConfigError, match="There is no source 'shopp'"):
        config.source("shopp")


def test_validate_checks_the_settings_of_sources(tmp_path):
    """A setting that its type does not have is a problem, by the name of the source."""
    path = tmp_path / "endpoints.yaml"
    path.write_text(SHOP.replace("port: 1", "prot: 1"))

    shown = CliRunner().invoke(filesync, ["--config", str(path), "validate"], env={"SHOP_PASSWORD": "canary-1"})

    assert shown.exit_code == 1
    assert "source shop" in shown.output
    assert "prot" in shown.output
    assert "canary" not in shown.output


def test_the_command_line_knows_a_source_by_its_name(tmp_path):
    """A server that is not there is a sentence about that server, and no secret is in it."""
    path = tmp_path / "endpoints.yaml"
    path.write_text(SHOP)

    shown = CliRunner().invoke(
        filesync, ["--config", str(path), "tables", "test", "--type", "shop"], env={"SHOP_PASSWORD": "canary-1"}
    )

    assert shown.exit_code == 1
    assert "Error: " in shown.output
    assert "canary" not in shown.output
    assert "Something unexpected" not in shown.output
