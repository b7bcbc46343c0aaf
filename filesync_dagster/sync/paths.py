"""Where rows lie, for stores that tell an entry's parent and leave the path to us."""

import pyarrow as pa
import pyarrow.compute as pc

from filesync_dagster.config import Endpoint
from filesync_dagster.core.schemas import ENTRY_FIELDS, FILE_SCHEMA, build_batch
from filesync_dagster.storage.snapshots import stream
from filesync_dagster.sync import diff
from filesync_dagster.sync.relations import COLUMNS, Relation, RelationKind, create_empty, create_table, ids_batch

ENTRY_NAMES = [field.name for field in ENTRY_FIELDS]


CIRCLES = "circles"
"""The subject of a remark on the sync."""

NAMES_MAX = 5
"""Folders that are named one by one in a remark."""


def resolve_paths(
    endpoint: Endpoint,
    rows: Relation,
    into: str,
    anchors: Relation | None = None,
    *,
    remarks: dict[str, str],
    kind: RelationKind = "VIEW",
) -> Relation:
    """Create `into`: the rows that lie in the endpoint, with their paths, and whether filters select them.

    `rows` and `anchors` as `diff.derive` takes them; `into` has the columns of FILE_SCHEMA and `selected`. What lies
    in a trashed folder is trashed with it. Of folders that contain each other one is hung at the top, which `remarks`
    tell. The table `placed` has the ids of all these rows.
    """
    con, filters = rows.con, endpoint.filters
    rows = _derive(rows, anchors, f"{into}_unwound", remarks)
    _propagate_trash(rows)
    columns = ", ".join("p.path" if name == "path" else f'r."{name}"' for name in FILE_SCHEMA.names)
    found = f"""
        SELECT {columns} FROM {rows} r JOIN placed p ON r.external_id = p.external_id WHERE r.trashed OR NOT p.trashed
        UNION ALL SELECT {COLUMNS} FROM trashed_below
    """
    if filters.is_default:
        con.execute(f"CREATE OR REPLACE {kind} {into} AS SELECT *, true AS selected FROM ({found})")
        return Relation(con, into)
    unselected = create_table(con, "unselected")
    for batch in stream(con, found):
        unselected.insert(batch.filter(pc.invert(filters.select(batch))), "external_id")
    chosen = f"external_id NOT IN (SELECT external_id FROM {unselected})"
    con.execute(f"CREATE OR REPLACE {kind} {into} AS SELECT *, {chosen} AS selected FROM ({found})")
    return Relation(con, into)


def _derive(rows: Relation, anchors: Relation | None, unwound: str, remarks: dict[str, str]) -> Relation:
    """Make `placed`; return the rows, in the table `unwound` if there are circles: then each has a beginning."""
    con, known = rows.con, anchors.name if anchors else None
    diff.derive(con, rows.name, "placed", known)
    remarks.pop(CIRCLES, None)
    heads = diff.find_circles(con, rows.name, "placed")
    if not heads:
        return rows
    begin = create_table(con, "circle_heads")
    begin.insert(ids_batch(heads), "external_id")
    con.execute(
        f"CREATE OR REPLACE TABLE {unwound} AS SELECT {COLUMNS} FROM {rows} ANTI JOIN {begin} USING (external_id)"
    )
    straight, names = Relation(con, unwound), list[str]()
    hung = f"SELECT r.* REPLACE (NULL::VARCHAR AS parent_id) FROM {rows} r SEMI JOIN {begin} USING (external_id)"
    for batch in [*stream(con, hung)]:
        straight.insert(with_fingerprints(batch))
        names += map(str, batch.column("name").to_pylist())
    several = f" and {len(names) - NAMES_MAX:,} more" if len(names) > NAMES_MAX else ""
    remarks[CIRCLES] = (
        "The store says of some folders that they contain each other; so that nothing in them is missed, these are "
        f"shown at the top: {', '.join(sorted(names)[:NAMES_MAX])}{several}."
    )
    diff.derive(con, straight.name, "placed", known)
    return straight


def _propagate_trash(rows: Relation) -> None:
    """Make `trashed_below`: rows that do not say themselves that they are in the trash, but their folder is."""
    con = rows.con
    trashed = create_empty(con, "trashed_below")
    if not con.execute("SELECT 1 FROM placed WHERE trashed LIMIT 1").fetchall():
        return
    below = f"""
        SELECT r.* REPLACE (true AS trashed, p.path AS path)
        FROM {rows} r JOIN placed p ON r.external_id = p.external_id WHERE p.trashed AND NOT r.trashed
    """
    for batch in stream(con, f"SELECT {COLUMNS} FROM ({below})"):
        trashed.insert(with_fingerprints(batch))


def with_fingerprints(batch: pa.RecordBatch) -> pa.RecordBatch:
    """Return rows of ENTRY_FIELDS, in whatever order of columns, with their hashes."""
    return build_batch({name: batch.column(name) for name in ENTRY_NAMES}, batch.num_rows)


def descendants_of(rows: Relation, lost: Relation, into: str) -> Relation:
    """Create the table `into` (external_id): rows below what is lost. What only lies elsewhere is not among them."""
    rows.con.execute(f"""
        CREATE OR REPLACE TABLE {into} AS
        WITH RECURSIVE below(external_id) AS (
            SELECT external_id FROM {lost}
            UNION
            SELECT r.external_id FROM {rows} r JOIN below b ON r.parent_id = b.external_id
        )
        SELECT external_id FROM below
    """)
    return Relation(rows.con, into)
