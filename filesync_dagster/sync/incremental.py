"""An incremental sync: what the store tells of changes, and what follows from it for rows that it does not mention.

Its cost follows the changes: only the ids it is told about, the folders they lie in and what lies below a folder that
moved are looked at. In one DuckDB connection: `told` (entries as they are now), `dead` (tombstones), `before` (what
the inventory has of these, and of what lies below them), `after`, `gone`, and from there on as for a listing.
"""

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field, replace
from itertools import chain

import duckdb
import pyarrow as pa

from filesync_dagster.connectors import IncrementalSource
from filesync_dagster.core.errors import CursorLost, SourceError
from filesync_dagster.core.model import OUTSIDE, ChangeCounts, ChangeKind, Delta, Kind, ListingGap, adjust_data_version
from filesync_dagster.storage.database import EndpointState
from filesync_dagster.sync import diff
from filesync_dagster.sync.detect_changes import Comparison
from filesync_dagster.sync.listing import SyncContext
from filesync_dagster.sync.paths import COLUMNS, descendants_of, empty, insert, place, with_fingerprints

LOOKUPS = 1000
"""Up to so many entries are looked up one by one; past that a full listing is cheaper, and proves more."""


@dataclass
class Feed:
    """What a store told since the cursor."""

    cursor: str
    rows: int = 0
    unread: list[ListingGap] = field(default_factory=list)
    read: list[str] = field(default_factory=list)  # folders all of whose children are among the rows


@dataclass(frozen=True)
class Told:
    """The feed as far as the first delta that says something, and the rest of it."""

    cursor: str
    first: Delta | None
    rest: Iterator[Delta]

    @property
    def is_silence(self) -> bool:
        """Whether nothing changed: most syncs of most endpoints end here, without a database engine."""
        return self.first is None


def listen(context: SyncContext, state: EndpointState) -> Told:
    """Read the feed until it says something. Raises CursorLost."""
    cursor, deltas = str(state.cursor), _source(context).changes(str(state.cursor))
    for delta in deltas:
        context.lease.check()
        cursor = delta.cursor
        if delta.batch.num_rows or delta.removed or delta.read or delta.unread:
            return Told(cursor, delta, deltas)
    return Told(cursor, None, iter(()))


def follow(context: SyncContext, con: duckdb.DuckDBPyConnection, told: Told) -> Feed:
    """Read the feed and make `before`, `after` and `gone`. Raises CursorLost when only a full sync can tell."""
    feed = _read(context, con, told)
    empty(con, "before")
    try:
        _complete(context, con, feed)
    except CursorLost:
        raise
    except SourceError as error:
        # What follows from the feed could not be found out; a full listing copes with what cannot be read.
        raise CursorLost(f"What the change feed told could not be followed up: {error}") from error
    con.execute(f"CREATE OR REPLACE VIEW after AS SELECT {COLUMNS} FROM located WHERE selected")
    return feed


# What was said.


def _read(context: SyncContext, con: duckdb.DuckDBPyConnection, told: Told) -> Feed:
    """Make `told` and `dead` of the feed: the last word on each id in each scope."""
    empty(con, "said")
    con.execute("ALTER TABLE said ADD COLUMN ord BIGINT")
    con.execute("ALTER TABLE said ADD COLUMN seq BIGINT")
    con.execute("CREATE OR REPLACE TABLE tombstones (external_id VARCHAR, scope VARCHAR, ord BIGINT, seq BIGINT)")
    feed = Feed(told.cursor)
    for delta in chain([told.first] if told.first else [], told.rest):
        context.lease.check()
        _hear(con, delta, feed)
        context.report("listing", feed.rows)
    con.execute("""
        CREATE OR REPLACE TABLE latest AS
        SELECT * FROM (
            SELECT external_id, scope, ord, seq, true AS is_row FROM said
            UNION ALL SELECT external_id, scope, ord, seq, false FROM tombstones
        ) QUALIFY row_number() OVER (PARTITION BY external_id, scope ORDER BY ord DESC, seq DESC) = 1
    """)
    # An entry is in one scope: that it came into one outweighs that it left another, whatever was heard first.
    con.execute(f"""
        CREATE OR REPLACE TABLE told AS
        SELECT {COLUMNS} FROM (
            SELECT s.*, row_number() OVER (
                PARTITION BY s.external_id
                ORDER BY (s.parent_id IS DISTINCT FROM '{OUTSIDE}') DESC, s.ord DESC, s.seq DESC
            ) AS place
            FROM said s SEMI JOIN (SELECT seq FROM latest WHERE is_row) l ON s.seq = l.seq
        ) WHERE place = 1
    """)
    con.execute("""
        CREATE OR REPLACE TABLE dead AS
        SELECT external_id, scope FROM latest WHERE NOT is_row
    """)
    return feed


