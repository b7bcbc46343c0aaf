"""When an endpoint is due: by its schedule, by its reconcile, and how late it begins."""

import json
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from filesync_dagster.config import delay, freshness, load_config, next_due, read_environment, reconcile_due

BERLIN = ZoneInfo("Europe/Berlin")
NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)
NIGHTLY = {"cron": "30 2 * * *"}


@pytest.fixture
def endpoint(tmp_path):
    """Return what parses an endpoint."""

    def make(name="a", **entry):
        config = tmp_path / "endpoints.yaml"
        config.write_text(
            json.dumps({"endpoints": [{"name": name, "type": "local", "endpoint_details": {"path": "a"}, **entry}]})
        )
        return load_config(read_environment(config, {})).endpoint(name)

    return make


@pytest.mark.parametrize(
    ("entry", "due"),
    [
        ({"schedule": "manual"}, None),
        ({"schedule": "manual", "reconcile": NIGHTLY}, datetime(2026, 6, 2, 2, 30, tzinfo=BERLIN)),
        (
            {"schedule": "manual", "reconcile": {**NIGHTLY, "timezone": "Asia/Tokyo"}},
            datetime(2026, 6, 1, 17, 30, tzinfo=UTC),
        ),
        ({"schedule_config": {"interval_minutes": 5}, "reconcile": NIGHTLY}, NOON + timedelta(minutes=5)),
        (
            {"schedule_config": {"interval_minutes": 7 * 24 * 60}, "reconcile": NIGHTLY},
            datetime(2026, 6, 2, 2, 30, tzinfo=BERLIN),
        ),
        ({"schedule": "manual", "reconcile": NIGHTLY, "is_active": False}, None),
    ],
)
def test_a_reconcile_with_a_cron_is_due_by_itself(endpoint, entry, due):
    """Whichever comes first, the schedule or the reconcile; in the time zone of the one that does."""
    assert next_due(endpoint(**entry), NOON, BERLIN, NOON) == due


def test_a_reconcile_is_due_after_so_many_hours_or_at_a_tick(endpoint):
    """The cron expression wins."""
    assert reconcile_due(endpoint(reconcile={"interval_hours": 6}), NOON, BERLIN) == NOON + timedelta(hours=6)
    both = endpoint(reconcile={"interval_hours": 6, **NIGHTLY})
    assert reconcile_due(both, NOON, BERLIN) == datetime(2026, 6, 2, 2, 30, tzinfo=BERLIN)


def test_what_only_reconciles_is_stale_when_it_does_not(endpoint):
    """A manual endpoint never is, unless something starts its reconciles."""
    assert freshness(endpoint(schedule="manual")) is None
    assert freshness(endpoint(schedule="manual", reconcile=NIGHTLY))[1] == timedelta(hours=28)


def test_jitter_spreads_endpoints_and_leaves_each_at_its_own_moment(endpoint):
    """All within the jitter, many of them different, each always the same; none without."""
    plan = {"interval_minutes": 5, "jitter_seconds": 60}
    delays = [delay(endpoint(f"e{i}", schedule_config=plan)) for i in range(40)]
    assert len(set(delays)) > 20
    assert 0 <= min(delays) < max(delays) <= 60
    assert delays[3] == delay(endpoint("e3", schedule_config=plan))
    assert delay(endpoint("e3")) == 0


def test_a_sync_that_seems_to_lie_ahead_puts_nothing_off(endpoint):
    """The clock was a year ahead when it began: the next one is due at once, not in a year."""
    ahead = NOON + timedelta(days=365)
    assert next_due(endpoint(schedule_config={"interval_minutes": 5}), ahead, BERLIN, NOON) == NOON
