"""What PostgreSQL's catalogue tells: tables, columns, keys and relations that a role may read."""

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

from filesync_dagster.core.errors import SourceRefused
from filesync_dagster.tables.model import Origin, TableRelation, TableSchema, TableWarning
from filesync_dagster.tables.sources.base import FoundTable
from filesync_dagster.tables.sources.deadline import SourceDeadline
from filesync_dagster.tables.sources.postgres.columns import PostgresColumn, quote_text
from filesync_dagster.tables.sources.postgres.config import PostgresConfig
from filesync_dagster.tables.sources.postgres.connection import PostgresConnection

KINDS: Final = {"r": "table", "p": "table", "v": "view", "m": "view", "f": "foreign table"}

TABLES_QUERY: Final = """
SELECT c.oid::int8 AS id, n.nspname::text AS schema, c.relname::text AS name, c.relkind::text AS kind,
       obj_description(c.oid, 'pg_class') AS description,
       has_schema_privilege(n.oid, 'USAGE') AND has_any_column_privilege(c.oid, 'SELECT') AS readable,
       row_security_active(c.oid) AS filtered,
       CASE WHEN c.relkind = 'p' THEN
           (SELECT sum(p.reltuples) FROM pg_partition_tree(c.oid) t JOIN pg_class p ON p.oid = t.relid
            WHERE t.isleaf AND p.reltuples >= 0)
       ELSE c.reltuples END::float8 AS estimate
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname IN ({schemas}) AND c.relkind IN ('r', 'p', 'v', 'm', 'f') AND NOT c.relispartition
ORDER BY n.nspname, c.relname
"""

COLUMNS_QUERY: Final = """
WITH RECURSIVE used AS (
    SELECT DISTINCT atttypid FROM pg_attribute WHERE attrelid IN ({ids}) AND attnum > 0 AND NOT attisdropped
), chain(root, id, modifier, needed) AS (
    SELECT atttypid, atttypid, -1, false FROM used
    UNION ALL
    SELECT c.root, t.typbasetype, t.typtypmod, c.needed OR t.typnotnull
    FROM chain c JOIN pg_type t ON t.oid = c.id WHERE t.typtype = 'd'
)
SELECT a.attrelid::int8 AS id, a.attname::text AS name, t.typname::text AS base, t.typtype::text AS kind,
       t.typcategory::text AS category, (t.typnamespace = 'pg_catalog'::regnamespace) AS built_in,
       CASE WHEN a.atttypid = c.id THEN a.atttypmod ELSE c.modifier END AS modifier,
       format_type(a.atttypid, a.atttypmod) AS sql_type, NOT (a.attnotnull OR c.needed) AS nullable,
       col_description(a.attrelid, a.attnum) AS description,
       has_column_privilege(a.attrelid, a.attnum, 'SELECT') AS readable
FROM pg_attribute a JOIN chain c ON c.root = a.atttypid JOIN pg_type t ON t.oid = c.id AND t.typtype <> 'd'
WHERE a.attrelid IN ({ids}) AND a.attnum > 0 AND NOT a.attisdropped
ORDER BY a.attrelid, a.attnum
"""

KEYS_QUERY: Final = """
SELECT i.indrelid::int8 AS id, i.indisprimary AS is_primary, (
    SELECT json_agg(a.attname ORDER BY k.place) FROM unnest(i.indkey::int2[]) WITH ORDINALITY k(number, place)
    JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.number
    WHERE k.place <= i.indnkeyatts)::text AS columns
FROM pg_index i
WHERE i.indrelid IN ({ids}) AND i.indisunique AND i.indisvalid AND i.indpred IS NULL AND i.indexprs IS NULL
ORDER BY i.indrelid, i.indexrelid
"""

