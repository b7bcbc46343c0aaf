"""The documentation tells the truth: its examples run, and nothing is missing from it."""

import importlib.util
import re
import shlex
import sqlite3
from pathlib import Path

import click
import pytest
import yaml

from filesync_dagster import Filesync
from filesync_dagster.cli.app import every_command, filesync
from filesync_dagster.components import FileEndpointsComponent
from filesync_dagster.config import Alerts, Endpoint, Settings, load_config, read_environment
from filesync_dagster.config.queues import QUEUES
from filesync_dagster.connectors import CONNECTORS

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
ENDPOINTS = """\
endpoints:
  - name: engineering_files
    type: local
    endpoint_details: {path: files}
"""
REPLICATIONS = """\
replications:
  - name: eng_to_archive
    source: engineering_files
    destination: {type: local, endpoint_details: {path: archive}}
"""


def blocks(language):
    """Every fenced block of a language, named by its page and its number there."""
    fence = re.compile(rf"^```{language}\n(.*?)^```", re.MULTILINE | re.DOTALL)
    return [
        pytest.param(text, id=f"{page.relative_to(ROOT)}:{number}")
        for page in PAGES
        for number, text in enumerate(fence.findall(page.read_text()), start=1)
    ]


def references(text):
    """The environment variables that a configuration refers to."""
    return set(re.findall(r"\$\{(\w+)", text))


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A folder with the endpoint that the examples speak of, and some files in it."""
    folder = tmp_path / "files" / "drawings"
    folder.mkdir(parents=True)
    for name in ("a.dwg", "report.pdf"):
        (folder / name).write_text(name)
    (tmp_path / "archive").mkdir()
    (tmp_path / "endpoints.yaml").write_text(ENDPOINTS + REPLICATIONS)
    monkeypatch.chdir(tmp_path)
    for name in ("FILESYNC_CONFIG", "FILESYNC_HOME", "FILESYNC_DATABASE_URL", "FILESYNC_SNAPSHOT_ROOT"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


@pytest.fixture(scope="module")
def build():
    """docs/build.py as a module."""
    spec = importlib.util.spec_from_file_location("build", ROOT / "docs" / "build.py")
    module = importlib.util.module_from_spec(spec)
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(ROOT / "docs"))  # as for a script: its parts lie beside it
        spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("example", blocks("python"))
def test_python_examples_run(example, project, capsys):
    """Each Python example runs as it stands, after a first sync."""
    with Filesync.open() as fs:
        assert fs.sync("engineering_files").error is None

    exec(compile(example, "example", "exec"), {"__name__": "example"})


@pytest.mark.parametrize("example", blocks("yaml"))
def test_yaml_examples_are_valid(example, project):
    """Each configuration is accepted as it stands, once its variables are set."""
    document = yaml.safe_load(example)
    if document.get("type") == "filesync_dagster.components.FileEndpointsComponent":
        FileEndpointsComponent.get_model_cls().model_validate(document["attributes"])
        return
    assert set(document) <= {"settings", "alerts", "queues", "endpoints", "replications", "sources", "generations"}
    # An example of a replication speaks of the endpoint that the pages have.
    (project / "example.yaml").write_text(example if "endpoints" in document else ENDPOINTS + example)
    variables = dict.fromkeys(references(example), "value")

    config = load_config(read_environment(project / "example.yaml", variables))

    assert config.problems == ()
    assert config.endpoints


@pytest.mark.parametrize("example", blocks("sql"))
def test_sql_examples_run(example, project):
    """Each query is understood by the metadata database and finds its columns."""
    with Filesync.open() as fs:
        fs.sync("engineering_files")
    connection = sqlite3.connect(project / ".filesync" / "filesync.db")
    try:
        for query in filter(str.strip, example.split(";")):
            connection.execute(query).fetchall()
    finally:
        connection.close()


@pytest.mark.parametrize("example", blocks("sh"))
def test_commands_in_examples_exist(example):
    """Each `filesync` line has a command and options that exist, each `make` line a target."""
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    for line in example.replace("\\\n", " ").replace("&&", "\n").splitlines():
        if not line.lstrip().startswith(("make ", "filesync ")):
            continue
        words = shlex.split(line, comments=True)
        if words[:1] == ["make"]:
            assert {word for word in words[1:] if "=" not in word} <= targets
        else:
            command = every_command()[words[1]]
            context = click.Context(command, info_name=words[1], **filesync.context_settings)
            command.parse_args(context, words[2:])


def test_the_generated_pages_are_up_to_date(build):
    """`make docs` would change nothing."""
    stale = [page.name for page, text in build.pages() if page.read_text() != text]

    assert stale == []


def test_every_link_leads_somewhere(build):
    """Relative links have their file, and their heading in it."""
    assert build.broken_links() == []


def test_every_command_is_documented_and_has_help():
    """Each command is in docs/command-line.md, with a help text for it and for each of its options."""
    page = (ROOT / "docs" / "command-line.md").read_text()
    for name, command in every_command().items():
        assert f"\n## {name}\n" in page
        assert command.help
        assert [p.name for p in command.params if isinstance(p, click.Option) and not p.help] == []


def keys(model):
    """Every key of a model and of the blocks inside it, with its description."""
    for name, field in model.model_fields.items():
        yield name, field.description
        if isinstance(field.annotation, type) and hasattr(field.annotation, "model_fields"):
            yield from keys(field.annotation)


@pytest.mark.parametrize(
    "model", [Settings, Endpoint, Alerts, *QUEUES.values(), *(c.details for c in CONNECTORS.values())]
)
def test_every_key_is_documented(model):
    """Each key of endpoints.yaml is in docs/configuration.md, described."""
    page = (ROOT / "docs" / "configuration.md").read_text()
    for name, description in keys(model):
        assert f"| `{name}` |" in page
        assert description, name


def test_the_readme_begins_with_the_two_commands():
    """A newcomer finds `make demo` and `make test` first."""
    first = re.search(r"^```sh\n(.*?)^```", (ROOT / "README.md").read_text(), re.MULTILINE | re.DOTALL)[1]

    assert [line.split("#")[0].strip() for line in first.splitlines()] == ["make demo", "make test"]


def test_no_page_has_two_versions_of_itself():
    """What git writes where two changes met is nothing for a reader."""
    pages = [ROOT / "README.md", ROOT / "CHANGELOG.md", *(ROOT / "docs").glob("*.md")]
    marks = re.compile(r"^(<{7} |={7}$|>{7} )", re.MULTILINE)
    assert [page.name for page in pages if marks.search(page.read_text("utf-8"))] == []


def test_the_map_of_the_readme_is_the_tree():
    """Everything at the top that the map names is there."""
    named = re.search(r"^## The map\n(.*?)\Z", (ROOT / "README.md").read_text(), re.MULTILINE | re.DOTALL)[1]
    paths = re.findall(r"`([\w./]+)`", "".join(line.split("|")[1] for line in named.splitlines() if "|" in line))

    assert paths
    rooms = ROOT / "filesync_dagster"
    assert [path for path in paths if not ((ROOT / path).exists() or (rooms / path).exists())] == []
