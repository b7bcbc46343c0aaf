"""Rows that a change feed tells, and those that follow from them: what moved with a folder, came in or fell out.

Nothing is committed here: `complete` asks until every row has its place.
"""

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field
from itertools import chain

import duckdb
import pyarrow as pa

from filesync_dagster.connectors import IncrementalSource
from filesync_dagster.core.errors import CursorLost
from filesync_dagster.core.model import AS_KNOWN, OUTSIDE, Kind, ListingGap
from filesync_dagster.core.names import fold_name
from filesync_dagster.storage.snapshots import stream
from filesync_dagster.sync.context import SyncContext
from filesync_dagster.sync.listing import LOOKUPS_MAX
from filesync_dagster.sync.paths import descendants_of, resolve_paths, with_fingerprints
from filesync_dagster.sync.relations import COLUMNS, Relation, create_empty, create_table, ids_batch


@dataclass
class FeedResult:
    """What a store told since the cursor."""

    cursor: str
    rows: int = 0
    gaps: list[ListingGap] = field(default_factory=list)
    read: list[str] = field(default_factory=list)  # folders all of whose children are among the rows
    spots: list[tuple[str, str]] = field(default_factory=list)  # folders and names of which all is among the rows
    scopes: set[str] = field(default_factory=set)  # of which anything was told


@dataclass(frozen=True)
class FeedRows:
    """What the feed says and what the inventory has, as far as the feed leads.

    Each id is in one of `current` and `deleted` at most; what is in neither is as it was.
    """

    current: Relation  # entries as they are now
    deleted: Relation  # external_id, scope: they are not there any more
    before: Relation  # what the inventory has of them, and of what lies below them

    @property
    def con(self) -> duckdb.DuckDBPyConnection:
        """The connection that has them."""
        return self.before.con


@dataclass(frozen=True)
class LocatedRows:
    """Where rows lie now."""

    now: Relation  # all rows, as they are now
    inside: Relation  # those that lie in the endpoint, and whether they are `selected`
    orphaned: Relation  # external_id: below what was deleted
    gone: Relation  # external_id: no longer in the endpoint or selected, but not deleted


def complete(context: SyncContext, rows: FeedRows, feed: FeedResult) -> LocatedRows:
    """Load what the inventory knows, ask for what nobody told, until everything has its place."""
    _load_known(context, rows, rows.current.ids() + rows.deleted.ids())
    _fill_places(rows)
    _drop_foreign(rows)
    _resolve_missing(context, rows, feed.read, feed.scopes)
    _resolve_spots(context, rows, feed)
    crawled: set[str] = set()
    descended: set[str] = set()
    asked: set[str] = set()
    while True:
        _load_descendants(context, rows, descended)
        located = _locate(context, rows)
        orphans = [(i, s) for i, s in _find_orphans(located) if i not in asked]
        if orphans:
            asked.update(external_id for external_id, _ in orphans)
            _look_up(context, rows, orphans)
            continue
        folders = [(i, s) for i, s in _find_entered_folders(context, rows, located) if i not in crawled]
        if not folders:
            return located
        known = frozenset(crawled)
        for folder, scope in folders:
            if folder not in crawled:
                crawled.add(folder)
                crawled.update(_crawl(context, rows, folder, scope, feed))
        # What went from a folder that changed scopes was told of the new scope.
        _resolve_missing(context, rows, crawled - known, feed.scopes)


def _load_known(context: SyncContext, rows: FeedRows, ids: list[str]) -> None:
    """Add to `before` what the inventory has of these ids."""
    _add_known(rows, context.runtime.metadata.files.entries_of(context.endpoint_id, ids))


