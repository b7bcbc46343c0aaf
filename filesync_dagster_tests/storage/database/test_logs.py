from dataclasses import replace
from datetime import timedelta, timezone

import pytest

from filesync_dagster.core.errors import NothingHeld
from filesync_dagster.core.guard import Peak
from filesync_dagster.core.model import ListingGap, SyncMode, SyncStatus
from filesync_dagster.storage.database import CheckpointRecord, EndpointRecord, EndpointState
from filesync_dagster.storage.database.tables import endpoints, files
from filesync_dagster_tests.storage.database.builders import at, batch, changes, commit, entry, journal, log, new_state

DAY = 24 * 60


def test_an_endpoint_that_did_not_change_is_not_written(metadata, endpoint):
    """Registering is cheap and idempotent; a change is written once."""
    record = EndpointRecord("drawings", "s3", project_id="p1", user_id="u1")
    before = rows_of(metadata, endpoints)
    assert metadata.endpoints.register(record) == endpoint
    assert rows_of(metadata, endpoints) == before
    assert metadata.endpoints.register(replace(record, title="Drawings", details={"bucket": "b"})) == endpoint
    (row,) = rows_of(metadata, endpoints)
    assert (row.title, row.endpoint_details, row.is_active) == ("Drawings", {"bucket": "b"}, True)


def test_a_new_project_reaches_the_files(metadata, endpoint):
    """The files of an endpoint belong to its project and user."""
    commit(metadata, endpoint, "s1", imported=[batch(entry("a"))])
    metadata.endpoints.register(EndpointRecord("drawings", "s3", project_id="p2", user_id="u1"))
    assert rows_of(metadata, files)[0].project_id == "p2"


def test_endpoints_that_left_the_configuration_become_inactive(metadata, endpoint):
    """They keep their rows and come back when they are registered again."""
    metadata.endpoints.register(EndpointRecord("other", "local"))
    metadata.endpoints.deactivate_except(["other"])
    assert {row.name: row.is_active for row in rows_of(metadata, endpoints)} == {"drawings": False, "other": True}
    metadata.endpoints.register(EndpointRecord("drawings", "s3", project_id="p1", user_id="u1"))
    assert all(row.is_active for row in rows_of(metadata, endpoints))


def test_the_files_that_logs_point_to_are_asked_for_without_the_logs(metadata, endpoint):
    """Each once, however many syncs point to it, and none of another endpoint."""
    other = metadata.endpoints.register(EndpointRecord("other", "local"))
    commit(metadata, endpoint, "s1")
    metadata.syncs.record(log(endpoint, "s2", 1, snapshot_uri="snapshots/s1.parquet", changes_uri="changes/s2.parquet"))
    metadata.syncs.record(log(endpoint, "s3", 2, SyncStatus.FAILED, snapshot_uri=None))
    commit(metadata, other, "s4")
    assert metadata.syncs.stored_files(endpoint) == {
        uri for one in metadata.syncs.between(endpoint) for uri in (one.snapshot_uri, one.changes_uri) if uri
    }
    assert {"snapshots/s1.parquet", "changes/s2.parquet"} <= metadata.syncs.stored_files(endpoint)
    assert metadata.syncs.stored_files(other).isdisjoint(metadata.syncs.stored_files(endpoint))


def test_an_endpoint_that_never_synced_has_an_empty_state(metadata, endpoint):
    """`state` and `states` agree."""
    assert metadata.endpoints.state(endpoint) == EndpointState(endpoint)
    assert metadata.endpoints.states() == {"drawings": EndpointState(endpoint)}


def test_a_commit_sets_the_state(metadata, endpoint):
    """The state is what was given, plus when it was written."""
    commit(metadata, endpoint, "s1", 3)
    state = metadata.endpoints.state(endpoint)
    assert state.updated_at is not None
    assert replace(state, updated_at=None) == EndpointState(
        endpoint, "snapshots/s1.parquet", "s1", "v-s1", at(3), 0, 0, "all", "here"
    )
    assert metadata.endpoints.states()["drawings"] == state


