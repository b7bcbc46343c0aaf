"""Tables: their schema, their rows as Parquet parts, and what holds within and between them.

Everything here is immutable and can be written down as JSON (`as_json`, `from_json`), which each Parquet part carries
in its metadata under `SCHEMA_KEY`: a file alone explains itself.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Any, Self

import orjson
import pyarrow as pa

from filesync_dagster.tables.arrow_types import arrow_type, type_name

SCHEMA_KEY = b"filesync.table"


class Role(StrEnum):
    """What a column is for."""

    KEY = "key"
    FOREIGN_KEY = "foreign_key"
    CATEGORY = "category"
    NUMBER = "number"
    DATETIME = "datetime"
    TEXT = "text"
    PERSON = "person"
    CONSTANT = "constant"
    DERIVED = "derived"
    JSON = "json"
    BINARY = "binary"


class Origin(StrEnum):
    """Where a key, a relation or a rule comes from."""

    DECLARED = "declared"  # the source says so, or a person
    DETECTED = "detected"  # found, and sure enough to be used
    PROPOSED = "proposed"  # found, and a person has to confirm it
    REFUSED = "refused"  # a person said no


@dataclass(frozen=True)
class TableWarning:
    """Something that a reader did or left out, and that changes what is in a table."""

    code: str  # "quarantined_lines", "ambiguous_dates", …: one word for programs
    message: str  # one sentence for people
    count: int = 1
    column: str | None = None
    examples: tuple[str, ...] = ()  # at most 5, each cut to 200 characters


@dataclass(frozen=True)
class TableColumn:
    """A column: `type` is how its values are stored, `sql_type` what its source calls that."""

    name: str
    type: pa.DataType
    position: int  # from 0
    nullable: bool = True
    sql_type: str | None = None
    role: Role | None = None  # None: not profiled yet
    person_kind: str | None = None  # "email", "phone", "first_name", …, of Role.PERSON
    format: str | None = None  # how values are written: "%05d", "%.2f", "%d.%m.%Y"
    description: str | None = None
    sensitivity: tuple[str, ...] = ()  # the catalogue's classifications
    stats: Mapping[str, Any] = field(default_factory=dict)  # what `profile` counted, JSON-safe

    def as_json(self) -> dict[str, Any]:
        """Return the column as JSON values."""
        return {**self.__dict__, "type": type_name(self.type), "role": self.role, "stats": dict(self.stats)}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """Return the column that `as_json` wrote down."""
        role = Role(data["role"]) if data.get("role") else None
        sensitivity = tuple(data.get("sensitivity", ()))
        return cls(**{**data, "type": arrow_type(data["type"]), "role": role, "sensitivity": sensitivity})


@dataclass(frozen=True)
class TableSchema:
    """What a table is called, has and obeys. `content_hash` is over the rows alone: equal rows, equal hash."""

    name: str
    source: str  # the name of the data source, or ""
    columns: tuple[TableColumn, ...]
    primary_key: tuple[str, ...] = ()  # names of columns; () is none
    primary_key_origin: Origin | None = None
    unique_keys: tuple[tuple[str, ...], ...] = ()
    checks: tuple[str, ...] = ()  # CHECK constraints of the source, as SQL
    description: str | None = None
    row_count: int | None = None  # None: not read yet
    read_at: datetime | None = None
    content_hash: str | None = None  # "sha256:…"
    warnings: tuple[TableWarning, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the columns, in their order."""
        return tuple(column.name for column in self.columns)

    def column(self, name: str) -> TableColumn:
        """Return a column. Raises KeyError."""
        for column in self.columns:
            if column.name == name:
                return column
        raise KeyError(name)

    def with_columns(self, columns: Sequence[TableColumn]) -> "TableSchema":
        """Return the schema with other columns, numbered anew."""
        return replace(self, columns=tuple(replace(column, position=i) for i, column in enumerate(columns)))

    def arrow(self) -> pa.Schema:
        """Return the Arrow schema of the parts, with this schema in its metadata."""
        fields = [pa.field(column.name, column.type, nullable=column.nullable) for column in self.columns]
        return pa.schema(fields, metadata={SCHEMA_KEY: orjson.dumps(self.as_json())})

    def as_json(self) -> dict[str, Any]:
        """Return the schema as JSON values."""
        return {
            **self.__dict__,
            "columns": [column.as_json() for column in self.columns],
            "read_at": self.read_at.astimezone(UTC).isoformat() if self.read_at else None,
            "warnings": [warning.__dict__ for warning in self.warnings],
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """Return the schema that `as_json` wrote down."""
        origin, read_at = data.get("primary_key_origin"), data.get("read_at")
        warnings = ({**warning, "examples": tuple(warning["examples"])} for warning in data.get("warnings", ()))
        return cls(
            **{
                **data,
                "columns": tuple(TableColumn.from_json(column) for column in data["columns"]),
                "primary_key": tuple(data.get("primary_key", ())),
                "primary_key_origin": Origin(origin) if origin else None,
                "unique_keys": tuple(tuple(key) for key in data.get("unique_keys", ())),
                "checks": tuple(data.get("checks", ())),
                "read_at": datetime.fromisoformat(read_at) if read_at else None,
                "warnings": tuple(TableWarning(**warning) for warning in warnings),
            }
        )


@dataclass(frozen=True)
class Table:
    """Rows at rest: Parquet parts on a local disk, in the order of their rows. Nobody changes them."""

    schema: TableSchema
    parts: tuple[Path, ...]

    @property
    def name(self) -> str:
        """The name of the table."""
        return self.schema.name


class Multiplicity(StrEnum):
    """How many children a parent may have."""

    ONE_TO_MANY = "one_to_many"
    ONE_TO_ONE = "one_to_one"
    MANY_TO_MANY = "many_to_many"  # of the pair of relations of a table whose key is its two foreign keys


@dataclass(frozen=True)
class TableRelation:
    """A foreign key: columns of a child that name rows of a parent. NULL names none."""

    child: str
    child_columns: tuple[str, ...]
    parent: str
    parent_columns: tuple[str, ...]
    origin: Origin = Origin.DECLARED
    multiplicity: Multiplicity = Multiplicity.ONE_TO_MANY
    score: float | None = None  # of a detected one, 0 to 1
    inclusion: float | None = None  # the share of the non-NULL rows of the child that have their parent

    @property
    def holds(self) -> bool:
        """Whether it is used: declared, detected or confirmed."""
        return self.origin in {Origin.DECLARED, Origin.DETECTED}

    def as_json(self) -> dict[str, Any]:
        """Return the relation as JSON values."""
        return dict(self.__dict__)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """Return the relation that `as_json` wrote down."""
        return cls(
            **{
                **data,
                "child_columns": tuple(data["child_columns"]),
                "parent_columns": tuple(data["parent_columns"]),
                "origin": Origin(data.get("origin", Origin.DECLARED)),
                "multiplicity": Multiplicity(data.get("multiplicity", Multiplicity.ONE_TO_MANY)),
            }
        )


class RuleKind(StrEnum):
    """What a rule says of `columns`, in their order. A column of a parent is written `parent.column`."""

    AT_MOST = "at_most"  # a <= b
    SUM = "sum"  # a = b + c
    DIFFERENCE = "difference"  # a = b - c
    PRODUCT = "product"  # a = b * c, rounded to the decimals of a
    LOOKUP = "lookup"  # the last is a function of the others
    NULL_TOGETHER = "null_together"  # all NULL or none
    SIGN = "sign"  # a >= 0, or the sign in `value`
    UNIQUE = "unique"  # the tuple does not repeat
    SEQUENCE = "sequence"  # a = 1..n within the parent that b names, in the order of c
    RANGE = "range"  # value["min"] <= a <= value["max"]
    ALLOWED = "allowed"  # a is one of `value`
    COMPARE = "compare"  # a `operator` b, or a `operator` value
    SQL = "sql"  # a boolean expression over the table and its parents, in `expression`


@dataclass(frozen=True)
class TableRule:
    """Something that every row of a table satisfies."""

    kind: RuleKind
    table: str
    columns: tuple[str, ...]
    origin: Origin = Origin.DECLARED
    enabled: bool = True
    operator: str | None = None  # of COMPARE: "<=", "<", "=", "!=", ">=", ">"
    value: Any = None  # JSON-safe
    expression: str | None = None
    support: int | None = None  # rows that it was found in
    share: float | None = None  # of those that satisfy it
    counter_examples: tuple[str, ...] = ()  # at most 5

    def as_json(self) -> dict[str, Any]:
        """Return the rule as JSON values."""
        return dict(self.__dict__)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """Return the rule that `as_json` wrote down."""
        return cls(
            **{
                **data,
                "kind": RuleKind(data["kind"]),
                "columns": tuple(data["columns"]),
                "origin": Origin(data.get("origin", Origin.DECLARED)),
                "counter_examples": tuple(data.get("counter_examples", ())),
            }
        )


@dataclass(frozen=True)
class DataSet:
    """Tables that belong together: their names differ, and relations and rules speak of them alone."""

    tables: tuple[Table, ...]
    relations: tuple[TableRelation, ...] = ()
    rules: tuple[TableRule, ...] = ()

    def table(self, name: str) -> Table:
        """Return a table. Raises KeyError."""
        for table in self.tables:
            if table.name == name:
                return table
        raise KeyError(name)
