"""What a reconcile found and the change feed had not told: feeds lose events too."""

from collections.abc import Sequence

import duckdb
import pyarrow as pa

from filesync_dagster.connectors import IncrementalSource
from filesync_dagster.core.errors import SourceError
from filesync_dagster.core.model import OUTSIDE
from filesync_dagster.storage.database import EndpointState
from filesync_dagster.sync.detect_changes import Comparison
from filesync_dagster.sync.listing import SyncContext
from filesync_dagster.sync.paths import descendants_of, insert


def found_by(
    context: SyncContext, con: duckdb.DuckDBPyConnection, state: EndpointState, found: Comparison
) -> int | None:
    """Return how many changes of a full sync the feed does not tell since the last sync; None when it cannot be asked.

    Told are the entries that the feed names, those in folders that it read anew, and all below a changed folder that
    it names.
    """
    comparable = state.cursor is not None and state.location == context.location
    if not comparable or not isinstance(context.source, IncrementalSource):
        return None
    if not found.changed:
        return 0
    for name in ("hinted", "reread"):
        con.execute(f"CREATE OR REPLACE TABLE {name} (external_id VARCHAR)")
    try:
        for delta in context.source.changes(str(state.cursor)):
            context.lease.check()
            _note(con, "hinted", [*delta.batch.column("external_id").to_pylist(), *delta.removed])
            _note(con, "reread", delta.read)
    except SourceError:
        return None
    return _untold(con)


def _untold(con: duckdb.DuckDBPyConnection) -> int:
    parents = f"SELECT external_id, coalesce(parent_id, '{OUTSIDE}') AS parent_id"
    con.execute(f"CREATE OR REPLACE TEMP VIEW either AS {parents} FROM before UNION {parents} FROM after")
    con.execute("""
        CREATE OR REPLACE TEMP VIEW changed AS
        SELECT coalesce("after".external_id, "before".external_id) AS external_id FROM changes
    """)
    con.execute("CREATE OR REPLACE TABLE moved AS FROM hinted SEMI JOIN changed USING (external_id)")
    descendants_of(con, "either", "moved", "moved_with")
    [(count,)] = con.execute("""
        SELECT count(*) FROM changed WHERE external_id NOT IN (
            FROM hinted UNION ALL FROM moved_with
            UNION ALL SELECT e.external_id FROM either e JOIN reread r ON e.parent_id = r.external_id
        )
    """).fetchall()
    return int(count)


def _note(con: duckdb.DuckDBPyConnection, table: str, ids: Sequence[str | None]) -> None:
    insert(con, table, pa.RecordBatch.from_pydict({"external_id": pa.array(ids, pa.string())}), "external_id")