CONSTRAINTS_QUERY: Final = """
SELECT c.conrelid::int8 AS id, c.confrelid::int8 AS parent, pg_get_expr(c.conbin, c.conrelid) AS condition, (
    SELECT json_agg(a.attname ORDER BY k.place) FROM unnest(c.conkey) WITH ORDINALITY k(number, place)
    JOIN pg_attribute a ON a.attrelid = c.conrelid AND a.attnum = k.number)::text AS columns, (
    SELECT json_agg(a.attname ORDER BY k.place) FROM unnest(c.confkey) WITH ORDINALITY k(number, place)
    JOIN pg_attribute a ON a.attrelid = c.confrelid AND a.attnum = k.number)::text AS parent_columns
FROM pg_constraint c
WHERE c.conrelid IN ({ids}) AND (c.contype = 'c' OR c.contype = 'f' AND c.confrelid IN ({ids}))
ORDER BY c.conrelid, c.conname
"""


@dataclass(frozen=True)
class PostgresTable:
    """A table, a view or a partitioned table, as the catalogue has it."""

    id: int
    schema: str
    name: str
    kind: str
    description: str | None
    readable: bool
    filtered: bool  # by row level security: the role sees a part of its rows
    rows_estimate: int | None
    columns: tuple[PostgresColumn, ...] = field(default=())
    unreadable: tuple[str, ...] = ()  # columns that the role may not read

    def title(self, usual_schema: str) -> str:
        """Return what the data set calls it."""
        return self.name if self.schema == usual_schema else f"{self.schema}.{self.name}"


def find_tables(
    connection: PostgresConnection, config: PostgresConfig, deadline: SourceDeadline
) -> tuple[PostgresTable, ...]:
    """Return the tables that the configuration chooses, without columns. Raises SourceRefused for unknown ones."""
    wanted = config.tables
    schemas = dict.fromkeys([config.db_schema, *(part[0] for name in wanted for part in _readings(name))])
    query = TABLES_QUERY.format(schemas=", ".join(map(quote_text, schemas)))
    known = [_table_of(row) for row in connection.rows(query, deadline)]
    if not wanted:
        return tuple(table for table in known if table.schema == config.db_schema)
    chosen = {table.id: table for name in wanted for table in [_choose(name, known, config, connection.what)]}
    return tuple(chosen.values())


def with_columns(
    connection: PostgresConnection, tables: Sequence[PostgresTable], deadline: SourceDeadline
) -> tuple[PostgresTable, ...]:
    """Return tables with the columns that the role may read."""
    if not tables:
        return ()
    rows: dict[int, list[dict[str, Any]]] = defaultdict(list)
    for row in connection.rows(COLUMNS_QUERY.format(ids=_ids(tables)), deadline):
        rows[row["id"]].append(row)
    return tuple(_completed(table, rows[table.id]) for table in tables)


def describe_tables(
    connection: PostgresConnection,
    tables: Sequence[PostgresTable],
    config: PostgresConfig,
    source: str,
    deadline: SourceDeadline,
) -> tuple[FoundTable, ...]:
    """Return tables as a source finds them: with keys, checks and relations among them."""
    if not tables:
        return ()
    keys = _by_table(connection.rows(KEYS_QUERY.format(ids=_ids(tables)), deadline))
    constraints = _by_table(connection.rows(CONSTRAINTS_QUERY.format(ids=_ids(tables)), deadline))
    titles = {table.id: table.title(config.db_schema) for table in tables}
    names = {table.id: {column.name for column in table.columns} for table in tables}
    return tuple(
        FoundTable(
            _schema_of(table, titles[table.id], source, keys[table.id], constraints[table.id]),
            table.rows_estimate,
            tuple(_relations_of(constraints[table.id], titles, names)),
            (table.schema, table.name),
            KINDS[table.kind],
        )
        for table in tables
    )


def _table_of(row: Mapping[str, Any]) -> PostgresTable:
    estimate = row["estimate"]
    rows = None if estimate is None or estimate < 0 or row["kind"] in {"v", "f"} else int(estimate)
    facts = {name: row[name] for name in ("id", "schema", "name", "kind", "description", "readable", "filtered")}
    return PostgresTable(**facts, rows_estimate=rows)


