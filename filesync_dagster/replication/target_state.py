"""What a destination should have: rows of the inventory, filtered, each at its path there. Pure: DuckDB and Arrow."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

import duckdb
import pyarrow as pa

from filesync_dagster.config import Replication
from filesync_dagster.connectors.destination import DestinationFacts
from filesync_dagster.core.model import Kind
from filesync_dagster.replication.model import PlanProblem
from filesync_dagster.replication.names import copy_problem, escape_path, suspects
from filesync_dagster.storage.snapshots import literal

IMPLICIT: Final = "implicit:"
"""Before the path of a folder that no source has and some destinations need: its external_id in a replica."""

COLUMNS: Final = "external_id, path, dest_path, kind, size, version, content_hash, permissions"
"""Of the table `desired`."""

NAMED_PROBLEMS: Final = 1000
"""Problems of one kind that are told one by one; the rest is counted."""


@dataclass(frozen=True, slots=True)
class DesiredState:
    """What came of making the table `desired`."""

    problems: tuple[PlanProblem, ...]
    impossible: int  # files that have a problem
    skipped: int  # shortcuts, and documents without bytes


def build_desired(
    con: duckdb.DuckDBPyConnection, rows: str, replication: Replication, facts: DestinationFacts
) -> DesiredState:
    """Make `desired` of a relation of live rows, and `excluded` (external_id) of those with a problem."""
    _map(con, rows, replication, facts)
    [(skipped,)] = con.execute(
        f"SELECT count(*) FROM ({_inside(rows, replication)}) WHERE {_bare(replication)}"
    ).fetchall()
    con.execute("CREATE OR REPLACE TABLE excluded (external_id VARCHAR, kind VARCHAR, path VARCHAR, sentence VARCHAR)")
    _check_names(con, replication, facts)
    _check_collisions(con, facts)
    if facts.folders:
        _check_parents(con)
    con.execute("DELETE FROM desired WHERE external_id IN (SELECT external_id FROM excluded)")
    if facts.folders:
        _add_parents(con)
    problems = tuple(_problems(con))
    [(impossible,)] = con.execute("SELECT count(DISTINCT external_id) FROM excluded").fetchall()
    return DesiredState(problems, impossible, skipped)


def _inside(rows: str, replication: Replication) -> str:
    strip = replication.paths.strip
    return f"SELECT * FROM {rows}" + (f" WHERE starts_with(path, {literal(strip)})" if strip else "")


def _bare(replication: Replication) -> str:
    """Return the condition for what has no bytes to copy."""
    kinds = [Kind.SHORTCUT] if replication.export_documents else [Kind.SHORTCUT, Kind.DOCUMENT]
    return f"kind IN ({', '.join(literal(kind.value) for kind in kinds)})"


def _map(con: duckdb.DuckDBPyConnection, rows: str, replication: Replication, facts: DestinationFacts) -> None:
    paths = replication.paths
    place = f"substr(path, {len(paths.strip) + 1})" if paths.strip else "path"
    if paths.add:
        place = f"{literal(paths.add)} || {place}"
    if paths.style == "lower":
        place = f"lower({place})"
    if paths.style == "leading_slash" and facts.keeps_dots:
        place = f"'/' || {place}"
    if replication.export_documents:
        place = f"{place} || CASE kind WHEN 'document' THEN {literal('.' + replication.export_documents)} ELSE '' END"
    folders = "" if facts.folders else "AND kind <> 'folder'"
    is_document = "kind = 'document'"
    con.execute(f"""
        CREATE OR REPLACE TABLE desired AS
        SELECT external_id, path, {place} AS dest_path,
            CASE kind WHEN 'folder' THEN 'folder' ELSE 'file' END AS kind,
            CASE WHEN {is_document} OR kind = 'folder' THEN NULL ELSE size END AS size,
            CASE kind WHEN 'folder' THEN NULL ELSE version END AS version,
            CASE WHEN {is_document} THEN NULL ELSE content_hash END AS content_hash,
            permissions
        FROM ({_inside(rows, replication)}) WHERE NOT {_bare(replication)} {folders}
    """)


def _check_names(con: duckdb.DuckDBPyConnection, replication: Replication, facts: DestinationFacts) -> None:
    condition = " OR ".join(suspects(facts))
    found = con.execute(f"SELECT external_id, path, dest_path, size FROM desired WHERE {condition}").fetchall()
    bad: list[tuple[Any, ...]] = []
    renamed: list[tuple[str, str]] = []
    for external_id, path, dest_path, size in found:
        # A slash before a path is the style that was asked for, and no empty name.
        shown = dest_path.removeprefix("/") if replication.paths.style == "leading_slash" else dest_path
        why = copy_problem(shown, facts, size)
        if why is None:
            continue
        if replication.rename_impossible == "percent":
            other = escape_path(shown, facts)
            if copy_problem(other, facts, size) is None:
                renamed.append((external_id, dest_path.removesuffix(shown) + other))
                continue
        bad.append((external_id, "name", path, f"{path!r} cannot be at the destination: {why}."))
    _exclude(con, bad)
    if renamed:
        table = pa.table({"external_id": [one for one, _ in renamed], "dest_path": [path for _, path in renamed]})
        con.register("renamed_rows", table)
        con.execute(
            "UPDATE desired SET dest_path = r.dest_path FROM renamed_rows r WHERE desired.external_id = r.external_id"
        )
        con.unregister("renamed_rows")


def _exclude(con: duckdb.DuckDBPyConnection, rows: Sequence[tuple[Any, ...]]) -> None:
    if not rows:
        return
    names = ("external_id", "kind", "path", "sentence")
    columns = dict(zip(names, map(list, zip(*rows, strict=True)), strict=True))
    con.register("excluded_rows", pa.table(columns))
    con.execute("INSERT INTO excluded SELECT external_id, kind, path, sentence FROM excluded_rows")
    con.unregister("excluded_rows")


def _check_collisions(con: duckdb.DuckDBPyConnection, facts: DestinationFacts) -> None:
    """Exclude files of one path: none of them is copied. Of several folders of one path, one stands for all."""
    key = "dest_path" if facts.case_sensitive else "lower(dest_path)"
    con.execute(f"""
        CREATE OR REPLACE TEMP TABLE clashes AS
        SELECT {key} AS key, min(external_id) AS first_id, bool_or(kind <> 'folder') AS has_file,
            list(path ORDER BY path, external_id)[:5] AS paths
        FROM desired WHERE external_id NOT IN (SELECT external_id FROM excluded)
        GROUP BY key HAVING count(*) > 1
    """)
    con.execute(f"""
        INSERT INTO excluded
        SELECT external_id, 'collision', path,
            format('{{}} would all be {{}} at the destination: none of them is copied.',
                array_to_string([format('''{{}}''', p) FOR p IN paths], ' and '), format('''{{}}''', dest_path))
        FROM desired JOIN clashes ON key = {key} WHERE has_file AND kind <> 'folder'
    """)
    con.execute(f"""
        DELETE FROM desired USING clashes
        WHERE key = {key} AND kind = 'folder' AND NOT has_file AND external_id <> first_id
    """)


def _check_parents(con: duckdb.DuckDBPyConnection) -> None:
    """Exclude files that would have to be folders too: `a` beside `a/b`, which only stores without folders can hold."""
    _make_parents(con)
    con.execute("""
        INSERT INTO excluded
        SELECT external_id, 'collision', path,
            format('''{}'' is a file, and a folder of others at the destination: it is not copied.', path)
        FROM desired WHERE kind <> 'folder' AND dest_path IN (SELECT path FROM parents)
            AND external_id NOT IN (SELECT external_id FROM excluded)
    """)


def _make_parents(con: duckdb.DuckDBPyConnection) -> None:
    con.execute(r"""
        CREATE OR REPLACE TEMP TABLE parents AS
        WITH RECURSIVE above(path) AS (
            SELECT DISTINCT regexp_extract(dest_path, '^(.*)/[^/]*$', 1) FROM desired WHERE contains(dest_path, '/')
            UNION
            SELECT regexp_extract(path, '^(.*)/[^/]*$', 1) FROM above WHERE contains(path, '/')
        )
        SELECT path FROM above WHERE path <> ''
    """)


def _add_parents(con: duckdb.DuckDBPyConnection) -> None:
    """Add the folders that paths have and no row stands for."""
    _make_parents(con)
    con.execute(f"""
        INSERT INTO desired ({COLUMNS})
        SELECT '{IMPLICIT}' || path, path, path, 'folder', NULL, NULL, NULL, NULL FROM parents
        WHERE path NOT IN (SELECT dest_path FROM desired WHERE kind = 'folder')
    """)


def _problems(con: duckdb.DuckDBPyConnection) -> Iterator[PlanProblem]:
    rows = con.execute(f"""
        SELECT kind, sentence, list(DISTINCT path ORDER BY path)[:5] FROM excluded
        GROUP BY kind, sentence ORDER BY kind, sentence LIMIT {NAMED_PROBLEMS}
    """).fetchall()
    for kind, sentence, paths in rows:
        yield PlanProblem(kind, tuple(paths), sentence)