def test_the_peak_is_the_most_that_syncs_took_from_since_somebody_confirmed(metadata, endpoint):
    """Of committed syncs in the order of their commits; what left the scope is told beside it."""
    one = {"files_removed": 1}
    metadata.syncs.record(log(endpoint, "s1", 1, files_before=900, **one))
    metadata.syncs.record(log(endpoint, "s2", 2, files_before=100, files_left_scope=3))
    metadata.syncs.record(log(endpoint, "s3", 3, files_before=97, mode=SyncMode.INCREMENTAL, files_left_scope=4))
    metadata.syncs.record(log(endpoint, "s4", 4, SyncStatus.HELD, files_before=990, **one))
    metadata.syncs.record(log(endpoint, "s5", 5, mode=SyncMode.REPLAY, files_before=800, **one))
    metadata.syncs.record(log(endpoint, "s6", 6, files_before=700))  # took nothing away
    assert metadata.syncs.peak(endpoint, at(2)) == Peak(100, 7)
    assert metadata.syncs.peak(endpoint, at(1)) == Peak(900, 7)
    assert metadata.syncs.peak(endpoint, at(7)) == Peak()
    metadata.syncs.record(log(endpoint, "s7", 7, files_before=93, files_removed=60, confirmed_by="approve s4"))
    assert metadata.syncs.peak(endpoint, at(1)) == Peak()
    metadata.syncs.record(log(endpoint, "s8", 8, files_before=33, **one))
    assert metadata.syncs.peak(endpoint, at(1)) == Peak(33)


def test_a_proof_can_expire(metadata, endpoint):
    """Of the endpoints that are named, and nothing else of them."""
    other = metadata.endpoints.register(EndpointRecord("other", "s3"))
    for one in (endpoint, other):
        with metadata.leases.hold(one) as lease:
            state = replace(new_state(f"s{one}"), reconciled_at=at(1))
            metadata.commit(lease, log(one, f"s{one}", snapshot_uri=state.snapshot_uri), state)
    metadata.endpoints.expire_proofs(["other", "nobody"])
    assert [metadata.endpoints.state(one).reconciled_at for one in (endpoint, other)] == [at(1), None]
    assert metadata.endpoints.state(other).snapshot_sync_id == f"s{other}"


def test_a_sync_record_comes_back_as_it_went_in(metadata, endpoint):
    """Every column of a log survives; its times are aware, in UTC."""
    record = log(
        endpoint, "s1", 0, SyncStatus.FAILED, SyncMode.REPLAY,
        sync_duration=1.5, files_processed=1, files_added=2, files_updated=3, files_moved=4, files_removed=5,
        files_left_scope=6, files_repathed=7, files_total=2**40, bytes_total=2**60, api_calls=8, retries=9,
        snapshot_uri="s", changes_uri="c", data_version="v", run_id="r", error_message="no", warnings=("a", "b\n'\""),
    )  # fmt: skip
    record = replace(record, sync_started=at(-1).astimezone(timezone(timedelta(hours=5))))
    metadata.syncs.record(record)
    assert metadata.syncs.get("s1") == record
    assert metadata.syncs.get("s1").sync_started.utcoffset() == timedelta(0)
    assert metadata.syncs.get("s2") is None


def test_a_naive_time_is_refused(metadata, endpoint):
    """A time without a zone is a bug and never guessed."""
    with pytest.raises(Exception, match="no timezone"):
        metadata.syncs.record(replace(log(endpoint, "s1"), sync_started=at(0).replace(tzinfo=None)))


def test_logs_are_listed_newest_first(metadata, endpoint):
    """`since` is inside, `until` is not."""
    for minute in range(5):
        metadata.syncs.record(log(endpoint, f"s{minute}", minute))
    assert [row.id for row in metadata.syncs.between(endpoint)] == ["s4", "s3", "s2", "s1", "s0"]
    assert [row.id for row in metadata.syncs.between(endpoint, limit=2)] == ["s4", "s3"]
    assert [row.id for row in metadata.syncs.between(endpoint, since=at(1), until=at(3))] == ["s2", "s1"]


def test_the_last_sync_of_every_endpoint_is_known(metadata, endpoint):
    """One each, by the order of commits; what rebuilt a past day, and an endpoint without a sync, do not count."""
    other, _ = (
        metadata.endpoints.register(EndpointRecord("models", "s3")),
        metadata.endpoints.register(EndpointRecord("new", "s3")),
    )
    for name, minutes in (("a", 1), ("b", 3), ("c", 2)):
        metadata.syncs.record(log(endpoint, name, minutes))
    metadata.syncs.record(log(endpoint, "past", 9, mode=SyncMode.REPLAY))
    metadata.syncs.record(log(other, "d", 5, SyncStatus.FAILED))

    assert {number: record.id for number, record in metadata.syncs.latest().items()} == {endpoint: "c", other: "d"}
    assert [record.id for record in metadata.syncs.ended_since(at(3))] == ["b", "d"]
    assert [record.id for record in metadata.syncs.ended_since(at(0), {"b", "d"})] == ["a", "c"]


