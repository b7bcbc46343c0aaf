"""A clock that steps back or forth changes what time a sync tells, and nothing else."""

import random
from datetime import timedelta

import pytest

from filesync_dagster.core import clock
from filesync_dagster.core.model import SyncMode, SyncStatus
from filesync_dagster_tests.sync import stepping_clock
from filesync_dagster_tests.sync.model.scripted import Script, delta, row, scripted
from filesync_dagster_tests.sync.projects import Project, live, rows_of, stored

ENTRY = {"name": "e", "type": "script", "endpoint_details": {}, "guard": {"enabled": False}}


def shown(rows):
    """Return what a user reads of some rows."""
    return {(one["external_id"], one["path"], one["version"]) for one in rows}


def history(seed):
    """Return, sync by sync, what is there and what a feed tells of it."""
    rng, there, told = random.Random(seed), {}, []
    for number in range(14):
        name = rng.choice("abcdef")
        if name in there and rng.random() < 0.4:
            del there[name]
            told.append((dict(there), delta("one", removed={name: number})))
        else:
            there[name] = row(name, version=str(number))
            told.append((dict(there), delta("one", there[name], order=(number,))))
    return told


def export(filesync, tmp_path, at=None):
    """Return what `export` writes."""
    import pyarrow.parquet as pq

    filesync.export("e", tmp_path / "out.parquet", format="parquet", as_of=at)
    return shown(pq.read_table(tmp_path / "out.parquet").to_pylist())


@pytest.mark.parametrize(
    ("database", "most"),
    [
        ("sqlite", timedelta(seconds=3)),
        pytest.param("postgresql", timedelta(hours=40), marks=pytest.mark.slow),
        pytest.param("sqlite", timedelta(hours=40), marks=pytest.mark.slow),
        pytest.param("postgresql", timedelta(seconds=3), marks=pytest.mark.slow),
    ],
)
def test_any_history_is_told_as_by_a_straight_clock(tmp_path, request, database, most):
    """Export, as of each moment, files, and the reconcile in the end: all follow the order of the commits."""
    url = request.getfixturevalue("postgres_url") if database == "postgresql" else None
    script = Script([row("x")])
    with scripted(script), Project(tmp_path, ENTRY, database=url).open() as filesync:
        assert filesync.sync("e").status is SyncStatus.COMPLETED
        with stepping_clock.steps(len(database), most):
            for there, told in history(7):
                script.deltas = [told]
                script.rows = [row("x"), *there.values()]
                result = filesync.sync("e")
                assert (result.status, result.warnings) == (SyncStatus.COMPLETED, ())
                # A chain in a wrong order is noticed, and mended by a full sync; after hours one is due anyway.
                assert result.mode is SyncMode.INCREMENTAL or most > timedelta(hours=1)
                truth = shown(script.rows)
                assert shown(live(filesync, "e")) == truth
                assert export(filesync, tmp_path) == truth
                logs = filesync.syncs("e")
                for moment in (logs[0].as_of, max(log.as_of for log in logs)):
                    assert shown(rows_of(filesync.files("e", as_of=moment))) == truth
            script.deltas = []
            filesync.runtime.metadata.endpoints.expire_proofs(["e"])
            again = filesync.sync("e")
        assert (again.status, again.mode, again.counts.added, again.counts.removed) == (
            SyncStatus.COMPLETED, SyncMode.FULL, 0, 0
        )  # fmt: skip
        assert export(filesync, tmp_path) == truth


def test_a_reconcile_is_due_though_the_last_one_seems_to_lie_ahead(tmp_path, monkeypatch):
    """A clock that was a year ahead for one sync does not put the next reconcile off for a year."""
    script, real = Script([row("x")]), clock.utc_now
    with scripted(script), Project(tmp_path, ENTRY).open() as filesync:
        monkeypatch.setattr(clock, "utc_now", lambda: real() + timedelta(days=365))
        filesync.sync("e")
        monkeypatch.setattr(clock, "utc_now", real)
        assert filesync.sync("e").mode is SyncMode.FULL
        assert filesync.sync("e").mode is SyncMode.INCREMENTAL
        assert stored(filesync, filesync.syncs("e")[0].snapshot_uri)


def test_a_store_does_not_rest_for_longer_than_it_would_by_a_straight_clock(tmp_path, monkeypatch):
    """A breaker that opened while the clock was a year ahead is not open for a year."""
    from filesync_dagster.storage.database import BreakerRecord
    from filesync_dagster.sync.circuit_breaker import is_resting

    now = clock.utc_now()
    assert is_resting(BreakerRecord(1, state="open", failures=5, probe_at=now + timedelta(minutes=5)), now)
    assert not is_resting(BreakerRecord(1, state="open", failures=5, probe_at=now + timedelta(days=365)), now)