def _completed(table: PostgresTable, rows: Sequence[Mapping[str, Any]]) -> PostgresTable:
    columns = tuple(
        PostgresColumn(
            row["name"],
            row["base"] if row["built_in"] else f"other {row['base']}",
            row["kind"],
            row["category"],
            row["modifier"],
            row["sql_type"],
            row["nullable"],
            row["description"],
        )
        for row in rows
        if row["readable"]
    )
    unreadable = tuple(row["name"] for row in rows if not row["readable"])
    return replace(table, columns=columns, unreadable=unreadable)


def _schema_of(
    table: PostgresTable,
    title: str,
    source: str,
    keys: Sequence[Mapping[str, Any]],
    constraints: Sequence[Mapping[str, Any]],
) -> TableSchema:
    names = {column.name for column in table.columns}
    unique = [(row["is_primary"], tuple(json.loads(row["columns"]))) for row in keys]
    unique = [(is_primary, key) for is_primary, key in unique if key and names.issuperset(key)]
    primary = next((key for is_primary, key in unique if is_primary), ())
    return TableSchema(
        title,
        source,
        tuple(column.table_column(position) for position, column in enumerate(table.columns)),
        primary,
        Origin.DECLARED if primary else None,
        tuple(dict.fromkeys(key for is_primary, key in unique if not is_primary)),
        tuple(row["condition"] for row in constraints if row["condition"]),
        table.description,
        warnings=tuple(_warnings_of(table)),
    )


def _warnings_of(table: PostgresTable) -> Iterable[TableWarning]:
    if table.filtered:
        yield TableWarning("row_security", "Row level security shows this role a part of the rows only.")
    if table.unreadable:
        message = "The role may not read some columns; they are left out."
        yield TableWarning("unreadable_columns", message, len(table.unreadable), examples=table.unreadable[:5])


def _relations_of(
    constraints: Sequence[Mapping[str, Any]], titles: Mapping[int, str], names: Mapping[int, set[str]]
) -> Iterable[TableRelation]:
    for row in constraints:
        if not row["parent"]:
            continue
        child, parent = tuple(json.loads(row["columns"])), tuple(json.loads(row["parent_columns"]))
        if names[row["id"]].issuperset(child) and names[row["parent"]].issuperset(parent):
            yield TableRelation(titles[row["id"]], child, titles[row["parent"]], parent)


def _readings(name: str) -> list[tuple[str, str]]:
    """Return what a name with dots may mean: each schema and table."""
    parts = name.split(".")
    pairs = ((".".join(parts[:i]), ".".join(parts[i:])) for i in range(1, len(parts)))
    return [(_bare(schema), _bare(table)) for schema, table in pairs if schema and table]


def _bare(name: str) -> str:
    """Return a name without the quotes that SQL has around it."""
    is_quoted = len(name) > 2 and name[0] == name[-1] == '"'  # noqa: PLR2004 - a letter between two quotes
    return name[1:-1].replace('""', '"') if is_quoted else name


def _choose(name: str, known: Sequence[PostgresTable], config: PostgresConfig, what: str) -> PostgresTable:
    by_name = {(table.schema, table.name): table for table in known}
    for reading in [(config.db_schema, name), (config.db_schema, _bare(name)), *_readings(name)]:
        if reading in by_name:
            return by_name[reading]
    raise SourceRefused(
        f"{what} has no table {name!r} that this role can see.",
        hint="Check how it is written: names with capital letters are others than those without.",
        code="not_found",
        field="tables",
    )


def _ids(tables: Sequence[PostgresTable]) -> str:
    return ", ".join(str(table.id) for table in tables)


def _by_table(rows: Iterable[Mapping[str, Any]]) -> dict[int, list[Mapping[str, Any]]]:
    found: dict[int, list[Mapping[str, Any]]] = defaultdict(list)
    for row in rows:
        found[row["id"]].append(row)
    return found
