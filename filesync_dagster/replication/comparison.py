"""What is desired against what is known to be at the destination: the rows of a plan. Pure: DuckDB and Arrow.

Tables that it reads: `desired` and `excluded` (see `target_state`), `replica` (REPLICA_SCHEMA), `gone` (external_id,
reason) for what the source has no more, and `present` (path, kind, size, version, content_hash) where the destination
was listed. It makes `planned`, whose rows are operations, and changes `replica` as folders would move.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

import duckdb
import pyarrow as pa

from filesync_dagster.config import Replication, ReplicationMode
from filesync_dagster.connectors.destination import ASIDE_SUFFIX, DestinationFacts
from filesync_dagster.replication.model import PlanCounts
from filesync_dagster.replication.moves import PlannedMove, order_moves
from filesync_dagster.replication.target_state import IMPLICIT
from filesync_dagster.storage.snapshots import literal, stream

WINDOW_BYTES: Final = 1 << 30
"""Files are sent in windows of so many bytes, the largest of each first: so that the tail is short."""

DISPLACED: Final = 1_000_000
"""Where the numbers of moves begin that only make room."""

PROVED_GONE: Final = ("removed", "trashed")
"""Why a file is gone from the source, proved. What only left the scope is another matter."""

WRONG_FOLDERS: Final = """
    FROM desired d JOIN replica r USING (external_id)
    WHERE d.kind = 'folder' AND r.kind = 'folder' AND d.dest_path <> r.dest_path
"""

SAME_HASH: Final = """
    (d.content_hash = r.content_hash AND d.size IS NOT DISTINCT FROM r.size
        AND regexp_matches(d.content_hash, '^(md5|sha1|sha256):'))
