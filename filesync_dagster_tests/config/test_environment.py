"""Variables as shells, containers and services hand them over."""

from pathlib import Path

import pytest

from filesync_dagster.config import read_environment


@pytest.mark.parametrize("written", ['"{}"', "'{}'", "{} ", " {}", "{}\n", '" {} "'])
def test_a_place_has_no_quotes_around_it(written):
    """`docker run --env-file` and `environment:` of compose keep quotes and blanks that a shell takes off."""
    names = ("FILESYNC_HOME", "FILESYNC_CONFIG", "FILESYNC_SNAPSHOT_ROOT", "FILESYNC_DATABASE_URL")
    found = read_environment(None, {name: written.format(f"/data/{name}") for name in names})

    assert found.home == Path("/data/FILESYNC_HOME")
    assert found.config_path == Path("/data/FILESYNC_CONFIG")
    assert found.snapshot_root == "/data/FILESYNC_SNAPSHOT_ROOT"
    assert found.database_url == "/data/FILESYNC_DATABASE_URL"


def test_a_tilde_is_the_home_of_the_user(monkeypatch):
    """Only a shell replaces it, and a folder of that name is not what is meant."""
    monkeypatch.setenv("HOME", "/home/me")
    found = read_environment(None, {"FILESYNC_HOME": "~/filesync", "FILESYNC_SNAPSHOT_ROOT": "~/data"})

    assert found.home == Path("/home/me/filesync")
    assert found.snapshot_root == "/home/me/data"


def test_what_is_quoted_on_one_side_only_stays():
    """It is part of the value."""
    assert read_environment(None, {"FILESYNC_API_TOKEN": '"x'}).api_token == '"x'
    assert read_environment(None, {"FILESYNC_API_TOKEN": '"'}).api_token == '"'