def _hear(con: duckdb.DuckDBPyConnection, delta: Delta, feed: Feed) -> None:
    rows = delta.batch.num_rows
    if rows:
        order = pa.array(delta.order or [0] * rows, pa.int64())
        seq = pa.array(range(feed.rows, feed.rows + rows), pa.int64())
        batch = delta.batch.append_column("ord", order).append_column("seq", seq)
        insert(con, "said", batch, f"{COLUMNS}, ord, seq")
        feed.rows += rows
    if delta.removed:
        stones: dict[str, list[object]] = {
            "external_id": list(delta.removed),
            "scope": [delta.scope] * len(delta.removed),
            "ord": list(delta.removed.values()),
            "seq": list(range(feed.rows, feed.rows + len(delta.removed))),
        }
        insert(con, "tombstones", pa.RecordBatch.from_pydict(stones), "external_id, scope, ord, seq")
        feed.rows += len(delta.removed)
    feed.cursor = delta.cursor
    feed.unread += delta.unread
    feed.read += delta.read


# What follows from it.


def _complete(context: SyncContext, con: duckdb.DuckDBPyConnection, feed: Feed) -> None:
    """Load what the inventory knows, ask for what nobody told, until everything has its place."""
    _load(context, con, _ids(con, "told") + _ids(con, "dead"))
    _drop_foreign(con)
    _missing(context, con, feed.read)
    crawled: set[str] = set()
    descended: set[str] = set()
    asked: set[str] = set()
    while True:
        _descend(context, con, descended)
        _locate(context, con)
        orphans = [(i, s) for i, s in _orphans(con) if i not in asked]
        if orphans:
            asked.update(external_id for external_id, _ in orphans)
            _look_up(context, con, orphans)
            continue
        folders = [(i, s) for i, s in _come_in(context, con) if i not in crawled]
        if not folders:
            return
        known = frozenset(crawled)
        for folder, scope in folders:
            if folder not in crawled:
                crawled.add(folder)
                crawled.update(_crawl(context, con, folder, scope, feed))
        _missing(context, con, crawled - known)  # what went from a folder that changed scopes was told of the new scope


def _load(context: SyncContext, con: duckdb.DuckDBPyConnection, ids: list[str]) -> None:
    """Add to `before` what the inventory has of these ids."""
    _remember(con, context.runtime.metadata.known(context.endpoint_id, ids))


def _remember(con: duckdb.DuckDBPyConnection, batches: Iterable[pa.RecordBatch]) -> list[str]:
    """Add rows that `before` does not have yet; return the ids of the folders among them all."""
    folders: list[str] = []
    for batch in batches:
        con.register("known_rows", pa.Table.from_batches([with_fingerprints(batch)]))
        con.execute(f"""
            INSERT INTO before SELECT {COLUMNS} FROM known_rows
            WHERE external_id NOT IN (SELECT external_id FROM before)
        """)
        found = con.execute(f"SELECT external_id FROM known_rows WHERE kind = '{Kind.FOLDER}'").fetchall()
        folders += [external_id for (external_id,) in found]
        con.unregister("known_rows")
    return folders


def _drop_foreign(con: duckdb.DuckDBPyConnection) -> None:
    """Forget words about entries that are known in another scope: that they are not in this one is no news.

    Of what is left, that an entry is somewhere outweighs that it is gone.
    """
    con.execute(f"""
        DELETE FROM told WHERE parent_id = '{OUTSIDE}'
            AND (external_id, scope) NOT IN (SELECT external_id, scope FROM before)
    """)
    con.execute("DELETE FROM dead WHERE (external_id, scope) NOT IN (SELECT external_id, scope FROM before)")
    con.execute("DELETE FROM dead WHERE external_id IN (SELECT external_id FROM told)")


def _missing(context: SyncContext, con: duckdb.DuckDBPyConnection, read: Collection[str]) -> None:
    """Find out what became of entries that were in a folder which was read again, and are not in it."""
    if not read:
        return
    metadata = context.runtime.metadata
    folders = [folder for folder in read if folder]
    _remember(con, metadata.children(context.endpoint_id, folders))
    if len(folders) < len(read):
        _remember(con, metadata.tops(context.endpoint_id))
    con.execute("CREATE OR REPLACE TABLE read (external_id VARCHAR)")
    insert(con, "read", pa.RecordBatch.from_pydict({"external_id": list(read)}), "external_id")
    rows = con.execute(f"""
        SELECT external_id, scope FROM before
        WHERE coalesce(parent_id, '{OUTSIDE}') IN (SELECT external_id FROM read)
            AND external_id NOT IN (SELECT external_id FROM told UNION ALL SELECT external_id FROM dead)
    """).fetchall()
    _look_up(context, con, rows)


