"""Where each store is, as Dagster shows it."""

import pytest

from filesync_dagster.connectors import CONNECTORS
from filesync_dagster.orchestration.assets.places import place_text
from filesync_dagster.orchestration.assets.specs import kind_icon

PLACES = [
    (
        "sharepoint",
        {"site_url": "https://x.sharepoint.com/sites/a"},
        "all libraries of the site https://x.sharepoint.com/sites/a",
    ),
    (
        "sharepoint",
        {"site_id": "1,2", "drive": "Plans", "folder_path": "2026"},
        "`2026` and all below it in the library `Plans` of the site 1,2",
    ),
    ("onedrive", {"user": "ada@x.com"}, "the OneDrive of ada@x.com"),
    ("onedrive", {"drive_id": "b!1", "folder_path": "A"}, "`A` and all below it in the drive `b!1`"),
    ("dropbox", {"path": ""}, "what the app may see of a Dropbox"),
    ("dropbox", {"path": "/A", "namespace_id": "7"}, "`/A` and all below it in the namespace `7`"),
    ("dropbox", {"select_user": "dbmid:1"}, "what the member `dbmid:1` sees of a Dropbox"),
    ("box", {"folder_id": "0"}, "all that the account sees in Box"),
    ("box", {"folder_id": "12"}, "the folder `12` and all below it"),
    ("gcs", {"bucket": "scans", "prefix": "a/"}, "`gs://scans/a/`"),
    ("gcs", {"bucket": "scans", "base_url": "https://storage.googleapis.com"}, "`gs://scans/`"),
    ("gcs", {"bucket": "scans", "base_url": "http://here"}, "`gs://scans/` at http://here"),
    ("azure_blob", {"container": "models", "base_url": "http://here"}, "`azure://models/` at http://here"),
    ("s3", {"bucket": "eng", "endpoint_url": "http://here"}, "`s3://eng/` at http://here"),
    ("local", {"path": "/mnt"}, "`/mnt`"),
    ("someone's", {"address": "x"}, None),
]


@pytest.mark.parametrize(("kind", "details", "text"), PLACES)
def test_places_are_told_in_words(kind, details, text):
    """The part of the store that an endpoint lists."""
    assert place_text(kind, details) == text


def test_each_kind_of_store_can_be_told_apart():
    """No two types have one label, or icon, in Dagster."""
    types = CONNECTORS.endpoint_types()

    assert len({kind_icon(kind) for kind in types}) == len(types)