def test_the_journal_can_be_cut_by_time(metadata, endpoint):
    """`since` is inside, `until` is not; pruning removes what is older."""
    for minute in range(4):
        commit(metadata, endpoint, f"s{minute}", minute, changes=[changes(("added", None, entry(f"{minute}")))])
    assert [row["external_id"] for row in journal(metadata, endpoint, since=at(1), until=at(3))] == ["1", "2"]
    assert metadata.files.prune_journal(endpoint, at(2)) == 2
    assert [row["external_id"] for row in journal(metadata, endpoint)] == ["2", "3"]


def test_a_held_sync_changes_nothing_but_the_pointer_to_it(metadata, endpoint):
    """Its log is written, its checkpoints are gone, the state and the files stay."""
    commit(metadata, endpoint, "s1", imported=[batch(entry("a"))])
    with metadata.leases.hold(endpoint) as lease:
        metadata.checkpoints.save(lease, checkpoint("x"))
        metadata.syncs.hold(lease, log(endpoint, "s2", 1, SyncStatus.HELD, changes_uri="changes/s2.parquet"))
    state = metadata.endpoints.state(endpoint)
    assert (state.held_sync_id, state.snapshot_sync_id) == ("s2", "s1")
    assert metadata.checkpoints.of(endpoint) == []


def test_a_first_sync_can_be_held(metadata, endpoint):
    """There is no snapshot then, only the held sync."""
    with metadata.leases.hold(endpoint) as lease:
        metadata.syncs.hold(lease, log(endpoint, "s1", status=SyncStatus.HELD))
    assert metadata.endpoints.state(endpoint).snapshot_uri is None
    assert metadata.endpoints.state(endpoint).held_sync_id == "s1"


def test_a_held_sync_is_approved_under_its_own_id_or_rejected_or_superseded(metadata, endpoint):
    """A commit ends it and may replace its log; a rejection only forgets it."""
    with metadata.leases.hold(endpoint) as lease:
        metadata.syncs.hold(lease, log(endpoint, "s1", status=SyncStatus.HELD))
        metadata.commit(lease, log(endpoint, "s1", 1), new_state("s1"))
        assert metadata.syncs.get("s1").sync_status is SyncStatus.COMPLETED
        assert metadata.endpoints.state(endpoint).held_sync_id is None
        metadata.syncs.hold(lease, log(endpoint, "s2", 2, status=SyncStatus.HELD))
        metadata.endpoints.drop_held(lease)
        assert metadata.endpoints.state(endpoint).held_sync_id is None
        assert metadata.syncs.get("s2").sync_status is SyncStatus.REJECTED
        with pytest.raises(NothingHeld, match="drawings"):
            metadata.endpoints.drop_held(lease)


def test_checkpoints_are_kept_per_scope_until_a_commit(metadata, endpoint):
    """The last one of each scope counts."""
    with metadata.leases.hold(endpoint) as lease:
        metadata.checkpoints.save(lease, checkpoint("b", rows=1))
        metadata.checkpoints.save(lease, checkpoint("a"))
        metadata.checkpoints.save(lease, checkpoint("b", rows=2, complete=True))
        assert metadata.checkpoints.of(endpoint) == [checkpoint("a"), checkpoint("b", rows=2, complete=True)]
        metadata.commit(lease, log(endpoint, "s1"), None)
        assert metadata.checkpoints.of(endpoint) == []
        metadata.checkpoints.save(lease, checkpoint("a"))
        metadata.checkpoints.clear(lease)
    assert metadata.checkpoints.of(endpoint) == []


