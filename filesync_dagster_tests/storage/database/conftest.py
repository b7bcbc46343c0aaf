"""A database of each kind, and rows to put into it."""

import shutil

import pytest

from filesync_dagster.storage.database import EndpointRecord, Metadata
from filesync_dagster_tests.databases import sqlite_template


@pytest.fixture(params=["sqlite", "postgresql"])
def kind(request):
    """Return what kind of database it is."""
    return request.param


@pytest.fixture
def empty_url(kind, request, tmp_path):
    """Return the URL of an empty database."""
    return request.getfixturevalue("postgres_url") if kind == "postgresql" else f"sqlite:///{tmp_path}/filesync.db"


@pytest.fixture
def url(kind, request, tmp_path):
    """Return the URL of a database with the tables and no rows."""
    if kind == "postgresql":
        return request.getfixturevalue("postgres_tables_url")
    return f"sqlite:///{shutil.copy(sqlite_template(), tmp_path)}"


@pytest.fixture
def metadata(url):
    """Return an open metadata database."""
    with Metadata.open(url) as opened:
        yield opened


@pytest.fixture
def endpoint(metadata):
    """Return the id of a registered endpoint."""
    return metadata.endpoints.register(EndpointRecord("drawings", "s3", project_id="p1", user_id="u1"))