def _look_up(context: SyncContext, con: duckdb.DuckDBPyConnection, entries: list[tuple[str, str]]) -> None:
    """Ask for entries one by one: they are told now, or dead."""
    if len(entries) > LOOKUPS:
        raise CursorLost(f"{len(entries):,} entries would have to be looked up one by one.")
    by_scope: dict[str, list[str]] = {}
    for external_id, scope in entries:
        by_scope.setdefault(scope, []).append(external_id)
    for scope, ids in by_scope.items():
        for page in _source(context).lookup(ids, scope):
            _tell(con, page.batch)
        lost = pa.RecordBatch.from_pydict({"external_id": ids, "scope": [scope] * len(ids)})
        con.register("asked", pa.Table.from_batches([lost]))
        con.execute("""
            INSERT INTO dead SELECT external_id, scope FROM asked
            WHERE external_id NOT IN (SELECT external_id FROM told UNION ALL SELECT external_id FROM dead)
        """)
        con.unregister("asked")


def _tell(con: duckdb.DuckDBPyConnection, batch: pa.RecordBatch) -> None:
    """Take entries that were asked for: they outweigh what was told before."""
    if batch.num_rows:
        # An entry that moved while it was asked for comes twice: the later row is true.
        last = {external_id: row for row, external_id in enumerate(batch.column("external_id").to_pylist())}
        con.register("heard", pa.Table.from_batches([batch.take(pa.array(last.values(), pa.int64()))]))
        for table in ("told", "dead"):
            con.execute(f"DELETE FROM {table} WHERE external_id IN (SELECT external_id FROM heard)")
        con.execute(f"INSERT INTO told SELECT {COLUMNS} FROM heard")
        con.unregister("heard")


def _descend(context: SyncContext, con: duckdb.DuckDBPyConnection, descended: set[str]) -> None:
    """Add to `before` all that is known below folders that moved, went, or went to or from the trash."""
    changed = con.execute(f"""
        SELECT b.external_id FROM before b
        LEFT JOIN told t ON b.external_id = t.external_id
        WHERE b.kind = '{Kind.FOLDER}' AND (
            b.external_id IN (SELECT external_id FROM dead)
            OR (t.external_id IS NOT NULL AND (t.parent_id, t.name, t.trashed) IS DISTINCT FROM
                (b.parent_id, b.name, b.trashed))
        )
    """).fetchall()
    frontier = [folder for (folder,) in changed if folder not in descended]
    while frontier:
        descended.update(frontier)
        context.lease.check()
        found = _remember(con, context.runtime.metadata.children(context.endpoint_id, frontier))
        frontier = [folder for folder in found if folder not in descended]


def _locate(context: SyncContext, con: duckdb.DuckDBPyConnection) -> None:
    """Make `now` (all rows as they are now), `located` (those that lie in the endpoint) and `gone`."""
    con.execute(f"""
        CREATE OR REPLACE TABLE now AS
        SELECT {COLUMNS} FROM told
        UNION ALL
        SELECT {COLUMNS} FROM before
        WHERE external_id NOT IN (SELECT external_id FROM told UNION ALL SELECT external_id FROM dead)
    """)
    rows = con.execute("""
        SELECT DISTINCT parent_id FROM now WHERE parent_id IS NOT NULL
            AND parent_id NOT IN (SELECT external_id FROM now UNION ALL SELECT external_id FROM dead)
    """).fetchall()
    empty(con, "anchors")
    for batch in context.runtime.metadata.known(
        context.endpoint_id, [parent for (parent,) in rows if parent != OUTSIDE]
    ):
        insert(con, "anchors", with_fingerprints(batch))
    place(con, context.endpoint, "now", "located", "anchors", relation="TABLE")
    descendants_of(con, "now", "dead", "descendants_of")
    con.execute("""
        CREATE OR REPLACE TABLE gone AS
        SELECT external_id FROM before
        WHERE external_id NOT IN (SELECT external_id FROM located WHERE selected)
            AND external_id NOT IN (SELECT external_id FROM descendants_of)
    """)


def _orphans(con: duckdb.DuckDBPyConnection) -> list[tuple[str, str]]:
    """Return entries that are not said to be gone, but a folder above them is, perhaps since they were told."""
    return con.execute("""
        SELECT external_id, scope FROM now WHERE external_id IN (SELECT external_id FROM descendants_of)
    """).fetchall()