"""
"""Both are of the same bytes, whatever their versions are called."""

_FIELDS: "list[pa.Field[Any]]" = [
    pa.field("op", pa.string()),
    pa.field("external_id", pa.string()),
    pa.field("path", pa.string()),
    pa.field("new_path", pa.string()),
    pa.field("size", pa.int64()),
    pa.field("source_version", pa.string()),
    pa.field("expected_dest_version", pa.string()),
]
PLAN_SCHEMA = pa.schema(_FIELDS)
"""An operation of a plan, in its order."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """How the rows of a plan come about."""

    con: duckdb.DuckDBPyConnection
    replication: Replication
    facts: DestinationFacts
    has_listing: bool = False  # `present` is there

    def run(self) -> None:
        """Make `planned`: op, external_id, path, new_path, size, source_version, expected_dest_version, phase, sort."""
        self.con.execute("""
            CREATE OR REPLACE TABLE planned (op VARCHAR, external_id VARCHAR, path VARCHAR, new_path VARCHAR,
                size BIGINT, source_version VARCHAR, expected_dest_version VARCHAR, phase INTEGER, sort BIGINT)
        """)
        self.con.execute("CREATE OR REPLACE TABLE kept (external_id VARCHAR)")
        if self.facts.folders and self.facts.rename and self._may_move:
            self._move_folders()
        if self.facts.folders:
            self._displace()
            self._leave_folders()
        self._pair_by_path()
        self._make_folders()
        if self._may_move:
            self._move_files()
        self._adopt()
        self._send()
        if self.replication.permissions and self.facts.permissions:
            self._set_permissions()
        self._delete()

    @property
    def _may_move(self) -> bool:
        return self.replication.mode is not ReplicationMode.ADD_ONLY

    def _move_folders(self) -> None:
        """Plan folders that move as a whole, outermost first; what is below them moves along in `replica`.

        One that comes to where another one is yet to go from waits for it: it would be taken along. Where they wait
        for each other, their files move by themselves.
        """
        rows = self.con.execute(f"""
            SELECT d.external_id {WRONG_FOLDERS} ORDER BY strlen(d.dest_path), d.dest_path
        """).fetchall()
        waiting, number = [external_id for (external_id,) in rows], 0
        while waiting:
            still = [external_id for external_id in waiting if not self._move_folder(external_id, number := number + 1)]
            if len(still) == len(waiting):
                return
            waiting = still

    def _move_folder(self, external_id: str, number: int) -> bool:
        """Plan that a folder moves, if it has to; tell whether it need not wait."""
        query = "SELECT r.dest_path, d.dest_path FROM replica r JOIN desired d USING (external_id)"
        [(old, new)] = self.con.execute(f"{query} WHERE external_id = ?", [external_id]).fetchall()
        if old == new:
            return True
        if f"{new}/".startswith(f"{old}/") or self._is_occupied(new) or self._goes_away_above(new, external_id):
            return False
        self._move_tree(external_id, old, new, number)
        return True

    def _goes_away_above(self, path: str, external_id: str) -> bool:
        """Whether another folder that is yet to move is above a path."""
        query = f"SELECT 1 {WRONG_FOLDERS} AND starts_with(?, r.dest_path || '/') AND r.external_id <> ? LIMIT 1"
        return self.con.execute(query, [path, external_id]).fetchone() is not None

    def _move_tree(self, external_id: str, old: str, new: str, number: int) -> None:
        """Plan that something moves with all that is below it."""
        row = ["move", external_id, old, new, number]
        self.con.execute("INSERT INTO planned SELECT ?, ?, ?, ?, NULL, NULL, NULL, 0, ?", row)
        self.con.execute(
            f"""UPDATE replica SET dest_path = {literal(new)} || substr(dest_path, {len(old) + 1})
                WHERE dest_path = {literal(old)} OR starts_with(dest_path, {literal(old + "/")})"""
        )

    def _leave_folders(self) -> None:
        """Let folders that cannot move as a whole be made anew; where they were, empty ones are removed."""
        self.con.execute(f"""
            UPDATE replica SET external_id = '{IMPLICIT}' || replica.dest_path FROM desired d
            WHERE d.external_id = replica.external_id AND replica.kind = 'folder'
                AND d.dest_path <> replica.dest_path
        """)

    def _displace(self) -> None:
        """Plan that a file makes room for a folder of its name, and a folder for a file: from there it goes its way."""
        query = """
            SELECT r.external_id, r.dest_path FROM replica r JOIN desired d ON d.dest_path = r.dest_path
            WHERE d.kind <> r.kind ORDER BY strlen(r.dest_path), r.dest_path LIMIT 1
        """
        number = DISPLACED
        while found := self.con.execute(query).fetchall():
            [(external_id, path)] = found
            number += 1
            self._move_tree(external_id, path, f"{path}.{number}{ASIDE_SUFFIX}", number)

    def _is_occupied(self, path: str) -> bool:
        """Whether something of ours is in the way of a folder."""
        there = literal(path)
        query = f"SELECT count(*) FROM replica WHERE dest_path = {there} OR starts_with(dest_path, {there} || '/')"
        [(count,)] = self.con.execute(query).fetchall()
        return bool(count)

    def _pair_by_path(self) -> None:
        """Make `replaced`: a file under a new id at the path of one that is not desired any more, as editors save."""
        self.con.execute(f"""
            CREATE OR REPLACE TABLE replaced AS
            SELECT d.external_id, r.external_id AS old_id
            FROM desired d JOIN replica r ON d.dest_path = r.dest_path AND d.external_id <> r.external_id
            WHERE d.kind = 'file' AND r.kind = 'file' AND r.external_id NOT IN (SELECT external_id FROM desired)
                AND r.external_id NOT IN (SELECT external_id FROM excluded)
                {"AND false" if not self._may_move else ""}
        """)

    def _move_files(self) -> None:
        rows = self.con.execute("""
            SELECT d.external_id, r.dest_path, d.dest_path FROM desired d JOIN replica r USING (external_id)
            WHERE d.kind = 'file' AND r.kind = 'file' AND d.dest_path <> r.dest_path ORDER BY r.dest_path
        """).fetchall()
        if not rows:
            return
        moves = list(order_moves(PlannedMove(*row) for row in rows))
        table = pa.table(
            {
                "external_id": [move.external_id for move in moves],
                "path": [move.path for move in moves],
                "new_path": [move.new_path for move in moves],
                "sort": list(range(len(moves))),
            }
        )
        self.con.register("ordered_moves", table)
        self.con.execute("""
            INSERT INTO planned
            SELECT 'move', m.external_id, m.path, m.new_path, r.size, r.source_version, r.dest_version, 2, m.sort
            FROM ordered_moves m JOIN replica r USING (external_id)
        """)
        self.con.unregister("ordered_moves")

    def _adopt(self) -> None:
        """Plan files that are there already: under another version or id, or put there by somebody else."""
        self.con.execute(f"""
            INSERT INTO planned
            SELECT 'adopt', d.external_id, d.dest_path, NULL, d.size, d.version, r.dest_version, 3, 0
            FROM desired d JOIN replica r USING (external_id)
            WHERE d.kind = 'file' AND r.kind = 'file' AND d.version IS DISTINCT FROM r.source_version AND {SAME_HASH}
            UNION ALL
            SELECT 'adopt', d.external_id, d.dest_path, NULL, d.size, d.version, r.dest_version, 3, 0
            FROM replaced p JOIN desired d ON d.external_id = p.external_id JOIN replica r ON r.external_id = p.old_id
            WHERE {SAME_HASH} AND p.external_id NOT IN (SELECT external_id FROM replica)
        """)
        if self.has_listing:
            self.con.execute(f"""
                INSERT INTO planned
                SELECT 'adopt', d.external_id, d.dest_path, NULL, d.size, d.version, r.version, 3, 0
                FROM desired d JOIN present r ON d.dest_path = r.path
                WHERE d.kind = 'file' AND r.kind = 'file' AND {SAME_HASH}
                    AND d.external_id NOT IN (SELECT external_id FROM replica)
                    AND d.external_id NOT IN (SELECT external_id FROM replaced)
            """)

    def _make_folders(self) -> None:
        self.con.execute("""
            INSERT INTO planned
            SELECT 'folder', d.external_id, d.dest_path, NULL, NULL, NULL, NULL, 1,
                row_number() OVER (ORDER BY strlen(d.dest_path), d.dest_path)
            FROM desired d LEFT JOIN replica r ON d.external_id = r.external_id AND d.dest_path = r.dest_path
            WHERE d.kind = 'folder' AND r.external_id IS NULL
        """)

    def _send(self) -> None:
        """Plan what is sent: windows in the order of paths, the largest of each window first."""
        updates = "" if self._may_move else "AND false"
        path_differs = "OR r.dest_path <> d.dest_path" if not self._may_move else ""
        there = "l.version" if self.has_listing else "NULL"
        listed = "LEFT JOIN present l ON l.path = d.dest_path" if self.has_listing else ""
        self.con.execute(f"""
            CREATE OR REPLACE TEMP TABLE sent AS
            SELECT CASE WHEN p.external_id IS NULL THEN 'create' ELSE 'update' END AS op, d.external_id,
                d.dest_path AS path, d.size, d.version, coalesce(o.dest_version, {there}) AS dest_version
            FROM desired d LEFT JOIN replica r USING (external_id)
                LEFT JOIN replaced p ON p.external_id = d.external_id LEFT JOIN replica o ON o.external_id = p.old_id
                {listed}
            WHERE d.kind = 'file' AND (r.external_id IS NULL {path_differs})
                AND d.external_id NOT IN (SELECT external_id FROM planned WHERE op = 'adopt')
            UNION ALL
            SELECT 'update', d.external_id, d.dest_path, d.size, d.version, r.dest_version
            FROM desired d JOIN replica r USING (external_id)
            WHERE d.kind = 'file' AND r.kind = 'file' AND NOT coalesce({SAME_HASH}, false)
                AND (d.version IS DISTINCT FROM r.source_version OR d.size IS DISTINCT FROM r.size
                    OR d.content_hash IS DISTINCT FROM r.content_hash) {updates}
        """)
        self.con.execute(f"""
            INSERT INTO planned
            SELECT op, external_id, path, NULL, size, version, dest_version, 4,
                row_number() OVER (ORDER BY part, coalesce(size, 0) DESC, path)
            FROM (SELECT *, coalesce(sum(coalesce(size, 0)) OVER (ORDER BY path, external_id
                ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING), 0) // {WINDOW_BYTES} AS part FROM sent)
        """)
        if not self._may_move:
            self.con.execute("""
                INSERT INTO kept SELECT d.external_id FROM desired d JOIN replica r USING (external_id)
                WHERE d.kind = 'file' AND d.version IS DISTINCT FROM r.source_version AND d.dest_path = r.dest_path
            """)

    def _set_permissions(self) -> None:
        self.con.execute("""
            INSERT INTO planned
            SELECT 'permissions', d.external_id, d.dest_path, NULL, NULL, d.version, NULL, 5, 0
            FROM desired d LEFT JOIN replica r USING (external_id)
            WHERE d.permissions IS NOT NULL AND d.permissions IS DISTINCT FROM r.permissions AND d.kind = 'file'
        """)

    def _delete(self) -> None:
        """Plan deletions, last: of what is proved to be gone; of the rest only where that is configured."""
        never = self.replication.delete == "never" or self.replication.mode is not ReplicationMode.MIRROR
        proved = ", ".join(map(literal, PROVED_GONE))
        may_go = "true" if self.replication.delete == "always" else f"g.reason IN ({proved})"
        left = """
            FROM replica r LEFT JOIN gone g USING (external_id)
            WHERE r.external_id NOT IN (SELECT external_id FROM desired)
                AND r.external_id NOT IN (SELECT external_id FROM excluded)
                AND r.external_id NOT IN (SELECT old_id FROM replaced)
                AND NOT (r.kind = 'folder' AND r.dest_path IN (SELECT dest_path FROM desired WHERE kind = 'folder'))
        """
        condition = "false" if never else f"(g.reason IS NOT NULL AND {may_go})"
        self.con.execute(f"""
            INSERT INTO planned
            SELECT 'delete', r.external_id, r.dest_path, NULL, r.size, r.source_version, r.dest_version,
                CASE r.kind WHEN 'folder' THEN 7 ELSE 6 END,
                row_number() OVER (ORDER BY strlen(r.dest_path) DESC, r.dest_path)
            {left} AND (CASE WHEN starts_with(r.external_id, '{IMPLICIT}') THEN {"false" if never else "true"}
                ELSE coalesce({condition}, false) END)
        """)
        self.con.execute(f"""
            INSERT INTO kept SELECT r.external_id {left} AND r.kind = 'file'
                AND r.external_id NOT IN (SELECT external_id FROM planned WHERE op = 'delete')
        """)

    def counts(self, *, skipped: int, impossible: int) -> PlanCounts:
        """Return what `planned` would do, in numbers."""
        rows = self.con.execute("""
            SELECT CASE WHEN phase IN (1, 7) THEN 'folders' ELSE op END,
                count(DISTINCT external_id), coalesce(sum(size) FILTER (op IN ('create', 'update')), 0)
            FROM planned GROUP BY 1
        """).fetchall()
        number = {op: count for op, count, _ in rows}
        [(kept,)] = self.con.execute("SELECT count(*) FROM kept").fetchall()
        return PlanCounts(
            created=number.get("create", 0),
            updated=number.get("update", 0),
            moved=number.get("move", 0),
            deleted=number.get("delete", 0),
            permissions=number.get("permissions", 0),
            adopted=number.get("adopt", 0),
            folders=number.get("folders", 0),
            skipped=skipped,
            impossible=impossible,
            kept=kept,
            bytes=int(sum(size for _, _, size in rows)),
        )

    def operations(self) -> Iterator[pa.RecordBatch]:
        """Yield `planned` in its order, in PLAN_SCHEMA."""
        names = ", ".join(PLAN_SCHEMA.names)
        yield from stream(self.con, f"SELECT {names} FROM planned ORDER BY phase, sort, path")
