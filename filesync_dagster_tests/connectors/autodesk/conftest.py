"""What the tests of this connector share."""

import pytest

from filesync_dagster_tests.connectors.autodesk.inventory import Inventory
from filesync_dagster_tests.connectors.autodesk.site import Site


@pytest.fixture
def site():
    """Return an account with one project, and close what was opened of it."""
    made = Site()
    yield made
    made.close()


@pytest.fixture
def known(site):
    """Return what is known of a project with 36 folders, an hour after its last change."""
    site.fill(30, files=1)
    return Inventory(site.open(page_size=200))