def _add_known(rows: FeedRows, batches: Iterable[pa.RecordBatch]) -> list[str]:
    """Add rows that `before` does not have yet; return the ids of the folders among them all."""
    con, folders = rows.con, []
    for batch in batches:
        con.register("known_rows", pa.Table.from_batches([with_fingerprints(batch)]))
        con.execute(f"""
            INSERT INTO {rows.before} SELECT {COLUMNS} FROM known_rows
            WHERE external_id NOT IN (SELECT external_id FROM {rows.before})
        """)
        found = con.execute(f"SELECT external_id FROM known_rows WHERE kind = '{Kind.FOLDER}'").fetchall()
        folders += [str(external_id) for (external_id,) in found]
        con.unregister("known_rows")
    return folders


def _fill_places(rows: FeedRows) -> None:
    """Put entries whose place was not told where they are known to be."""
    untold = f"parent_id = '{AS_KNOWN}'"
    if not rows.current.count(untold):
        return
    known = f"""
        SELECT c.* REPLACE (coalesce(b.parent_id, CASE WHEN b.external_id IS NULL THEN '{OUTSIDE}' END) AS parent_id)
        FROM {rows.current} c LEFT JOIN {rows.before} b ON c.external_id = b.external_id AND c.scope = b.scope
        WHERE c.{untold}
    """
    filled = [with_fingerprints(batch) for batch in stream(rows.con, known)]
    rows.con.execute(f"DELETE FROM {rows.current} WHERE {untold}")
    for batch in filled:
        rows.current.insert(batch)


def _drop_foreign(rows: FeedRows) -> None:
    """Forget words about entries that are known in another scope: that they are not in this one is no news.

    Of what is left, that an entry is somewhere outweighs that it is gone.
    """
    foreign = f"(external_id, scope) NOT IN (SELECT external_id, scope FROM {rows.before})"
    rows.con.execute(f"DELETE FROM {rows.current} WHERE parent_id = '{OUTSIDE}' AND {foreign}")
    rows.con.execute(f"DELETE FROM {rows.deleted} WHERE {foreign}")
    rows.con.execute(f"DELETE FROM {rows.deleted} WHERE external_id IN (SELECT external_id FROM {rows.current})")


def _named_ids(rows: FeedRows) -> str:
    """Return a query of the ids of which the feed, or the store when it was asked, said something."""
    return f"SELECT external_id FROM {rows.current} UNION ALL SELECT external_id FROM {rows.deleted}"


def _resolve_missing(context: SyncContext, rows: FeedRows, read: Collection[str], scopes: Collection[str]) -> None:
    """Find out what became of entries that were in a folder which was read again, and are not in it."""
    if not read:
        return
    metadata = context.runtime.metadata
    folders = [folder for folder in read if folder]
    _add_known(rows, metadata.files.children(context.endpoint_id, folders))
    if len(folders) < len(read):
        _add_known(rows, metadata.files.tops(context.endpoint_id, scopes))
    reread = create_table(rows.con, "reread_folders")
    reread.insert(ids_batch(list(read)), "external_id")
    missing = rows.con.execute(f"""
        SELECT external_id, scope FROM {rows.before}
        WHERE coalesce(parent_id, '{OUTSIDE}') IN (SELECT external_id FROM {reread})
            AND external_id NOT IN ({_named_ids(rows)})
    """).fetchall()
    _look_up(context, rows, missing)


def _resolve_spots(context: SyncContext, rows: FeedRows, feed: FeedResult) -> None:
    """Find out what became of entries that were where the feed has something else now, or nothing."""
    if not feed.spots:
        return
    files, wanted = context.runtime.metadata.files, {(folder, fold_name(name)) for folder, name in feed.spots}
    folders = {folder for folder, _ in wanted}
    named = {external_id for (external_id,) in rows.con.execute(_named_ids(rows)).fetchall()}
    missing: list[tuple[str, str]] = []
    for batch in chain(
        files.children(context.endpoint_id, sorted(folders - {OUTSIDE})),
        files.tops(context.endpoint_id, feed.scopes) if OUTSIDE in folders else (),
    ):
        columns = (batch.column(name).to_pylist() for name in ("external_id", "scope", "parent_id", "name"))
        there = [
            external_id not in named and (parent or OUTSIDE, fold_name(name)) in wanted
            for external_id, _, parent, name in zip(*columns, strict=True)
        ]
        found = batch.filter(pa.array(there, pa.bool_()))
        _add_known(rows, [found])
        missing += [(row["external_id"], row["scope"]) for row in found.select(["external_id", "scope"]).to_pylist()]
    _look_up(context, rows, missing)


