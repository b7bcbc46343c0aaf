"""The places of the contract suite."""

import pytest

from filesync_dagster_tests.connectors.local.place import LocalPlace

PLACES = {
    "local": lambda request: LocalPlace(request.getfixturevalue("tmp_path")),
    "local_hashing": lambda request: LocalPlace(request.getfixturevalue("tmp_path"), hash="sha256"),
    "local_without_stable_ids": lambda request: LocalPlace(request.getfixturevalue("tmp_path"), identity="path"),
}
"""One line per connector (and per way of running it that changes its capabilities): name → Place."""


@pytest.fixture(params=list(PLACES))
def place(request):
    """Return an empty place of each kind, one after the other."""
    return PLACES[request.param](request)
