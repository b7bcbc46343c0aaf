"""The ids of files that have several names.

A source tells such names apart by where they lie, so what it says of one name changes when another comes or goes, or
its folder moves. What the inventory calls them does not: each name keeps the id that it had.
"""

from filesync_dagster.core.model import NAME_MARK
from filesync_dagster.core.schemas import FILE_SCHEMA
from filesync_dagster.storage.snapshots import stream
from filesync_dagster.sync.paths import with_fingerprints
from filesync_dagster.sync.relations import COLUMNS, Relation, create_empty

_FILE = f"split_part(external_id, '{NAME_MARK}', 1)"
"""What all ids of one file have in common."""


def keep_ids(before: Relation, found: Relation, *, complete: bool) -> Relation:
    """Return `found` with the ids that its rows had in `before`, where a file has or had several names.

    A name that was there keeps its id, and an id that is still told stays. Of a `complete` listing, what is left of
    both sides is matched in the order of paths: names that moved. A new name has the id that the source gives it.
    """
    con = found.con
    if not _collect_names(before, found):
        return found
    con.execute("CREATE OR REPLACE TABLE kept_ids (listed VARCHAR, kept VARCHAR)")
    _match(found, "n.parent_id IS NOT DISTINCT FROM w.parent_id AND n.name = w.name")
    _match(found, "n.external_id = w.external_id")
    if complete:
        _match(found, "n.place = w.place")
    con.execute("""
        CREATE OR REPLACE TABLE new_ids AS
        SELECT n.external_id AS listed, coalesce(k.kept, n.external_id) AS id, k.kept IS NULL AS is_new
        FROM names_now n LEFT JOIN kept_ids k ON n.external_id = k.listed
    """)
    _make_unique(found)
    con.execute("DELETE FROM new_ids WHERE listed = id")
    return _rewrite(found) if Relation(con, "new_ids").count() else found


def _collect_names(before: Relation, found: Relation) -> bool:
    """Make `names_before` and `names_now`: of files one of whose names came, went or is told by another id."""
    con, marked = found.con, f"contains(external_id, '{NAME_MARK}')"
    con.execute(f"""
        CREATE OR REPLACE TABLE several_names AS
        SELECT DISTINCT {_FILE} AS file FROM (
            SELECT external_id FROM (SELECT * FROM {found} WHERE {marked}) ANTI JOIN {before} USING (id_hash)
            UNION ALL
            SELECT external_id FROM (SELECT * FROM {before} WHERE {marked}) ANTI JOIN {found} USING (id_hash)
        )
    """)
    if not Relation(con, "several_names").count():
        return False
    for names, rows in (("names_before", before), ("names_now", found)):
        con.execute(
            f"CREATE OR REPLACE TABLE {names} AS SELECT {_FILE} AS file, external_id, parent_id, name, path "
            f"FROM {rows} WHERE {_FILE} IN (SELECT file FROM several_names)"
        )
    con.execute("DELETE FROM names_now WHERE file NOT IN (SELECT file FROM names_before)")
    return bool(Relation(con, "names_now").count())


def _match(found: Relation, condition: str) -> None:
    """Add to `kept_ids` what meets a condition of what is in it on neither side; each id once."""
    left = {
        side: f"SELECT *, row_number() OVER (PARTITION BY file ORDER BY path, external_id) AS place FROM {names} "
        f"WHERE external_id NOT IN (SELECT {side} FROM kept_ids)"
        for side, names in (("listed", "names_now"), ("kept", "names_before"))
    }
    found.con.execute(f"""
        INSERT INTO kept_ids
        SELECT n.external_id, w.external_id
        FROM ({left["listed"]}) n JOIN ({left["kept"]}) w ON n.file = w.file AND {condition}
        QUALIFY row_number() OVER (PARTITION BY n.external_id ORDER BY w.external_id) = 1
            AND row_number() OVER (PARTITION BY w.external_id ORDER BY n.external_id) = 1
    """)


def _make_unique(found: Relation) -> None:
    """Let a new name, whose id another one took along when it moved, have a longer id."""
    twice = "is_new AND id IN (SELECT id FROM new_ids GROUP BY id HAVING count(*) > 1)"
    while Relation(found.con, "new_ids").count(twice):
        found.con.execute(f"UPDATE new_ids SET id = id || '{NAME_MARK}' WHERE {twice}")


def _rewrite(found: Relation) -> Relation:
    """Make `relinked`: the rows of `found`, those in `new_ids` and right below them under their new ids."""
    con = found.con
    changed = create_empty(con, "rewritten")
    con.execute("CREATE OR REPLACE TABLE rewritten_seqs (external_id VARCHAR, seq BIGINT, selected BOOLEAN)")
    renamed = ", ".join(
        "coalesce(i.id, f.external_id) AS external_id" if name == "external_id"
        else "coalesce(p.id, f.parent_id) AS parent_id" if name == "parent_id"
        else f'f."{name}"'
        for name in FILE_SCHEMA.names
    )  # fmt: skip
    query = (
        f"SELECT {renamed}, f.seq, f.selected FROM {found} f LEFT JOIN new_ids i ON f.external_id = i.listed "
        "LEFT JOIN new_ids p ON f.parent_id = p.listed WHERE i.id IS NOT NULL OR p.id IS NOT NULL"
    )
    for batch in stream(con, query):
        changed.insert(with_fingerprints(batch))
        columns = ["external_id", "seq", "selected"]
        Relation(con, "rewritten_seqs").insert(batch.select(columns), ", ".join(columns))
    con.execute(f"""
        CREATE OR REPLACE VIEW relinked AS
        SELECT {COLUMNS}, seq, selected FROM {found} ANTI JOIN rewritten_seqs USING (seq)
        UNION ALL SELECT {COLUMNS}, seq, selected FROM rewritten JOIN rewritten_seqs USING (external_id)
    """)
    return Relation(con, "relinked")
