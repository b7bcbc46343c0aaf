"""The journal counted by quarters of an hour, on both databases."""

from collections import Counter
from datetime import UTC, datetime

import pytest

from filesync_dagster.storage.database import EndpointRecord
from filesync_dagster_tests.storage.database.builders import at, batch, changes, commit, entry, journal

QUARTER = 900
OFFSETS = (0, 14.99, 15, 75, 60 * 24)
"""Minutes after noon at which the first endpoint changes."""


@pytest.fixture
def endpoints(metadata):
    """Two endpoints with changes at odd minutes; the second one's are nobody else's business."""
    first, second = (metadata.endpoints.register(EndpointRecord(name, "s3")) for name in ("first", "second"))
    commit(metadata, first, "import", -60, imported=[batch(entry("x"), entry("y"))])
    for number, minutes in enumerate(OFFSETS):
        more = [("added", None, entry(f"n{number}")), ("added", None, entry(f"m{number}"))]
        edit = ("modified", entry("x", size=number), entry("x", size=number + 1))
        commit(metadata, first, f"s{number}", minutes, changes=[changes(edit, *more[: number % 3])])
    commit(metadata, second, "other", 1, changes=[changes(("added", None, entry("z")))])
    return first, second


def test_changes_are_counted_by_quarters_of_an_hour(metadata, endpoints):
    """By kind; the end is not included, an import is no change."""
    first, second = endpoints
    for ids in ([first], [first, second], [second], []):
        for since, until in ((at(-120), at(9999)), (at(15), at(75)), (at(0), at(0))):
            expected = Counter()
            for endpoint in ids:
                for row in journal(metadata, endpoint, since=since, until=until):
                    seconds = int(row["observed_at"].timestamp())
                    quarter = datetime.fromtimestamp(seconds - seconds % QUARTER, UTC)
                    expected[quarter, row["change"]] += 1
            found = list(metadata.files.activity(ids, since, until))
            assert {(moment, change): count for moment, change, count in found} == expected
            assert len(found) == len(expected)
    assert sum(count for *_, count in metadata.files.activity([first], at(-120), at(9999))) == 9