def _look_up(context: SyncContext, rows: FeedRows, entries: list[tuple[str, str]]) -> None:
    """Ask for entries one by one: they are `current` now, or `deleted`."""
    if len(entries) > LOOKUPS_MAX:
        raise CursorLost(f"{len(entries):,} entries would have to be looked up one by one.")
    con, by_scope = rows.con, dict[str, list[str]]()
    for external_id, scope in entries:
        by_scope.setdefault(scope, []).append(external_id)
    for scope, ids in by_scope.items():
        for page in feed_of(context).lookup(ids, scope):
            _stage_page(rows, page.batch)
        con.register("asked", pa.table({"external_id": ids, "scope": [scope] * len(ids)}))
        con.execute(f"""
            INSERT INTO {rows.deleted} SELECT external_id, scope FROM asked
            WHERE external_id NOT IN ({_named_ids(rows)})
        """)
        con.unregister("asked")


def _stage_page(rows: FeedRows, batch: pa.RecordBatch) -> None:
    """Take entries that were asked for: they outweigh what the feed said."""
    if batch.num_rows:
        con = rows.con
        # An entry that moved while it was asked for comes twice: the later row is true.
        last = {external_id: row for row, external_id in enumerate(batch.column("external_id").to_pylist())}
        con.register("page_rows", pa.Table.from_batches([batch.take(pa.array(last.values(), pa.int64()))]))
        for relation in (rows.current, rows.deleted):
            con.execute(f"DELETE FROM {relation} WHERE external_id IN (SELECT external_id FROM page_rows)")
        con.execute(f"INSERT INTO {rows.current} SELECT {COLUMNS} FROM page_rows")
        con.unregister("page_rows")


def _load_descendants(context: SyncContext, rows: FeedRows, descended: set[str]) -> None:
    """Add to `before` all that is known below folders that moved, went, or went to or from the trash."""
    changed = rows.con.execute(f"""
        SELECT b.external_id FROM {rows.before} b
        LEFT JOIN {rows.current} t ON b.external_id = t.external_id
        WHERE b.kind = '{Kind.FOLDER}' AND (
            b.external_id IN (SELECT external_id FROM {rows.deleted})
            OR (t.external_id IS NOT NULL AND (t.parent_id, t.name, t.trashed) IS DISTINCT FROM
                (b.parent_id, b.name, b.trashed))
        )
    """).fetchall()
    frontier = [folder for (folder,) in changed if folder not in descended]
    while frontier:
        descended.update(frontier)
        context.lease.check()
        found = _add_known(rows, context.runtime.metadata.files.children(context.endpoint_id, frontier))
        frontier = [folder for folder in found if folder not in descended]


def _locate(context: SyncContext, rows: FeedRows) -> LocatedRows:
    """Find out where all rows lie now."""
    con = rows.con
    con.execute(f"""
        CREATE OR REPLACE TABLE now AS
        SELECT {COLUMNS} FROM {rows.current}
        UNION ALL
        SELECT {COLUMNS} FROM {rows.before} WHERE external_id NOT IN ({_named_ids(rows)})
    """)
    now = Relation(con, "now")
    parents = con.execute(f"""
        SELECT DISTINCT parent_id FROM {now} WHERE parent_id IS NOT NULL
            AND parent_id NOT IN (SELECT external_id FROM {now} UNION ALL SELECT external_id FROM {rows.deleted})
    """).fetchall()
    anchors = create_empty(con, "anchors")
    unknown = [parent for (parent,) in parents if parent != OUTSIDE]
    for batch in context.runtime.metadata.files.entries_of(context.endpoint_id, unknown):
        anchors.insert(with_fingerprints(batch))
    inside = resolve_paths(
        context.endpoint, now, "located", anchors, remarks=context.attempt.meter.remarks, kind="TABLE"
    )
    orphaned = descendants_of(now, rows.deleted, "orphaned")
    con.execute(f"""
        CREATE OR REPLACE TABLE gone AS
        SELECT external_id FROM {rows.before}
        WHERE external_id NOT IN (SELECT external_id FROM {inside} WHERE selected)
            AND external_id NOT IN (SELECT external_id FROM {orphaned})
    """)
    return LocatedRows(now, inside, orphaned, Relation(con, "gone"))


