"""The two sides of a diff, and what lies between them.

In one DuckDB connection: `before` (the last committed snapshot), `listed` (what the listing saw), `after` (the next
snapshot: what is selected, and what may not be removed), `changes` and `repathed`.
"""

from dataclasses import dataclass, replace

import pyarrow as pa
import pyarrow.compute as pc

from filesync_dagster.core.model import (
    COUNTED,
    UNNAMED,
    ChangeCounts,
    ChangeKind,
    Kind,
    ListingGap,
    adjust_data_version,
)
from filesync_dagster.storage.database import EndpointState
from filesync_dagster.sync import diff
from filesync_dagster.sync.boundaries import find_displaced, keep_displaced
from filesync_dagster.sync.context import SyncContext
from filesync_dagster.sync.hard_links import keep_ids
from filesync_dagster.sync.listing import LOOKUPS_MAX, Listing, confirm, confirm_one_by_one
from filesync_dagster.sync.paths import descendants_of, resolve_paths
from filesync_dagster.sync.relations import (
    COLUMNS,
    DetectedChanges,
    ListedRows,
    Relation,
    RelationKind,
    create_empty,
    kind_for,
)

LIVE_FILES = f"NOT trashed AND {COUNTED}"


def prove_absences(context: SyncContext, before: Relation, listing: Listing, state: EndpointState) -> ListedRows:
    """Make `after`: what is listed and selected, and what is absent without proof.

    An absence counts when its scope was read completely. For a store with stable ids it must also be confirmed: one
    by one when they are few and the store can be asked, else by a second listing.
    """
    con, kind, elsewhere = before.con, kind_for(listing.rows), context.is_elsewhere(state)
    _poison_unnamed(context, before, listing)
    found = _classify(context, before, listing, kind, elsewhere=elsewhere)
    if found.missing.count() and context.source.capabilities.stable_ids and _confirm(context, found, listing):
        found = _classify(context, before, listing, kind, elsewhere=elsewhere)
    selected = f"SELECT {COLUMNS} FROM {found.listed} WHERE selected"
    if found.missing.count():
        con.execute(
            f"CREATE TABLE carried AS SELECT {COLUMNS} FROM {found.missing} WHERE NOT ({PROVED}) "
            f"AND external_id NOT IN (SELECT external_id FROM gone) AND NOT ({_replaced(context, found.listed)})",
            [list(listing.incomplete_scopes)],
        )
        con.execute(f"CREATE VIEW after AS {selected} UNION ALL SELECT {COLUMNS} FROM carried")
    else:
        create_empty(con, "carried")
        con.execute(f"CREATE VIEW after AS {selected}")
    processed = found.listed.count(f"selected AND {COUNTED}")
    return ListedRows(Relation(con, "after"), found.gone, processed, Relation(con, "carried"))


def _replaced(context: SyncContext, listed: Relation) -> str:
    """Return a condition of a missing row: where it lay something else is now, and two cannot lie in one place."""
    unique = "path" in context.source.capabilities.pair_by
    return f"path IN (SELECT path FROM {listed})" if unique else "false"


def _poison_unnamed(context: SyncContext, before: Relation, listing: Listing) -> None:
    """Note a gap for each scope that is known and was not named, when the store could not name all."""
    unnamed = next((gap.reason for gap in listing.gaps if gap.scope == UNNAMED), None)
    if unnamed is None:
        return
    named = list(context.source.scopes())
    rows = before.con.execute(
        f"SELECT DISTINCT scope FROM {before} WHERE scope NOT IN (SELECT unnest(?::VARCHAR[])) ORDER BY 1", [named]
    )
    listing.gaps += [ListingGap(scope, "", unnamed) for (scope,) in rows.fetchall()]


PROVED = "scope NOT IN (SELECT unnest(?::VARCHAR[])) AND external_id NOT IN (SELECT external_id FROM gone)"
"""Of a missing row: it would have been listed if it were there."""


@dataclass(frozen=True, slots=True)
class _Classes:
    listed: Relation  # what the listing saw, wherever it lies, and whether it is `selected`
    missing: Relation  # in `before`, and not listed
    gone: Relation  # external_id: of both, what is no longer selected


def _confirm(context: SyncContext, found: _Classes, listing: Listing) -> bool:
    """Ask again for what is missing and would count; tell whether anything was asked."""
    con, scopes = found.missing.con, list(listing.incomplete_scopes)
    absent = f"FROM {found.missing} WHERE {PROVED}"
    if not (count := found.missing.count(PROVED, [scopes])):
        return False
    if context.feed is not None and count <= LOOKUPS_MAX:
        rows = con.execute(f"SELECT scope, list(external_id) {absent} GROUP BY scope", [scopes])
        confirm_one_by_one(context, listing, dict(rows.fetchall()))
    else:
        ids = con.execute(f"SELECT external_id {absent}", [scopes]).fetchnumpy()
        confirm(context, listing, pa.array(ids["external_id"], pa.string()))
    return True


