from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from filesync_dagster.config import Config, load_config, next_due, read_environment
from filesync_dagster.core.errors import ConfigError, UnknownEndpoint

GOOD = """
settings:
  partitions: {start_date: 2026-01-01, timezone: Europe/Berlin}
  memory_limit: 512MB
endpoints:
  - name: engineering_files
    type: s3
    title: Engineering Files
    project_id: eng-project-001
    user_id: engineer@company.com
    endpoint_details: {bucket: eng, prefix: drawings/, access_key_id: "${KEY}", secret_access_key: "${SECRET}"}
    filters: {file_types: [dwg, pdf, docx], include: ["**"], exclude: ["**/~$*"], min_size: 0, max_size: 5GB}
    schedule: interval
    schedule_config: {interval_minutes: 5}
    guard: {max_removed_percent: 50, max_removed: 10000}
    is_active: true
  - name: shared
    type: local
    endpoint_details: {path: shared/folder}
    schedule: manual
"""


def load(tmp_path: Path, text: str, **variables: str) -> Config:
    """Load a text as the configuration file."""
    file = tmp_path / "endpoints.yaml"
    file.write_text(text, encoding="utf-8")
    return load_config(read_environment(file, variables))


def problems(tmp_path: Path, text: str, **variables: str) -> list[str]:
    """Return every problem of a text, without the folder that the file lies in."""
    try:
        found = load(tmp_path, text, **variables).problems
    except ConfigError as error:
        found = error.problems
    return [problem.replace(f"{tmp_path}/", "") for problem in found]


def endpoint(lines: str) -> str:
    """Return a configuration of one endpoint; its first line is line 3."""
    body = "\n".join(f"    {line}" for line in lines.strip().splitlines())
    return f"endpoints:\n  -\n{body}\n"


def test_a_whole_configuration(tmp_path):
    """The example of the documentation loads, with every value where it belongs."""
    config = load(tmp_path, GOOD, KEY="AKIA", SECRET="hunter2")

    first, second = config.endpoints
    assert not config.problems
    assert (first.name, first.type, first.label) == ("engineering_files", "s3", "Engineering Files")
    assert first.endpoint_details.secret_access_key.get_secret_value() == "hunter2"
    assert config.settings.memory_limit == 512_000_000
    assert second.endpoint_details.path == str(tmp_path / "shared/folder")


def test_secrets_show_nowhere(tmp_path):
    """A secret is in no repr and not among the details that tables show."""
    config = load(tmp_path, GOOD, KEY="AKIA", SECRET="hunter2")

    assert "hunter2" not in repr(config)
    assert config.endpoints[0].public_details()["bucket"] == "eng"
    assert "hunter2" not in str(config.endpoints[0].public_details())


@pytest.mark.parametrize(
    ("what", "text", "expected"),
    [
        ("not YAML", "endpoints: [", "endpoints.yaml:2: this is not YAML"),
        ("a tab", "endpoints:\n\t- name: x", "endpoints.yaml:2: this is not YAML"),
        ("a control character", "endpoints:\n- name: \x00", "endpoints.yaml:2: this is not YAML"),
        ("a list", "- a", "endpoints.yaml:1: the file must have a list under `endpoints:`"),
        (
            "an unknown key on top",
            "endpoint: []",
            "endpoints.yaml:1: unknown key 'endpoint'. Did you mean 'endpoints'?",
        ),
        ("endpoints as a mapping", "endpoints: {a: b}", "endpoints.yaml:1: `endpoints:` must be a list"),
        (
            "an unknown setting",
            "settings:\n  partitions:\n    timezon: UTC",
            "endpoints.yaml:3: unknown key 'partitions.timezon'. Did you mean 'timezone'?",
        ),
        ("an endpoint that is text", "endpoints:\n- nonsense", "endpoints.yaml:2: an endpoint must be a mapping"),
        (
            "an unknown type",
            endpoint("name: a\ntype: s4\nendpoint_details: {}"),
            "endpoints.yaml:4: unknown type 's4'. There are: autodesk, azure_blob, ",
        ),
        (
            "a misspelt key",
            endpoint("name: a\ntype: local\nendpoint_details: {path: /x}\nschedul: manual"),
            "endpoints.yaml:6: unknown key 'schedul'. Did you mean 'schedule'?",
        ),
        (
            "a misspelt detail",
            endpoint("name: a\ntype: s3\nendpoint_details:\n  bucket: b\n  prefx: c"),
            "endpoints.yaml:7: unknown key 'endpoint_details.prefx'. Did you mean 'prefix'?",
        ),
        (
            "a missing detail",
            endpoint("name: a\ntype: s3\nendpoint_details: {}"),
            "endpoints.yaml:5: 'endpoint_details.bucket' is required.",
        ),
        (
            "a missing variable",
            endpoint("name: a\ntype: s3\nendpoint_details:\n  bucket: ${NOT_SET}"),
            "endpoints.yaml:6: the environment variable NOT_SET is not set",
        ),
        (
            "a name that is no slug",
            endpoint("name: Engineering Files\ntype: local\nendpoint_details: {path: /x}"),
            "try 'engineering_files'",
        ),
        (
            "a wrong value",
            endpoint("name: a\ntype: local\nendpoint_details: {path: /x}\nguard:\n  max_removed_percent: 150"),
            "endpoints.yaml:7: guard.max_removed_percent: must be at most 100.",
        ),
        (
            "cron without an expression",
            endpoint("name: a\ntype: local\nendpoint_details: {path: /x}\nschedule: cron"),
            "schedule: cron needs schedule_config",
        ),
        (
            "a bad cron",
            endpoint("name: a\ntype: local\nendpoint_details: {path: /x}\nschedule_config:\n  cron: every day"),
            "is not a cron expression of five fields",
        ),
        (
            "a bad time zone",
            "settings:\n  partitions: {timezone: Europe/Berln}",
            "endpoints.yaml:2: partitions.timezone: 'Europe/Berln' is not a time zone; did you mean 'Europe/Berlin'?",
        ),
        (
            "a key given twice",
            endpoint("name: a\nname: b\ntype: local\nendpoint_details: {path: /x}"),
            "endpoints.yaml:4: 'name' is given twice; the first is on line 3.",
        ),
        (
            "a bad date",
            endpoint("name: a\ntype: local\nendpoint_details: {path: /x}\nfilters:\n  modified_after: 2026-13-45"),
            "endpoints.yaml:7",
        ),
    ],
)
def test_problems_are_sentences_with_a_line(tmp_path, what, text, expected):
    """Each mistake gives a sentence that names the line and, where it can, the remedy."""
    found = problems(tmp_path, text)

    assert any(expected in problem for problem in found), found