def test_the_snapshot_of_a_moment_is_the_last_one_until_then(metadata, endpoint):
    """Failed and held syncs do not count. Where retention let the last one go, an older one is no answer."""
    commit(metadata, endpoint, "s1", 10)
    commit(metadata, endpoint, "s2", 20)
    metadata.syncs.record(log(endpoint, "failed", 25, SyncStatus.FAILED, snapshot_uri="x"))
    metadata.syncs.record(log(endpoint, "forgotten", 26))
    metadata.syncs.record(log(endpoint, "partial", 30, SyncStatus.PARTIAL, snapshot_uri="p"))
    found = {minute: metadata.syncs.snapshot_at(endpoint, at(minute)) for minute in (9, 10, 19, 25, 29, 31)}
    assert {minute: row and row.id for minute, row in found.items()} == {
        9: None, 10: "s1", 19: "s1", 25: "s2", 29: None, 31: "partial",
    }  # fmt: skip


def test_only_files_that_nothing_needs_may_go(metadata, endpoint):
    """The current, the held, the last of each day and the recent ones stay."""
    for day in range(3):
        for part in range(3):
            commit(metadata, endpoint, f"s{day}{part}", day * DAY + part)
    with metadata.leases.hold(endpoint) as lease:
        held = log(
            endpoint,
            "held",
            1,
            SyncStatus.HELD,
            snapshot_uri="snapshots/held.parquet",
            changes_uri="changes/held.parquet",
        )
        metadata.syncs.hold(lease, held)
    assert metadata.syncs.prunable(endpoint, at(-1)) == []
    assert metadata.syncs.prunable(endpoint, at(DAY + 1)) == [
        f"{folder}/{name}.parquet" for name in ("s00", "s01", "s10") for folder in ("snapshots", "changes")
    ]
    gone = metadata.syncs.prunable(endpoint, at(9 * DAY))
    assert {uri for uri in gone if "s02" in uri or "s12" in uri or "s22" in uri or "held" in uri} == set()


def test_days_end_where_the_project_is(metadata, endpoint):
    """The last snapshot of a day depends on the timezone."""
    commit(metadata, endpoint, "late", 11 * 60 + 30)  # 23:30 UTC
    commit(metadata, endpoint, "early", 12 * 60 + 30)  # 00:30 UTC
    commit(metadata, endpoint, "next", 40 * 60)
    assert metadata.syncs.prunable(endpoint, at(9 * DAY)) == []
    assert "snapshots/late.parquet" in metadata.syncs.prunable(endpoint, at(9 * DAY), zone=timezone(timedelta(hours=2)))


def test_a_snapshot_that_a_later_sync_still_points_to_stays(metadata, endpoint):
    """A sync that found nothing new shares the snapshot of the one before."""
    commit(metadata, endpoint, "s1", 0)
    for minute in range(1, 4):
        metadata.syncs.record(log(endpoint, f"n{minute}", minute, snapshot_uri="snapshots/s1.parquet"))
    commit(metadata, endpoint, "s2", DAY)
    assert "snapshots/s1.parquet" not in metadata.syncs.prunable(endpoint, at(9 * DAY))
    assert metadata.syncs.prune(endpoint, at(9 * DAY)) == 3
    assert metadata.syncs.snapshot_at(endpoint, at(5)).id == "s1"


def test_logs_go_when_their_files_are_forgotten(metadata, endpoint):
    """A log that points to a kept file stays, as does the held one."""
    for minute in range(3):
        commit(metadata, endpoint, f"s{minute}", minute)
    metadata.syncs.record(log(endpoint, "failed", 1, SyncStatus.FAILED))
    with metadata.leases.hold(endpoint) as lease:
        metadata.syncs.hold(lease, log(endpoint, "held", 1, SyncStatus.HELD))
    gone = metadata.syncs.prunable(endpoint, at(9))
    assert gone == ["snapshots/s0.parquet", "changes/s0.parquet", "snapshots/s1.parquet", "changes/s1.parquet"]
    metadata.syncs.forget_files(gone)
    assert metadata.syncs.prunable(endpoint, at(9)) == []
    assert metadata.syncs.snapshot_at(endpoint, at(1)) is None
    assert metadata.syncs.prune(endpoint, at(9)) == 3
    assert {row.id for row in metadata.syncs.between(endpoint)} == {"s2", "held"}


def checkpoint(scope, *, rows=0, complete=False):
    """Return a checkpoint of a scope."""
    unread = (ListingGap(scope, "denied/", "Access denied."),)
    return CheckpointRecord(scope, "l1", 'tok"en', 1, rows, complete, unread, "all", "here", at(0), at(1))


def rows_of(metadata, table):
    """Return the rows of a table."""
    with metadata._database.read_transaction() as connection:
        return connection.execute(table.select()).all()
