"""Times as people type them, and values as people read them."""

import doctest
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import click
import pytest

from filesync_dagster.cli import moments, results, text
from filesync_dagster.cli.moments import Moment, end_of, start_of

NEW_YORK = ZoneInfo("America/New_York")
NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("typed", "first", "last"),
    [
        ("2026-11-20", "2026-11-20T05:00:00+00:00", "2026-11-21T04:59:59.999999+00:00"),
        ("2026-11-01", "2026-11-01T04:00:00+00:00", "2026-11-02T04:59:59.999999+00:00"),  # 25 hours long
        ("2026-11-20T09:30", "2026-11-20T14:30:00+00:00", "2026-11-20T14:30:00+00:00"),
        ("2026-11-20 09:30:15", "2026-11-20T14:30:15+00:00", "2026-11-20T14:30:15+00:00"),
        ("2026-11-20T09:30Z", "2026-11-20T09:30:00+00:00", "2026-11-20T09:30:00+00:00"),
        ("2026-11-20T09:30+01:00", "2026-11-20T08:30:00+00:00", "2026-11-20T08:30:00+00:00"),
        ("2h", "2026-11-21T10:00:00+00:00", "2026-11-21T10:00:00+00:00"),
        ("1.5h", "2026-11-21T10:30:00+00:00", "2026-11-21T10:30:00+00:00"),
        ("3d", "2026-11-18T12:00:00+00:00", "2026-11-18T12:00:00+00:00"),
    ],
)
def test_times_as_people_type_them(typed, first, last):
    """A day is as long as it is where the partitions are; a naive time is theirs too."""
    when = Moment().convert(typed, None, None)

    assert start_of(when, NEW_YORK, NOW).isoformat() == first
    assert end_of(when, NEW_YORK, NOW).isoformat() == last


@pytest.mark.parametrize("typed", ["0001-01-01", "9999-12-31", "999999w", "9999-12-31T23:59"])
def test_the_ends_of_the_calendar_are_no_crash(typed):
    """A time that no clock can show is refused, or taken for the nearest one."""
    when = Moment().convert(typed, None, None)

    for edge in (start_of, end_of):
        assert edge(when, NEW_YORK, NOW).tzinfo is UTC


@pytest.mark.parametrize("typed", ["", "tomorrow", "2026-02-30", "2x", "-2h", "2026-11-20T25:00"])
def test_what_is_no_time_is_refused(typed):
    """The caller learns it at once."""
    with pytest.raises(click.BadParameter, match="is not a time"):
        Moment().convert(typed, None, None)


@pytest.mark.parametrize("module", [text, moments, results])
def test_examples(module):
    """The examples in the docstrings are true."""
    assert doctest.testmod(module).failed == 0


@pytest.mark.parametrize(
    ("at", "shown"),
    [
        (datetime(2026, 11, 21, 9, 30, tzinfo=UTC), "2026-11-21T09:30:00Z"),
        (datetime(2026, 11, 21, 9, 30, tzinfo=NEW_YORK), "2026-11-21T14:30:00Z"),
        (datetime(2026, 11, 21, 9, 30, 0, 5, tzinfo=UTC), "2026-11-21T09:30:00.000005Z"),
        (None, None),
    ],
)
def test_moments_in_json_are_utc_with_a_z(at, shown):
    """Programs need not know about time zones."""
    assert text.iso(at) == shown


def test_days_and_durations_are_what_they_are():
    """A day is not a moment and not a duration."""
    assert Moment().convert("2026-11-20", None, None) == date(2026, 11, 20)
    assert Moment().convert("90m", None, None) == timedelta(minutes=90)