def test_all_problems_at_once(tmp_path):
    """Three broken endpoints give all their problems, and the good one beside them works."""
    text = GOOD + "\n".join(
        f"""
  - name: broken_{i}
    type: local
    endpoint_details: {{pth: /x}}
    shedule: manual"""
        for i in range(3)
    )
    config = load(tmp_path, text, KEY="k", SECRET="s")

    assert [e.name for e in config.endpoints] == ["engineering_files", "shared"]
    assert [b.name for b in config.broken] == ["broken_0", "broken_1", "broken_2"]
    assert len(config.problems) == 9  # two unknown keys and a missing path, each


def test_settings_do_not_hide_endpoints(tmp_path):
    """A mistake in the settings is reported together with those of the endpoints."""
    text = "settings:\n  concurency: 3\nendpoints:\n- {name: a, type: locl, endpoint_details: {path: /x}}\n"

    first, second = problems(tmp_path, text)

    assert "Did you mean 'concurrency'" in first
    assert "unknown type 'locl'" in second


def test_the_same_name_twice(tmp_path):
    """The second endpoint of a name is refused; the first stays."""
    one = "  - {name: a, type: local, endpoint_details: {path: /x}}\n"
    config = load(tmp_path, "endpoints:\n" + one + one)

    assert len(config.endpoints) == 1
    assert "already taken" in config.problems[0]


def test_references_have_defaults_and_an_escape(tmp_path):
    """`${X:-d}` falls back to d, `$${X}` stays as it is written, and an alias of its own is refused."""
    text = endpoint('name: a\ntype: s3\nendpoint_details: {bucket: "${B:-fallback}", prefix: "$${B}"}')
    details = load(tmp_path, text).endpoints[0].endpoint_details

    assert (details.bucket, details.prefix) == ("fallback", "${B}")
    assert "contains itself" in problems(tmp_path, "endpoints: &a\n  - *a")[0]


def test_unknown_endpoint_suggests_the_nearest(tmp_path):
    """Asking for a name that is not there tells which one was meant."""
    config = load(tmp_path, GOOD, KEY="k", SECRET="s")

    with pytest.raises(UnknownEndpoint, match="Did you mean 'shared'"):
        config.endpoint("sharde")


def test_missing_file(tmp_path):
    """A configuration that is not there says how to make one."""
    with pytest.raises(ConfigError, match="filesync init"):
        load_config(read_environment(tmp_path / "nowhere.yaml", {}))


def test_when_an_endpoint_is_due(tmp_path):
    """Intervals count from the last start, cron follows its own clock across a change of time, manual never comes."""
    text = (
        GOOD
        + """
  - name: nightly
    type: local
    endpoint_details: {path: /x}
    schedule: cron
    schedule_config: {cron: "30 2 * * *"}
"""
    )
    config = load(tmp_path, text, KEY="k", SECRET="s")
    every_five, manual, nightly = config.endpoints
    berlin = ZoneInfo("Europe/Berlin")
    last = datetime(2026, 6, 1, 12, tzinfo=UTC)

    assert next_due(every_five, last, berlin, last) == last + timedelta(minutes=5)
    assert next_due(every_five, None, berlin, last) == last
    assert next_due(manual, None, berlin, last) is None
    assert next_due(nightly, last, berlin, last) == datetime(2026, 6, 2, 2, 30, tzinfo=berlin)
    winter = datetime(2026, 12, 1, 12, tzinfo=UTC)
    assert next_due(nightly, winter, berlin, winter) == datetime(2026, 12, 2, 1, 30, tzinfo=UTC)
