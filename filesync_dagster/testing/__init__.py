"""The contract suite: what every connector must do, for connectors of other packages as well. Needs pytest.

A connector proves itself with one file: a `Place`, and a subclass of `ConnectorSuite` whose fixture `place` returns it.
`filesync_dagster/testing` is imported by tests only.
"""

import pytest

pytest.register_assert_rewrite(
    "filesync_dagster.testing.listing_suite",
    "filesync_dagster.testing.change_suite",
    "filesync_dagster.testing.fault_suite",
    "filesync_dagster.testing.part_suite",
    "filesync_dagster.testing.rows",
)

from filesync_dagster.simulators.kit.faults import Fault, FaultPlan  # noqa: E402 - asserts are rewritten before
from filesync_dagster.testing.change_suite import ChangeSuite  # noqa: E402
from filesync_dagster.testing.fault_suite import FaultSuite  # noqa: E402
from filesync_dagster.testing.listing_suite import ListingSuite  # noqa: E402
from filesync_dagster.testing.part_suite import PartSuite  # noqa: E402
from filesync_dagster.testing.place import IMPATIENT, FaultyPlace, PartedPlace, Place, TrashPlace  # noqa: E402

__all__ = [
    "IMPATIENT",
    "ChangeSuite",
    "ConnectorSuite",
    "Fault",
    "FaultPlan",
    "FaultSuite",
    "FaultyPlace",
    "ListingSuite",
    "PartSuite",
    "PartedPlace",
    "Place",
    "TrashPlace",
]


class ConnectorSuite(ListingSuite, ChangeSuite, FaultSuite, PartSuite):
    """All tests of a connector. What its sources do not claim to do is skipped."""
