"""What all suites share: a place, and a source of it."""

from collections.abc import Iterator

import pytest

from filesync_dagster.connectors.base import Source
from filesync_dagster.core.model import Meter
from filesync_dagster.testing.place import Place


class PlaceSuite:
    """Tests of the place of a subclass."""

    @pytest.fixture
    def place(self) -> Place:
        """Return an empty place. A subclass says which."""
        raise pytest.UsageError(
            f"{type(self).__name__} needs a fixture `place`, an empty place: see docs/adding-a-connector.md."
        )

    @pytest.fixture
    def source(self, place: Place) -> Iterator[Source]:
        """Return a source of the place, closed afterwards."""
        opened = place.open(Meter())
        yield opened
        opened.close()
