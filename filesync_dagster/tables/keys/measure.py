"""How well a column fits a key: by its distinct values, and by its rows."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import duckdb

from filesync_dagster.tables.profile.database import one_row, quote


@dataclass(frozen=True)
class Fit:
    """How well columns fit a key: shares of 0 to 1."""

    inclusion: float  # of the distinct values of the child, those that are keys
    coverage: float  # of the keys, those that the child has
    is_single: bool  # no value of the child repeats


@dataclass
class Measure:
    """Compares columns with keys; the distinct values of each are found once."""

    connection: duckdb.DuckDBPyConnection
    _sets: dict[tuple[str, tuple[str, ...]], str] = field(default_factory=dict)

    def fit(self, child: str, columns: Sequence[str], parent: str, keys: Sequence[str]) -> Fit:
        """Return how well columns of a child fit keys of a parent; NULL is no value."""
        left, right = self._distinct(child, tuple(columns)), self._distinct(parent, tuple(keys))
        joined = " AND ".join(f"l.c{i} = r.c{i}" for i in range(len(columns)))
        values, rows, found, keys_count = one_row(
            self.connection,
            f"SELECT (SELECT count(*) FROM {left}), (SELECT coalesce(sum(rows), 0) FROM {left}), "
            f"(SELECT count(*) FROM {left} AS l SEMI JOIN {right} AS r ON {joined}), (SELECT count(*) FROM {right})",
        )
        if not values or not keys_count:
            return Fit(0.0, 0.0, is_single=False)
        return Fit(found / values, found / keys_count, is_single=rows == values)

    def row_share(self, child: str, columns: Sequence[str], parent: str, keys: Sequence[str]) -> float | None:
        """Return the share of the rows that have a value whose value is a key; None where no row has one."""
        left, right = self._distinct(child, tuple(columns)), self._distinct(parent, tuple(keys))
        joined = " AND ".join(f"l.c{i} = r.c{i}" for i in range(len(columns)))
        rows, found = one_row(
            self.connection,
            f"SELECT (SELECT sum(rows) FROM {left}), "
            f"(SELECT coalesce(sum(l.rows), 0) FROM {left} AS l SEMI JOIN {right} AS r ON {joined})",
        )
        return float(found / rows) if rows else None

    def _distinct(self, table: str, columns: tuple[str, ...]) -> str:
        """Return the name of a table of the distinct values of columns, with the rows of each."""
        if (table, columns) not in self._sets:
            name = f"distinct_values_{len(self._sets)}"
            names = ", ".join(f"{quote(column)} AS c{i}" for i, column in enumerate(columns))
            filled = " AND ".join(f"{quote(column)} IS NOT NULL" for column in columns)
            self.connection.execute(
                f"CREATE TEMP TABLE {name} AS SELECT {names}, count(*) AS rows FROM {quote(table)} "
                f"WHERE {filled} GROUP BY ALL"
            )
            self._sets[table, columns] = name
        return self._sets[table, columns]