def _come_in(context: SyncContext, con: duckdb.DuckDBPyConnection) -> list[tuple[str, str]]:
    """Return folders of which we may not know what they hold, those above before those below.

    Folders that nobody knew, or that came back from the trash; that have something in them which is said to be in the
    trash, perhaps only because the folder was; that moved to another scope, where what they hold is of that scope, or
    where the filters judge paths differently.
    """
    moved = "false" if context.endpoint.filters.is_default else "b.path <> l.path"
    rows = con.execute(f"""
        SELECT l.external_id, l.scope
        FROM located l SEMI JOIN told t ON l.external_id = t.external_id
        LEFT JOIN before b ON l.external_id = b.external_id
        WHERE l.kind = '{Kind.FOLDER}' AND l.selected
            AND (b.external_id IS NULL OR b.scope <> l.scope OR (b.trashed AND NOT l.trashed) OR {moved})
        ORDER BY length(l.path)
    """).fetchall()
    changed = con.execute(f"""
        SELECT l.external_id, l.scope FROM located l SEMI JOIN told t ON l.external_id = t.external_id
        JOIN before b ON l.external_id = b.external_id AND l.fingerprint <> b.fingerprint
        WHERE l.kind = '{Kind.FOLDER}' AND l.selected AND NOT l.trashed
    """).fetchall()
    trashed: set[str] = set()
    for batch in context.runtime.metadata.children(context.endpoint_id, [folder for folder, _ in changed]):
        trashed.update(map(str, batch.filter(batch.column("trashed")).column("parent_id").to_pylist()))
    return list(dict.fromkeys([*rows, *(row for row in changed if row[0] in trashed)]))


def _crawl(context: SyncContext, con: duckdb.DuckDBPyConnection, folder: str, scope: str, feed: Feed) -> Iterator[str]:
    """Tell what lies below a folder; yield the folders among it."""
    for page in _source(context).below(folder, scope):
        context.lease.check()
        if page.unread:
            # Once the folder is known nobody would look into it again; a full listing copes with what cannot be read.
            raise CursorLost(f"Not all of a folder that came in could be read: {page.unread[0].reason}")
        _tell(con, page.batch)
        ids = [str(external_id) for external_id in page.batch.column("external_id").to_pylist()]
        _load(context, con, ids)
        feed.rows += page.batch.num_rows
        context.report("listing", feed.rows)
        kinds = page.batch.column("kind").to_pylist()
        yield from (external_id for external_id, kind in zip(ids, kinds, strict=True) if kind == Kind.FOLDER)


# What it comes to.


def compare(context: SyncContext, con: duckdb.DuckDBPyConnection, state: EndpointState) -> Comparison:
    """Make `changes` and `repathed` of the rows that were looked at, and count what the endpoint has with them."""
    capabilities = context.source.capabilities
    counts: ChangeCounts = diff.compare(
        con, "before", "after", "changes",
        pair_by=capabilities.pair_by, pair_as=capabilities.pair_as, left_scope="gone",
    )  # fmt: skip
    counts = replace(counts, repathed=diff.find_repathed(con, "before", "after", "changes", "repathed"))
    [(changed,)] = con.execute("SELECT count(*) FROM changes").fetchall()
    [(processed,)] = con.execute(f"SELECT count(*) FROM told WHERE kind <> '{Kind.FOLDER}'").fetchall()
    was, is_ = diff.totals(con, "before"), diff.totals(con, "after")
    return Comparison(
        counts=counts,
        first=False,
        changed=bool(changed or counts.repathed),
        snapshot="after",
        files_before=state.files_total,
        bytes_before=state.bytes_total,
        files_after=state.files_total - was[0] + is_[0],
        bytes_after=state.bytes_total - was[1] + is_[1],
        data_version=adjust_data_version(str(state.data_version), was[2], is_[2]),
        processed=int(processed),
        emptied=_emptied(context, con) if counts.removed else (),
    )


def _emptied(context: SyncContext, con: duckdb.DuckDBPyConnection) -> tuple[str, ...]:
    """Return the scopes that lost every file, some of them removed."""
    live = f"NOT trashed AND kind <> '{Kind.FOLDER}'"
    rows = con.execute(f"""
        SELECT scope, count(*) FROM before
        WHERE {live} AND scope IN (SELECT "before".scope FROM changes WHERE change = '{ChangeKind.REMOVED}')
            AND scope NOT IN (SELECT scope FROM after WHERE {live})
        GROUP BY scope ORDER BY scope
    """).fetchall()
    has_more = context.runtime.metadata.has_more_files
    return tuple(scope for scope, looked_at in rows if not has_more(context.endpoint_id, scope, looked_at))


def _ids(con: duckdb.DuckDBPyConnection, table: str) -> list[str]:
    return [external_id for (external_id,) in con.execute(f"SELECT external_id FROM {table}").fetchall()]


def _source(context: SyncContext) -> IncrementalSource:
    assert isinstance(context.source, IncrementalSource)
    return context.source
