"""Values that YAML allows and nobody expects: a problem with its line, never a crash."""

import pytest

from filesync_dagster.config import load_config, read_environment
from filesync_dagster.core.errors import ConfigError
from filesync_dagster.storage.snapshots import SnapshotStore

ENTRIES = "endpoints:\n- {name: good, type: local, endpoint_details: {path: x}}\n- {name: odd, "


@pytest.mark.parametrize(
    "rest",
    [
        "type: [s3]}",
        "type: {local: yes}}",
        "type: local, endpoint_details: {path: x}, is_active: !!bool maybe}",
        "type: local, endpoint_details: {path: x}, title: !!timestamp never}",
        "type: local, endpoint_details: {path: x}, filters: {modified_after: '0001-01-01T00:00:00+14:00'}}",
        "type: local, endpoint_details: {path: x}, filters: {max_size: 99999999999999999999}}",
        "type: s3, endpoint_details: {bucket: b, endpoint_url: 'http://127.0.0.1:99999'}}",
        "type: s3, endpoint_details: {bucket: b, endpoint_url: 'http://[::1'}}",
    ],
)
def test_an_odd_value_breaks_its_own_entry_only(tmp_path, rest):
    """The others stay usable, and the sentence names the line."""
    file = tmp_path / "endpoints.yaml"
    file.write_text(ENTRIES + rest)
    config = load_config(read_environment(file, {}))
    assert [endpoint.name for endpoint in config.endpoints] == ["good"]
    assert all(f"{file}:3: " in problem for problem in config.problems)
    assert config.problems


@pytest.mark.parametrize("setting", ["checkpoint_hours: .inf", "retention: {journal_days: 99999999999}"])
def test_a_time_beyond_the_calendar_is_refused(tmp_path, setting):
    """It would fail every sync, much later."""
    file = tmp_path / "endpoints.yaml"
    file.write_text(f"settings: {{{setting}}}\nendpoints: []\n")
    with pytest.raises(ConfigError, match=r"must be (at most|a number that is not infinite)"):
        load_config(read_environment(file, {}))


def test_an_unknown_home_is_a_name_like_any_other(tmp_path):
    """As in a shell: `~nobody-here` without such a user means itself."""
    file = tmp_path / "endpoints.yaml"
    file.write_text("endpoints:\n- {name: odd, type: local, endpoint_details: {path: ~nobody-here/x}}\n")
    [endpoint] = load_config(read_environment(file, {})).endpoints
    assert endpoint.endpoint_details.path == str(tmp_path / "~nobody-here" / "x")
    assert SnapshotStore("~nobody-here/data", tmp_path)


def test_a_password_in_an_address_is_refused(tmp_path):
    """Addresses are shown in messages and tables."""
    file = tmp_path / "endpoints.yaml"
    address = "https://me:hunter2@s3.example.com"
    file.write_text(
        f"endpoints:\n- {{name: odd, type: s3, endpoint_details: {{bucket: b, endpoint_url: '{address}'}}}}\n"
    )
    config = load_config(read_environment(file, {}))
    assert config.problems
    assert "hunter2" not in str(config.problems)
