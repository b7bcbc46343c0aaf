"""Which share of all rows satisfies each rule: of real ones, of synthetic ones, and of columns dealt out anew."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from threading import Timer
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.dataset as ds

from filesync_dagster.core.errors import TableError
from filesync_dagster.tables.model import DataSet, RuleKind, TableRelation, TableRule
from filesync_dagster.tables.synthetic.measures.rule_sql import quote, share_sql

RULE_TIMEOUT_SECONDS = 120
_FLOOR_ROWS = 100_000


@dataclass(frozen=True)
class RuleShare:
    """How many rows satisfy a rule. Beside the synthetic ones the real ones, and the naive sampler's."""

    rule: TableRule
    synthetic: float
    real: float
    floor: float | None

    @property
    def label(self) -> str:
        """The rule in a few words."""
        return self.rule.expression or f"{self.rule.kind} {', '.join(self.rule.columns)}"

    def as_json(self) -> dict[str, Any]:
        """Return the rule and its shares as JSON values. They are not rounded: 0.99999 is not 1."""
        return {
            "kind": self.rule.kind,
            "table": self.rule.table,
            "columns": list(self.rule.columns),
            "operator": self.rule.operator,
            "value": self.rule.value,
            "expression": self.rule.expression,
            "score": self.synthetic,
            "ceiling": self.real,
            "floor": self.floor,
        }


def rule_shares(real: DataSet, synthetic: DataSet, rng: np.random.Generator) -> list[RuleShare]:
    """Return the shares of all rules that are switched on. Raises TableError."""
    found = []
    for rule in real.rules:
        if rule.enabled:
            with _rows(rule, real) as rows:
                of_real, floor = rows.share(), rows.naive_share(rng)
            with _rows(rule, DataSet(synthetic.tables, real.relations)) as rows:
                found.append(RuleShare(rule, rows.share(), of_real, floor))
    return found


@dataclass(frozen=True)
class _RuleRows:
    """The rows that a rule is about, in a connection: the view `rows` has the table, and its parents as structs."""

    rule: TableRule
    data_set: DataSet
    connection: duckdb.DuckDBPyConnection

    def share(self) -> float:
        return self._ratio({name: self._place(name) for name in self.rule.columns}, "rows")

    def naive_share(self, rng: np.random.Generator) -> float | None:
        """Return the share if the columns knew nothing of each other."""
        if self.rule.kind is RuleKind.SQL:
            return None  # which columns it names is not known
        names = list(dict.fromkeys(self.rule.columns))
        columns = ", ".join(f"{self._place(name)} AS c{i}" for i, name in enumerate(names))
        rows: Any = self.connection.sql(f"SELECT {columns} FROM rows LIMIT {_FLOOR_ROWS}").to_arrow_table()
        dealt = [column.take(rng.permutation(rows.num_rows)) for column in rows.columns]
        self.connection.register("dealt", pa.table(dealt, names=rows.column_names))
        return self._ratio({name: f"c{i}" for i, name in enumerate(names)}, "dealt")

    def _ratio(self, places: Mapping[str, str], rows: str) -> float:
        sql = share_sql(self.rule, places.__getitem__, self._decimals(), rows)
        found = self.connection.sql(sql).fetchall()
        return 1.0 if found[0][0] is None else float(found[0][0])

    def _place(self, name: str) -> str:
        if name in self.data_set.table(self.rule.table).schema.names:
            return quote(name)
        parent, _, column = name.partition(".")
        return f"{quote(parent)}.{quote(column)}"

    def _decimals(self) -> int | None:
        """Return how many decimals the first column has."""
        names = self.data_set.table(self.rule.table).schema.names
        if not self.rule.columns or self.rule.columns[0] not in names:
            return None
        column = self.data_set.table(self.rule.table).schema.column(self.rule.columns[0])
        if pa.types.is_integer(column.type):
            return 0
        if pa.types.is_decimal(column.type):
            return int(column.type.scale)
        found = column.stats.get("decimals")
        return found if isinstance(found, int) else None


@contextmanager
def _rows(rule: TableRule, data_set: DataSet) -> Iterator[_RuleRows]:
    connection = duckdb.connect(config={"threads": 1})
    timer = Timer(RULE_TIMEOUT_SECONDS, connection.interrupt)
    timer.daemon = True
    timer.start()
    try:
        _create_rows(connection, rule, data_set)
        # An expression is a person's: it may read these rows, and neither files nor addresses.
        connection.execute("SET enable_external_access = false")
        connection.execute("SET lock_configuration = true")
        yield _RuleRows(rule, data_set, connection)
    except (duckdb.Error, KeyError, OSError) as error:
        what = rule.expression or ", ".join(rule.columns)
        raise TableError(
            f"The rule {rule.kind} of {rule.table} ({what}) cannot be checked: {error}.",
            hint="Switch it off, or write it for columns that are there.",
            code="bad_rule",
            field=f"rules.{rule.table}",
        ) from error
    finally:
        timer.cancel()
        connection.close()


def _create_rows(connection: duckdb.DuckDBPyConnection, rule: TableRule, data_set: DataSet) -> None:
    """Make the view. The first relation to a parent is the one whose columns a rule means."""
    parents: dict[str, TableRelation] = {}
    for relation in data_set.relations:
        if relation.holds and relation.child == rule.table:
            parents.setdefault(relation.parent, relation)
    own = data_set.table(rule.table)
    connection.register("child", _dataset(data_set, rule.table))
    columns, joins = ["child.*"], []
    if rule.table not in own.schema.names and rule.table not in parents:
        columns.append(f"child AS {quote(rule.table)}")
    for number, (parent, relation) in enumerate(parents.items()):
        if parent in own.schema.names:
            continue  # the column of this name is what a rule means
        connection.register(f"p{number}", _dataset(data_set, parent))
        pairs = zip(relation.child_columns, relation.parent_columns, strict=True)
        on = " AND ".join(f"child.{quote(below)} = p{number}.{quote(above)}" for below, above in pairs)
        joins.append(f"LEFT JOIN p{number} ON {on}")
        columns.append(f"p{number} AS {quote(parent)}")
    connection.execute(f"CREATE TEMP VIEW rows AS SELECT {', '.join(columns)} FROM child {' '.join(joins)}")


def _dataset(data_set: DataSet, name: str) -> ds.Dataset:
    return ds.dataset([str(part) for part in data_set.table(name).parts])
