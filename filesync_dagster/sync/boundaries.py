"""Parts of a store that are there only while something is mounted, or a link leads to them.

What is not seen because its boundary changed is not gone: its last known state stands (DESIGN rule 1).
"""

from filesync_dagster.core.model import MOUNT_POINT, TARGET, Kind, ListingGap
from filesync_dagster.sync.relations import Relation, create_table

_MOUNTED = f"metadata LIKE '%\"{MOUNT_POINT}\":true%'"
_FOLLOWED = f"metadata LIKE '%\"{TARGET}\":%' AND kind <> '{Kind.SHORTCUT}'"
_BELOW = "{0}.path > p.path || '/' AND {0}.path < p.path || '0'"  # "0" comes right after "/"

VANISHED = "another file system was mounted there, and is not now: mount it again, or exclude the folder"
HIDDEN = "another file system is mounted over what was there: unmount it, or exclude the folder"
DANGLING = "the link leads nowhere now: bring back what it led to, or exclude it"


def find_displaced(before: Relation, listed: Relation, missing: Relation, gone: Relation) -> list[ListingGap]:
    """Return the places whose boundary changed while something below them went unseen; make `displaced` of them.

    Where most of the files are seen in the same places, they were copied to what is mounted there now, or from what
    was mounted: an ordinary change.
    """
    con = before.con
    _collect_places(before, listed)
    create_table(con, "displaced", "scope VARCHAR, path VARCHAR, reason VARCHAR")
    if not Relation(con, "places").count():
        return []
    con.execute(f"""
        CREATE OR REPLACE TABLE absent AS
        SELECT m.scope, m.path, m.kind, m.path IN (SELECT path FROM {listed}) AS replaced
        FROM {missing} m WHERE m.external_id NOT IN (SELECT external_id FROM {gone})
    """)
    con.execute(f"""
        INSERT INTO displaced
        SELECT p.scope, p.path, any_value(p.reason) FROM places p JOIN absent a
            ON a.scope = p.scope AND (({_BELOW.format("a")}) OR (a.path = p.path AND p.reason = $dangling))
        GROUP BY ALL
        HAVING any_value(p.reason) = $dangling
            OR count(*) FILTER (NOT replaced) > count(*) FILTER (replaced AND kind <> '{Kind.FOLDER}')
    """, {"dangling": DANGLING})  # fmt: skip
    return [ListingGap(*row) for row in con.execute("SELECT * FROM displaced ORDER BY ALL").fetchall()]


def _collect_places(before: Relation, listed: Relation) -> None:
    """Make `places`: rows of `before` where a mount came or went, or a link that was followed is one now."""
    before.con.execute(
        f"""
        CREATE OR REPLACE TABLE places AS
        WITH mounted_before AS (SELECT external_id, scope, path FROM {before} WHERE {_MOUNTED}),
            mounted_now AS (SELECT external_id, scope, path FROM {listed} WHERE {_MOUNTED})
        SELECT scope, path, $vanished AS reason FROM mounted_before
        WHERE external_id NOT IN (SELECT external_id FROM mounted_now)
        UNION
        SELECT b.scope, b.path, $hidden FROM {before} b JOIN mounted_now n USING (scope, path)
        WHERE n.external_id NOT IN (SELECT external_id FROM mounted_before)
            AND path NOT IN (SELECT path FROM mounted_before)
        UNION
        SELECT b.scope, b.path, $dangling FROM (FROM {before} WHERE {_FOLLOWED}) b
        JOIN (FROM {listed} WHERE kind = '{Kind.SHORTCUT}') n USING (scope, path)
        """,
        {"vanished": VANISHED, "hidden": HIDDEN, "dangling": DANGLING},
    )


def keep_displaced(before: Relation, listed: Relation) -> Relation:
    """Make `undisplaced`: what is `listed`, without what is new at or below a displaced place."""
    before.con.execute(f"""
        CREATE OR REPLACE TABLE displacing AS
        SELECT DISTINCT n.seq FROM {listed} n ANTI JOIN {before} USING (id_hash)
        JOIN displaced p ON n.scope = p.scope AND (n.path = p.path OR {_BELOW.format("n")})
    """)
    before.con.execute(f"CREATE OR REPLACE VIEW undisplaced AS FROM {listed} ANTI JOIN displacing USING (seq)")
    return Relation(before.con, "undisplaced")