def _classify(
    context: SyncContext, before: Relation, listing: Listing, kind: RelationKind, *, elsewhere: bool
) -> _Classes:
    """Tell what of both sides was listed, is missing, and is no longer selected."""
    con, capabilities = before.con, context.source.capabilities
    derives_paths = capabilities.derives_paths
    listing.make_durable()
    staged = listing.staging.relation(con)
    if kind == "TABLE":
        con.execute(f"CREATE OR REPLACE TABLE at_hand AS FROM {staged}")
        staged = "at_hand"
    diff.dedupe(con, staged, "found")
    found = Relation(con, "found")
    if derives_paths:
        listed = _resolve_paths(context, before, found, listing, kind)
    else:
        complete = not listing.incomplete_scopes
        same = keep_ids(before, found, complete=complete) if capabilities.shared_ids else found
        con.execute(f"CREATE OR REPLACE VIEW listed AS FROM {same}")
        listed = Relation(con, "listed")
    # By the 64-bit hash alone: a missing row whose hash another row has (1 in 10^12 for ten million files) is
    # merely not carried and not confirmed; the diff itself compares ids.
    con.execute(f"CREATE OR REPLACE TABLE missing AS SELECT {COLUMNS} FROM {before} ANTI JOIN {listed} USING (id_hash)")
    con.execute(f"CREATE OR REPLACE TABLE gone AS SELECT external_id FROM {listed} WHERE NOT selected")
    missing, gone = Relation(con, "missing"), Relation(con, "gone")
    if missing.count():
        if derives_paths:
            _add_outsiders(found, missing, gone)
        _add_unselected(context, missing, gone, elsewhere=elsewhere)
        if capabilities.boundaries and (gaps := find_displaced(before, listed, missing, gone)):
            listing.gaps += [gap for gap in gaps if gap not in listing.gaps]
            listed = keep_displaced(before, listed)
    return _Classes(listed, missing, gone)


def _add_outsiders(found: Relation, missing: Relation, gone: Relation) -> None:
    """Add to `gone` what is still there, but no longer in the endpoint; unless what it lies in was lost, and it too."""
    con = found.con
    con.execute(f"CREATE OR REPLACE TABLE lost AS SELECT external_id FROM {missing} ANTI JOIN {found} USING (id_hash)")
    below = descendants_of(found, Relation(con, "lost"), "below_lost")
    con.execute(f"""
        INSERT INTO {gone} SELECT external_id FROM {found} SEMI JOIN {missing} USING (id_hash)
        WHERE external_id NOT IN (SELECT external_id FROM {below})
    """)


def _add_unselected(context: SyncContext, missing: Relation, gone: Relation, *, elsewhere: bool) -> None:
    """Add to `gone` what was not looked at: all that is missing (`elsewhere`), or what the filters prune."""
    if elsewhere:
        missing.con.execute(f"INSERT INTO {gone} SELECT external_id FROM {missing}")
    elif not context.endpoint.filters.is_default:
        # It left the selection, whether it still exists or not.
        for batch in missing.stream():
            gone.insert(batch.filter(pc.invert(context.endpoint.filters.select(batch))), "external_id")


def _resolve_paths(
    context: SyncContext, before: Relation, found: Relation, listing: Listing, kind: RelationKind
) -> Relation:
    """Make `listed` of what was found, wherever it lies. A folder that could not be read has the parent it had."""
    remarks = context.attempt.meter.remarks
    if not listing.incomplete_scopes:
        return resolve_paths(context.endpoint, found, "listed", remarks=remarks, kind=kind)
    con = before.con
    con.execute(
        f"CREATE OR REPLACE TABLE anchors AS SELECT {COLUMNS} FROM {before} "
        f"WHERE kind = '{Kind.FOLDER}' AND scope IN (SELECT unnest(?::VARCHAR[])) "
        f"AND external_id NOT IN (SELECT external_id FROM {found})",
        [list(listing.incomplete_scopes)],
    )
    anchors = Relation(con, "anchors")
    if anchors.count():
        either = f"SELECT {COLUMNS} FROM {found} UNION ALL SELECT {COLUMNS} FROM {anchors}"
        con.execute(f"CREATE OR REPLACE TEMP VIEW found_or_known AS {either}")
        diff.derive(con, "found_or_known", "anchored")  # those that lie nowhere any more stay where they were
        con.execute("UPDATE anchors SET path = p.path FROM anchored p WHERE anchors.external_id = p.external_id")
    return resolve_paths(context.endpoint, found, "listed", anchors, remarks=remarks, kind=kind)


RELOCATED = f""""after".kind = '{Kind.FOLDER}' AND "before".path <> "after".path"""
"""Of a change: what lies below has another path. One that is trashed, or comes back, is not counted as moved."""


