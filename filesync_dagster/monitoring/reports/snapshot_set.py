"""What every endpoint held at the end of a day, as one relation."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import duckdb
import pyarrow as pa

from filesync_dagster.core.errors import SnapshotError
from filesync_dagster.core.model import Kind
from filesync_dagster.core.schemas import FILE_SCHEMA
from filesync_dagster.monitoring.reports.counted_endpoints import CountedEndpoint, endpoints_of_day
from filesync_dagster.storage.database import SyncRecord
from filesync_dagster.storage.snapshots import parquet
from filesync_dagster.sync.inventory import snapshot_file
from filesync_dagster.sync.replay import Day
from filesync_dagster.sync.runtime import Runtime

ENTRIES = """
    CREATE VIEW entries AS
    SELECT
        held.endpoint, held.type, e.* EXCLUDE (id_hash, fingerprint, filename),
        -- One object that two endpoints see, or that has several names, is one: it is no duplicate of itself.
        CASE WHEN held.type = 'local' AND NOT starts_with(external_id, 'path-')
            THEN hash('local', split_part(external_id, '#', 1))
            ELSE hash(held.place, external_id)
        END AS object
    FROM {stored} e JOIN held ON held.file = e.filename
    WHERE NOT trashed
"""


@dataclass(frozen=True)
class Held:
    """The snapshot of one endpoint. `place` is where its ids are unique."""

    endpoint: str
    type: str
    place: str
    file: Path


@dataclass(frozen=True)
class Holdings:
    """The snapshots that describe a moment, and what is missing."""

    held: tuple[Held, ...]
    of: int
    unreadable: tuple[str, ...] = ()  # sentences
    outdated: tuple[tuple[datetime, str], ...] = ()  # of when older data is, and the endpoint; the oldest first


def holdings(runtime: Runtime, day: Day) -> Holdings:
    """Find the snapshots that describe the end of a day (or now): of each endpoint that counts the last one before."""
    moment = min(day.last_moment, datetime.now(UTC))
    everyone = endpoints_of_day(runtime, day)
    found: list[Held] = []
    unreadable: list[str] = []
    outdated: list[tuple[datetime, str]] = []
    for endpoint in everyone:
        log = snapshot_of(runtime, endpoint, moment)
        if log is None or log.snapshot_uri is None:
            continue
        try:
            file = snapshot_file(runtime, endpoint.name, log)
        except SnapshotError as error:  # the others are as they were
            unreadable.append(f"{endpoint.name}: {error}")
            continue
        found.append(Held(endpoint.name, endpoint.type, endpoint.place, file))
        if is_outdated(log, day, moment):
            outdated.append((log.as_of or moment, endpoint.name))
    return Holdings(tuple(found), len(everyone), tuple(unreadable), tuple(sorted(outdated)))


def snapshot_of(runtime: Runtime, endpoint: CountedEndpoint, moment: datetime) -> SyncRecord | None:
    """Return the sync whose snapshot describes a moment; None when there is none, or retention let it go."""
    if endpoint.endpoint_id is None:
        return None
    return runtime.metadata.syncs.snapshot_at(endpoint.endpoint_id, moment)


def is_outdated(log: SyncRecord, day: Day, moment: datetime) -> bool:
    """Tell whether a snapshot says nothing of the day; of a day that goes on, nothing of the 24 hours before now."""
    return log.as_of is None or log.as_of < min(day.start, moment - timedelta(days=1))


def relate(con: duckdb.DuckDBPyConnection, held: Sequence[Held]) -> None:
    """Create the views `entries` (what is live, with its endpoint) and `files` (without folders)."""
    con.register(
        "held_rows",
        pa.table(
            {
                "endpoint": pa.array([one.endpoint for one in held], pa.string()),
                "type": pa.array([one.type for one in held], pa.string()),
                "place": pa.array([one.place for one in held], pa.string()),
                "file": pa.array([str(one.file) for one in held], pa.string()),
            }
        ),
    )
    con.execute("CREATE TABLE held AS FROM held_rows")
    con.unregister("held_rows")
    if held:
        stored = f"{parquet([one.file for one in held])[:-1]}, filename = true)"
    else:
        con.register("no_rows", FILE_SCHEMA.empty_table())
        con.execute("CREATE TABLE nothing AS FROM no_rows")
        stored = "(SELECT *, '' AS filename FROM nothing)"
    con.execute(ENTRIES.format(stored=stored))
    con.execute(f"CREATE VIEW files AS FROM entries WHERE kind <> '{Kind.FOLDER}'")
