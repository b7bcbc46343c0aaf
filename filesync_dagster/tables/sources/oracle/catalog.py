"""What Oracle's catalogue tells: tables, columns, keys and relations that a user may see."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any, Final

from filesync_dagster.tables.model import Origin, TableRelation, TableSchema, TableWarning
from filesync_dagster.tables.sources.base import FoundTable
from filesync_dagster.tables.sources.database import literal_text
from filesync_dagster.tables.sources.oracle.columns import OracleColumn

TABLES_QUERY: Final = """
SELECT t.TABLE_NAME, t.KIND, t.NUM_ROWS, c.COMMENTS FROM (
  SELECT OWNER, TABLE_NAME, 'table' AS KIND, NUM_ROWS FROM ALL_TABLES WHERE NESTED = 'NO' AND SECONDARY = 'N'
  UNION ALL
  SELECT OWNER, VIEW_NAME AS TABLE_NAME, 'view' AS KIND, NULL AS NUM_ROWS FROM ALL_VIEWS
) t LEFT JOIN ALL_TAB_COMMENTS c ON c.OWNER = t.OWNER AND c.TABLE_NAME = t.TABLE_NAME
WHERE t.OWNER = {owner} ORDER BY t.TABLE_NAME
"""
COLUMNS_QUERY: Final = """
SELECT t.TABLE_NAME, t.COLUMN_NAME, t.DATA_TYPE, t.DATA_PRECISION, t.DATA_SCALE, t.NULLABLE, c.COMMENTS
FROM ALL_TAB_COLUMNS t LEFT JOIN ALL_COL_COMMENTS c
  ON c.OWNER = t.OWNER AND c.TABLE_NAME = t.TABLE_NAME AND c.COLUMN_NAME = t.COLUMN_NAME
WHERE t.OWNER = {owner} ORDER BY t.TABLE_NAME, t.COLUMN_ID
"""
KEYS_QUERY: Final = """
SELECT k.CONSTRAINT_NAME, k.CONSTRAINT_TYPE, k.TABLE_NAME, k.R_CONSTRAINT_NAME, c.COLUMN_NAME
FROM ALL_CONSTRAINTS k JOIN ALL_CONS_COLUMNS c ON c.OWNER = k.OWNER AND c.CONSTRAINT_NAME = k.CONSTRAINT_NAME
WHERE k.OWNER = {owner} AND k.CONSTRAINT_TYPE IN ('P', 'U', 'R') AND k.STATUS = 'ENABLED'
ORDER BY k.CONSTRAINT_NAME, c.POSITION
"""


def describe_tables(
    rows: Sequence[Mapping[str, Any]],
    columns: Mapping[str, Sequence[OracleColumn]],
    constraints: Sequence[Mapping[str, Any]],
    owner: str,
    source: str,
) -> tuple[FoundTable, ...]:
    """Return tables as a source finds them, with their keys and the relations among them."""
    keys: dict[str, tuple[str, str, str | None, tuple[str, ...]]] = {}
    for row in constraints:
        name = row["constraint_name"]
        known = keys.get(name, (row["constraint_type"], row["table_name"], row["r_constraint_name"], ()))
        keys[name] = (known[0], known[1], known[2], (*known[3], row["column_name"]))
    names = {row["table_name"] for row in rows}
    by_table: dict[str, list[tuple[str, str, str | None, tuple[str, ...]]]] = defaultdict(list)
    for key in keys.values():
        by_table[key[1]].append(key)
    found = []
    for row in rows:
        name = row["table_name"]
        own = by_table[name]
        parents = ((key, keys[key[2]]) for key in own if key[0] == "R" and key[2] in keys)
        relations = tuple(
            TableRelation(name, key[3], parent[1], parent[3]) for key, parent in parents if parent[1] in names
        )
        all_columns = columns.get(name, ())
        readable = [column for column in all_columns if column.is_known]
        primary = next((key[3] for key in own if key[0] == "P"), ())
        warnings = tuple(
            TableWarning("unreadable_columns", f"{column.sql_type()} cannot be read: it is left out.", 1, column.name)
            for column in all_columns
            if not column.is_known
        )
        schema = TableSchema(
            name,
            source,
            tuple(column.table_column(position) for position, column in enumerate(readable)),
            primary,
            Origin.DECLARED if primary else None,
            tuple(key[3] for key in own if key[0] == "U"),
            description=row["comments"],
            warnings=warnings,
        )
        rows_estimate = None if row["num_rows"] is None else int(row["num_rows"])
        found.append(FoundTable(schema, rows_estimate, relations, (owner, name), row["kind"]))
    return tuple(found)


def of_owner(query: str, owner: str) -> str:
    """Return a question to the catalogue about one owner."""
    return query.format(owner=literal_text(owner))
