"""Cadences: which endpoints go together, and what counts as stale."""

from datetime import UTC, datetime, timedelta

import pytest

from filesync_dagster.config import freshness
from filesync_dagster.config.freshness import longest_gap
from filesync_dagster.orchestration.cadences import cadence_of, group_by_cadence


@pytest.fixture
def endpoint(project, store):
    """Return what makes a parsed endpoint."""

    def make(**entry):
        return project(store("a", **entry)).open().config.endpoint("a")

    return make


@pytest.mark.parametrize(
    ("minutes", "name", "cron", "exact"),
    [
        (1, "every_minute", "* * * * *", True),
        (5, "every_5_minutes", "*/5 * * * *", True),
        (60, "every_hour", "0 * * * *", True),
        (120, "every_2_hours", "0 */2 * * *", True),
        (1440, "every_day", "0 0 * * *", True),
        (10080, "every_week", "0 0 * * 1", True),
        (7, "every_7_minutes", "* * * * *", False),
        (90, "every_90_minutes", "* * * * *", False),
        (300, "every_5_hours", "* * * * *", False),
    ],
)
def test_an_interval_is_a_cron_where_one_has_equal_steps(endpoint, minutes, name, cron, exact):
    """Where none has, every minute asks who is due."""
    cadence = cadence_of(endpoint(schedule_config={"interval_minutes": minutes}), "UTC")
    assert (cadence.name, cadence.cron, cadence.exact) == (name, cron, exact)


def test_a_cron_has_its_own_time_zone(endpoint):
    """Two crons that differ in the zone alone are two schedules."""
    plan = {"cron": "30 6 * * 1-5"}
    here = cadence_of(endpoint(schedule="cron", schedule_config=plan), "UTC")
    there = cadence_of(endpoint(schedule="cron", schedule_config={**plan, "timezone": "Asia/Tokyo"}), "UTC")
    assert here.name == "cron_30_6_any_any_1to5"
    assert there.name == "cron_30_6_any_any_1to5_asia_tokyo"
    assert there.next_tick_after(datetime(2026, 3, 2, tzinfo=UTC)) == datetime(2026, 3, 2, 21, 30, tzinfo=UTC)


def test_manual_and_inactive_endpoints_have_none(endpoint):
    """Nobody but a person starts them."""
    assert cadence_of(endpoint(schedule="manual"), "UTC") is None
    assert cadence_of(endpoint(is_active=False), "UTC") is None


def test_there_is_a_cadence_for_each_distinct_one(project, store):
    """However many endpoints share it."""
    made = project(
        *(store(f"e{i}", schedule_config={"interval_minutes": (5, 60)[i % 2]}) for i in range(6)),
        store("m", schedule="manual"),
    )
    groups = group_by_cadence(made.open().config.endpoints, "UTC")
    assert {cadence.name: len(group) for cadence, group in groups.items()} == {"every_5_minutes": 3, "every_hour": 3}


def test_weekends_do_not_make_a_working_day_cron_stale(endpoint):
    """The gap that counts is the longest one."""
    warn, fail = freshness(endpoint(schedule="cron", schedule_config={"cron": "0 6 * * 1-5"}))
    assert timedelta(days=3) < warn < fail <= timedelta(days=3, hours=4)


@pytest.mark.parametrize(
    ("cron", "longest"),
    [
        ("* * * * *", timedelta(minutes=1)),
        ("*/7 * * * *", timedelta(minutes=7)),
        ("*/2 8-17 * * 1-5", timedelta(hours=62, minutes=2)),
        ("* 8-17 * * 1-5", timedelta(hours=62, minutes=1)),
        ("*/10 6-20 * * *", timedelta(hours=9, minutes=10)),
        ("* * 1 1 *", timedelta(days=365, minutes=1)),
        ("0 6 31 * *", timedelta(days=61)),
        ("30 22 * * 1,3", timedelta(days=5)),
        ("0 0 29 2 *", timedelta(days=1461)),
        ("*/30 * L * *", timedelta(days=30, minutes=30)),
    ],
)
def test_the_longest_gap_is_found_however_often_it_ticks_before(cron, longest):
    """A night, a weekend, most of a year: what ticks every minute in between is still looked at to its end."""
    assert longest_gap(cron) == longest


def test_what_nobody_starts_is_never_stale(endpoint):
    """There is nothing to wait for."""
    assert freshness(endpoint(schedule="manual")) is None
    assert freshness(endpoint(is_active=False)) is None
