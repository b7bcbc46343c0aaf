"""What a user may say about a Dropbox."""

import pytest
from pydantic import ValidationError

from filesync_dagster.connectors.dropbox import DropboxDetails

KEYS = {"app_key": "key", "app_secret": "hush", "refresh_token": "hush hush"}

WRONG = (
    ({}, "no credentials"),
    ({"app_key": "key"}, "no credentials"),
    ({"access_token": "x", "refresh_token": "y"}, "exclude each other"),
    ({**KEYS, "select_user": "dbmid:a", "select_admin": "dbmid:b"}, "exclude each other"),
    ({**KEYS, "path": "/a//b"}, "not a path"),
    ({**KEYS, "base_url": "ftp://x"}, "not an address"),
    ({**KEYS, "base_url": "https://user:pass@host"}, "not an address"),
    ({**KEYS, "namespace_id": "a/b"}, "namespace_id"),
    ({**KEYS, "select_user": "a\nb"}, "select_user"),
)


@pytest.mark.parametrize(("details", "problem"), WRONG)
def test_what_is_wrong(details, problem):
    """It is said in words, without a secret."""
    with pytest.raises(ValidationError) as wrong:
        DropboxDetails(**details)
    assert problem in str(wrong.value)
    assert "hush" not in str(wrong.value)


@pytest.mark.parametrize(
    ("path", "kept"), [("", ""), ("/", ""), ("Projects", "/Projects"), ("/Projects/2026/", "/Projects/2026")]
)
def test_paths_are_written_as_one_likes(path, kept):
    """Dropbox wants a slash before, none behind, and nothing at all for the root."""
    assert DropboxDetails(**KEYS, path=path).path == kept


def test_the_case_of_a_path_makes_no_other_scope():
    """Nor does it in Dropbox."""
    assert DropboxDetails(**KEYS, path="/A").scope == DropboxDetails(**KEYS, path="/a").scope


def test_one_address_stands_for_all_hosts():
    """Those of Dropbox are several."""
    assert DropboxDetails(**KEYS).content_url == "https://content.dropboxapi.com"
    assert DropboxDetails(**KEYS, base_url="http://localhost:1/").content_url == "http://localhost:1"
