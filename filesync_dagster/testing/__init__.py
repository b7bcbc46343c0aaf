"""The contract suite: what every connector must do, for connectors of other packages as well. Needs pytest.

A connector proves itself with one file: a `Place`, and a subclass of `ConnectorSuite` whose fixture `place` returns it.
A destination likewise, with a `DestinationPlace` and a subclass of `DestinationSuite`.
`filesync_dagster/testing` is imported by tests only.
"""

import pytest

pytest.register_assert_rewrite(
    "filesync_dagster.testing.listing_suite",
    "filesync_dagster.testing.change_suite",
    "filesync_dagster.testing.content_suite",
    "filesync_dagster.testing.fault_suite",
    "filesync_dagster.testing.part_suite",
    "filesync_dagster.testing.destination_place",
    "filesync_dagster.testing.destination_write_suite",
    "filesync_dagster.testing.destination_change_suite",
    "filesync_dagster.testing.destination_fault_suite",
    "filesync_dagster.testing.destination_part_suite",
    "filesync_dagster.testing.rows",
)

from filesync_dagster.simulators.kit.faults import Fault, FaultPlan  # noqa: E402 - asserts are rewritten before
from filesync_dagster.testing.change_suite import ChangeSuite  # noqa: E402
from filesync_dagster.testing.content_suite import ContentSuite  # noqa: E402
from filesync_dagster.testing.destination_change_suite import DeleteSuite, FolderSuite, MoveSuite  # noqa: E402
from filesync_dagster.testing.destination_fault_suite import (  # noqa: E402
    DestinationBoundSuite,
    DestinationFaultSuite,
    DestinationRaceSuite,
)
from filesync_dagster.testing.destination_part_suite import DestinationPartSuite  # noqa: E402
from filesync_dagster.testing.destination_place import BoundedPlace, DestinationPlace, TroubledPlace  # noqa: E402
from filesync_dagster.testing.destination_write_suite import WriteSuite  # noqa: E402
from filesync_dagster.testing.fault_suite import FaultSuite  # noqa: E402
from filesync_dagster.testing.listing_suite import ListingSuite  # noqa: E402
from filesync_dagster.testing.part_suite import PartSuite  # noqa: E402
from filesync_dagster.testing.place import IMPATIENT, FaultyPlace, PartedPlace, Place, TrashPlace  # noqa: E402

__all__ = [
    "IMPATIENT",
    "BoundedPlace",
    "ChangeSuite",
    "ConnectorSuite",
    "ContentSuite",
    "DestinationPlace",
    "DestinationSuite",
    "Fault",
    "FaultPlan",
    "FaultSuite",
    "FaultyPlace",
    "ListingSuite",
    "PartSuite",
    "PartedPlace",
    "Place",
    "TrashPlace",
    "TroubledPlace",
]


class ConnectorSuite(ListingSuite, ChangeSuite, ContentSuite, FaultSuite, PartSuite):
    """All tests of a connector. What its sources do not claim to do is skipped."""


class DestinationSuite(
    WriteSuite,
    MoveSuite,
    DeleteSuite,
    FolderSuite,
    DestinationFaultSuite,
    DestinationBoundSuite,
    DestinationRaceSuite,
    DestinationPartSuite,
):
    """All tests of a destination. What it does not claim to do, and what cannot happen to its place, is skipped."""