def detect_changes(context: SyncContext, before: Relation, listed: ListedRows, state: EndpointState) -> DetectedChanges:
    """Compare all that the endpoint has with what it had: make `changes` and `repathed`, and count them."""
    after = listed.after
    if state.snapshot_uri is None:
        files, size, version = diff.totals(after.con, after.name)
        return DetectedChanges(
            after, None, None, ChangeCounts(added=files), changed=True,
            files_before=state.files_total, files_after=files, bytes_after=size,
            data_version=version, processed=listed.processed,
        )  # fmt: skip
    changes, counts = _compare(context, before, listed)
    relocated = bool(counts.moved or changes.count(RELOCATED))
    if relocated and listed.carried and listed.carried.count():
        diff.apply(after.con, before.name, changes.name, "applied")  # what is carried may lie below a moved folder
        after = Relation(after.con, "applied")
    repathed = _find_repathed(before, after, changes) if relocated or context.is_elsewhere(state) else None
    files, size, version = diff.totals(after.con, after.name)
    return DetectedChanges(
        after=after,
        changes=changes,
        repathed=repathed,
        counts=replace(counts, repathed=repathed.count() if repathed else 0),
        changed=bool(repathed or changes.count()),
        files_before=state.files_total,
        files_after=files,
        bytes_after=size,
        data_version=version,
        processed=listed.processed,
        emptied=_emptied_scopes(before, after, changes) if counts.removed else (),
        unproved=_count_unproved(context, changes, counts),
    )


def detect_changes_of_some(
    context: SyncContext, before: Relation, listed: ListedRows, state: EndpointState
) -> DetectedChanges:
    """Compare the rows that were looked at with what they were, and count what the endpoint has with them."""
    after = listed.after
    changes, counts = _compare(context, before, listed)
    repathed = _find_repathed(before, after, changes)
    was, is_ = diff.totals(before.con, before.name), diff.totals(after.con, after.name)
    return DetectedChanges(
        after=after,
        changes=changes,
        repathed=repathed,
        counts=replace(counts, repathed=repathed.count() if repathed else 0),
        changed=bool(repathed or changes.count()),
        files_before=state.files_total,
        files_after=state.files_total - was[0] + is_[0],
        bytes_after=state.bytes_total - was[1] + is_[1],
        data_version=adjust_data_version(str(state.data_version), was[2], is_[2]),
        processed=listed.processed,
        emptied=_emptied_known_scopes(context, before, after, changes) if counts.removed else (),
    )


def _compare(context: SyncContext, before: Relation, listed: ListedRows) -> tuple[Relation, ChangeCounts]:
    capabilities = context.source.capabilities
    counts = diff.compare(
        before.con, before.name, listed.after.name, "changes",
        pair_by=capabilities.pair_by, pair_as=capabilities.pair_as, left_scope=listed.gone.name,
        bookkeeping=capabilities.bookkeeping,
    )  # fmt: skip
    return Relation(before.con, "changes"), counts


def _count_unproved(context: SyncContext, changes: Relation, counts: ChangeCounts) -> int:
    bookkeeping = context.source.capabilities.bookkeeping
    return diff.count_unproved(changes.con, changes.name, bookkeeping) if bookkeeping and counts.updated else 0


def _find_repathed(before: Relation, after: Relation, changes: Relation) -> Relation | None:
    found = diff.find_repathed(before.con, before.name, after.name, changes.name, "repathed")
    return Relation(before.con, "repathed") if found else None


def _emptied_scopes(before: Relation, after: Relation, changes: Relation) -> tuple[str, ...]:
    """Return the scopes that lost every file, some of them removed, while there are others."""
    rows = before.con.execute(f"""
        SELECT DISTINCT "before".scope FROM {changes}
        WHERE change = '{ChangeKind.REMOVED}' AND "before".scope IN (SELECT scope FROM {before} WHERE {LIVE_FILES})
            AND "before".scope NOT IN (SELECT scope FROM {after} WHERE {LIVE_FILES})
            AND (SELECT count(DISTINCT scope) FROM {before}) > 1
        ORDER BY 1
    """).fetchall()
    return tuple(scope for (scope,) in rows)


def _emptied_known_scopes(
    context: SyncContext, before: Relation, after: Relation, changes: Relation
) -> tuple[str, ...]:
    """Return the same where only some rows were looked at: the database knows whether the scope has others."""
    rows = before.con.execute(f"""
        SELECT scope, count(*) FROM {before}
        WHERE {LIVE_FILES} AND scope IN (SELECT "before".scope FROM {changes} WHERE change = '{ChangeKind.REMOVED}')
            AND scope NOT IN (SELECT scope FROM {after} WHERE {LIVE_FILES})
        GROUP BY scope ORDER BY scope
    """).fetchall()
    has_more = context.runtime.metadata.files.has_more_files
    return tuple(scope for scope, looked_at in rows if not has_more(context.endpoint_id, scope, looked_at))
