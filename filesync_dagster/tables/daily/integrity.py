"""Whether keys and references hold: counted over all rows of the tables, also of keys that only held before."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import duckdb

from filesync_dagster.tables.model import DataSet, TableRelation, TableSchema
from filesync_dagster.tables.profile.database import one_row, open_tables, quote

ORPHANS_GROWTH_MAX_SHARE = 0.01
"""By how much the share of orphans may grow, of 1, before that is remarked."""


def broken_keys(data_set: DataSet, before: Mapping[str, TableSchema]) -> list[dict[str, Any]]:
    """Return the keys that do not hold: declared or found now, or found when the table was read before."""
    with open_tables(data_set.tables) as connection:
        return [
            broken
            for table in data_set.tables
            for key, is_primary in _keys(table.schema, before.get(table.name)).items()
            if (broken := _broken(connection, table.name, key, is_primary=is_primary)) is not None
        ]


def _keys(schema: TableSchema, before: TableSchema | None) -> dict[tuple[str, ...], bool]:
    """Return the keys of a table, and whether they are primary: these have no NULL."""
    known = dict.fromkeys(schema.unique_keys, False) | {schema.primary_key: True}
    known |= {before.primary_key: True} if before else {}
    return {key: is_primary for key, is_primary in known.items() if key and set(key) <= set(schema.names)}


def _broken(
    connection: duckdb.DuckDBPyConnection, table: str, key: Sequence[str], *, is_primary: bool
) -> dict[str, Any] | None:
    names = ", ".join(map(quote, key))
    filled = " AND ".join(f"{quote(name)} IS NOT NULL" for name in key)
    missing, repeated = one_row(
        connection,
        f"SELECT (SELECT count(*) FROM {quote(table)} WHERE NOT ({filled})), (SELECT coalesce(sum(n - 1), 0) FROM "
        f"(SELECT count(*) AS n FROM {quote(table)} WHERE {filled} GROUP BY {names}))",
    )
    missing = missing if is_primary else 0
    if not missing and not repeated:
        return None
    return {"table": table, "key": list(key), "missing": int(missing), "repeated": int(repeated)}


def orphan_shares(relations: Iterable[TableRelation]) -> dict[str, float]:
    """Return the share of the rows without a parent, of each relation that is used."""
    return {
        relation_name(one): round(1 - one.inclusion, 9) for one in relations if one.holds and one.inclusion is not None
    }


def growing_orphans(before: Mapping[str, float], after: Mapping[str, float]) -> list[dict[str, Any]]:
    """Return the relations that lack more parents than before, by more than one row in a hundred.

    >>> growing_orphans({"a": 0.05, "b": 0.0}, {"a": 0.055, "b": 0.02, "new": 0.5})
    [{'relation': 'b', 'before': 0.0, 'orphans': 0.02}]
    """
    return [
        {"relation": name, "before": before[name], "orphans": share}
        for name, share in sorted(after.items())
        if name in before and share > before[name] + ORPHANS_GROWTH_MAX_SHARE
    ]


def relation_name(relation: TableRelation) -> str:
    """Return a relation as people read it."""
    child, parent = ", ".join(relation.child_columns), ", ".join(relation.parent_columns)
    return f"{relation.child}({child}) → {relation.parent}({parent})"