def _find_orphans(located: LocatedRows) -> list[tuple[str, str]]:
    """Return entries that are not said to be gone, but a folder above them is, perhaps since they were told."""
    return located.now.con.execute(f"""
        SELECT external_id, scope FROM {located.now}
        WHERE external_id IN (SELECT external_id FROM {located.orphaned})
    """).fetchall()


def _find_entered_folders(context: SyncContext, rows: FeedRows, located: LocatedRows) -> list[tuple[str, str]]:
    """Return folders of which we may not know what they hold, those above before those below.

    Folders that nobody knew, or that came back from the trash; that have something in them which is said to be in the
    trash, perhaps only because the folder was; that moved to another scope, where what they hold is of that scope, or
    where the filters judge paths differently; that belong to somebody else now, and with them what they hold.
    """
    named = f"{located.inside} l SEMI JOIN {rows.current} t ON l.external_id = t.external_id"
    moved = "false" if context.endpoint.filters.is_default else "b.path <> l.path"
    entered = rows.con.execute(f"""
        SELECT l.external_id, l.scope
        FROM {named} LEFT JOIN {rows.before} b ON l.external_id = b.external_id
        WHERE l.kind = '{Kind.FOLDER}' AND l.selected
            AND (
                b.external_id IS NULL OR b.scope <> l.scope OR (b.trashed AND NOT l.trashed) OR {moved}
                OR b.owner IS DISTINCT FROM l.owner
            )
        ORDER BY length(l.path)
    """).fetchall()
    changed = rows.con.execute(f"""
        SELECT l.external_id, l.scope
        FROM {named} JOIN {rows.before} b ON l.external_id = b.external_id AND l.fingerprint <> b.fingerprint
        WHERE l.kind = '{Kind.FOLDER}' AND l.selected AND NOT l.trashed
    """).fetchall()
    trashed: set[str] = set()
    for batch in context.runtime.metadata.files.children(context.endpoint_id, [folder for folder, _ in changed]):
        trashed.update(map(str, batch.filter(batch.column("trashed")).column("parent_id").to_pylist()))
    return list(dict.fromkeys([*entered, *(row for row in changed if row[0] in trashed)]))


def _crawl(context: SyncContext, rows: FeedRows, folder: str, scope: str, feed: FeedResult) -> Iterator[str]:
    """Stage what lies below a folder; yield the folders among it."""
    for page in feed_of(context).below(folder, scope):
        context.lease.check()
        if page.gaps:
            # Once the folder is known nobody would look into it again; a full listing copes with what cannot be read.
            raise CursorLost(f"Not all of a folder that came in could be read: {page.gaps[0].reason}")
        _stage_page(rows, page.batch)
        ids = [str(external_id) for external_id in page.batch.column("external_id").to_pylist()]
        _load_known(context, rows, ids)
        feed.rows += page.batch.num_rows
        context.report("listing", feed.rows)
        kinds = page.batch.column("kind").to_pylist()
        yield from (external_id for external_id, kind in zip(ids, kinds, strict=True) if kind == Kind.FOLDER)


def feed_of(context: SyncContext) -> IncrementalSource:
    """Return the source of a sync as one that tells what changed."""
    assert context.feed is not None
    return context.feed
