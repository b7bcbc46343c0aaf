"""What every endpoint held at the end of a day, as one relation."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import duckdb
import pyarrow as pa

from filesync_dagster.config import Endpoint
from filesync_dagster.errors import SnapshotError
from filesync_dagster.model import FILE_SCHEMA, Kind, canonical_json
from filesync_dagster.snapshots import parquet
from filesync_dagster.stored import whole
from filesync_dagster.workspace import Workspace

ENTRIES = """
    CREATE VIEW entries AS
    SELECT
        held.endpoint, held.type, e.* EXCLUDE (id_hash, fingerprint, filename),
        -- One object that two endpoints see, or that has several names, is one: it costs its bytes once.
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


def holdings(workspace: Workspace, at: datetime) -> Holdings:
    """Find the snapshots that describe a moment (the last ones before it) of all active endpoints."""
    moment = min(at, datetime.now(UTC))
    states = workspace.metadata.states()
    found: list[Held] = []
    unreadable: list[str] = []
    for endpoint in workspace.config.active:
        state = states.get(endpoint.name)
        log = workspace.metadata.snapshot_at(state.endpoint_id, moment) if state else None
        if log is None or log.snapshot_uri is None:
            continue
        try:
            file = whole(workspace, endpoint.name, log.endpoint_id, log.snapshot_uri, log.as_of)
        except SnapshotError as error:  # the others are as they were
            unreadable.append(f"{endpoint.name}: {error}")
            continue
        found.append(Held(endpoint.name, endpoint.type, place_of(endpoint), file))
    return Holdings(tuple(found), len(workspace.config.active), tuple(unreadable))


def place_of(endpoint: Endpoint) -> str:
    """Return where the ids of an endpoint are unique: two endpoints that list one place see the same objects."""
    details = endpoint.public_details()
    where = {
        "google_drive": (),
        "autodesk": (),
        "s3": ("endpoint_url", "bucket"),
        "local": ("path",),  # of ids that are made of paths
    }.get(endpoint.type)
    named = [endpoint.name] if where is None else [details.get(name) for name in where]
    return canonical_json([endpoint.type, *named])


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
