"""What a database is told about tables: names that it can hold, types, keys, checks, foreign keys."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from filesync_dagster.tables.exports.arrow import DataType
from filesync_dagster.tables.exports.checks import rule_check
from filesync_dagster.tables.exports.dialects import Dialect, signed_bits
from filesync_dagster.tables.exports.kinds import ValueKind, kind_of
from filesync_dagster.tables.exports.names import unique_names
from filesync_dagster.tables.exports.order import LoadOrder
from filesync_dagster.tables.exports.survey import ColumnSurvey, survey
from filesync_dagster.tables.exports.watch import ExportWatch
from filesync_dagster.tables.model import DataSet, RuleKind, TableColumn, TableRelation, TableSchema

KEY_LEAST_LETTERS = 16  # room for keys that come later


@dataclass(frozen=True)
class ColumnPlan:
    """A column as the database gets it."""

    source: str  # its name in the table
    name: str  # as an identifier, in quotes
    type: DataType  # of the values that are written
    sql_type: str
    not_null: bool
    is_quoted: bool = False  # numbers, as text


@dataclass(frozen=True)
class TableBlueprint:
    """A table as the database gets it. Keys are identifiers, checks conditions."""

    source: str
    name: str
    columns: tuple[ColumnPlan, ...]
    primary_key: tuple[str, ...]
    unique_keys: tuple[tuple[str, ...], ...]
    checks: tuple[str, ...]
    sequence: ColumnPlan | None = None  # the only column of an integer key that refers to nothing

    def column(self, source: str) -> ColumnPlan:
        """Return a column by its name in the table."""
        return next(column for column in self.columns if column.source == source)


@dataclass(frozen=True)
class ForeignKey:
    """A relation as a constraint: identifiers of tables, of columns, and of itself."""

    name: str
    child: str
    child_columns: tuple[str, ...]
    parent: str
    parent_columns: tuple[str, ...]


@dataclass(frozen=True)
class Blueprint:
    """Tables in the order in which they are loaded, and their foreign keys."""

    tables: tuple[TableBlueprint, ...]
    foreign_keys: tuple[ForeignKey, ...]

    def table(self, source: str) -> TableBlueprint:
        """Return a table by its name in the data set."""
        return next(table for table in self.tables if table.source == source)


def blueprint(
    data_set: DataSet, order: LoadOrder, dialect: Dialect, watch: ExportWatch, *, constraints: bool = True
) -> Blueprint:
    """Return what a database is told. Raises KeysBroken where NULL is in a key."""
    tables = [data_set.table(name) for name in order.tables]
    schemas = {table.name: table.schema for table in tables}
    surveys = {table.name: survey(table, watch) for table in tables}
    names = unique_names(order.tables, dialect.spell, dialect.equal)
    relations = _usable(data_set, order, dialect, schemas, watch) if constraints else []
    keys = _key_columns(schemas.values(), relations) if constraints else set[tuple[str, str]]()
    columns = {
        name: _columns(schema, surveys[name], dialect, {column for table, column in keys if table == name}, watch)
        for name, schema in schemas.items()
    }
    _adopt_parent_types(columns, relations)
    plans = [
        _table(schemas[name], names[name], columns[name], relations, dialect=dialect, watch=watch)
        for name in order.tables
    ]
    plans = [_with_rules(plan, data_set, dialect, watch) if constraints else _bare(plan) for plan in plans]
    found = Blueprint(tuple(plans), ())
    return replace(found, foreign_keys=_foreign_keys(found, relations, dialect))


def _bare(plan: TableBlueprint) -> TableBlueprint:
    columns = tuple(replace(column, not_null=False) for column in plan.columns)
    return replace(plan, columns=columns, primary_key=(), unique_keys=(), sequence=None)


def _columns(
    schema: TableSchema, found: Mapping[str, ColumnSurvey], dialect: Dialect, keys: set[str], watch: ExportWatch
) -> dict[str, ColumnPlan]:
    names = unique_names(schema.names, dialect.spell, dialect.equal)
    plans: dict[str, ColumnPlan] = {}
    for column in schema.columns:
        if names[column.name] != column.name:
            message = f"The column is called {names[column.name]}: the database cannot hold its name, or has it twice."
            watch.warn(schema.name, "column_renamed", message, column=column.name)
        not_null = not column.nullable or column.name in schema.primary_key
        if dialect.empty_is_null and found[column.name].empty:
            message = "Empty texts are NULL in Oracle."
            watch.warn(schema.name, "empty_text_is_null", message, column=column.name, count=found[column.name].empty)
            not_null = False
        sql_type, is_quoted = _sql_type(column, found[column.name], dialect, is_key=column.name in keys)
        if is_quoted:
            message = "Numbers with more digits than the database has are text."
            watch.warn(schema.name, "number_as_text", message, column=column.name)
        name = dialect.quote(names[column.name])
        plans[column.name] = ColumnPlan(column.name, name, column.type, sql_type, not_null, is_quoted)
    return plans


def _sql_type(column: TableColumn, found: ColumnSurvey, dialect: Dialect, *, is_key: bool) -> tuple[str, bool]:
    """Return the type of a column, and whether its numbers are text there."""
    kind, length = kind_of(column.type), max(found.longest, KEY_LEAST_LETTERS)
    if kind is ValueKind.TEXT:
        return (dialect.key_text.format(length=length) if is_key else dialect.text), False
    if kind is ValueKind.BINARY and is_key and dialect.key_binary is not None:
        return dialect.key_binary.format(length=length), False
    if kind is ValueKind.FLOAT:
        return dialect.floats[max(column.type.bit_width, 32)], False
    if kind is ValueKind.INTEGER and (bits := signed_bits(column.type)):
        return dialect.integers[bits], False
    if kind in {ValueKind.INTEGER, ValueKind.DECIMAL}:
        dtype: DataType = column.type
        precision, scale = (20, 0) if kind is ValueKind.INTEGER else (dtype.precision, dtype.scale)
        sql_type = dialect.decimal_type(precision, scale)
        return (sql_type, False) if sql_type else (dialect.key_text.format(length=precision + 2), True)
    return dialect.types[kind], False


def _usable(
    data_set: DataSet, order: LoadOrder, dialect: Dialect, schemas: Mapping[str, TableSchema], watch: ExportWatch
) -> list[TableRelation]:
    usable = []
    for relation in data_set.relations:
        if not relation.holds:
            continue
        why = None
        child, parent = schemas[relation.child], schemas[relation.parent]
        families = [
            (_family(child.column(a).type), _family(parent.column(b).type))
            for a, b in zip(relation.child_columns, relation.parent_columns, strict=True)
        ]
        if relation.inclusion is not None and relation.inclusion < 1:
            why = "there are rows that name a parent that is not there"
        elif any(a != b for a, b in families):
            why = "their columns have different types"
        elif not dialect.adds_keys_later and not dialect.can_defer and relation in order.backward:
            why = "the database has no foreign keys that are checked later"
        if why is None:
            usable.append(relation)
        else:
            target = f"{relation.parent} ({', '.join(relation.parent_columns)})"
            message = f"The foreign key ({', '.join(relation.child_columns)}) to {target} is left out: {why}."
            watch.warn(relation.child, "foreign_key_left_out", message, column=relation.child_columns[0])
    return usable


def _family(kind: DataType) -> str:
    found = kind_of(kind)
    is_whole = found is ValueKind.INTEGER or (found is ValueKind.DECIMAL and kind.scale == 0)
    return "whole" if is_whole else f"{found} {kind.scale}" if found is ValueKind.DECIMAL else str(found)


def _key_columns(schemas: Iterable[TableSchema], relations: Sequence[TableRelation]) -> set[tuple[str, str]]:
    keys: set[tuple[str, str]] = set()
    for schema in schemas:
        keys |= {(schema.name, column) for key in (schema.primary_key, *schema.unique_keys) for column in key}
    for relation in relations:
        keys |= {(relation.child, column) for column in relation.child_columns}
        keys |= {(relation.parent, column) for column in relation.parent_columns}
    return keys


def _adopt_parent_types(columns: dict[str, dict[str, ColumnPlan]], relations: Sequence[TableRelation]) -> None:
    """Give foreign keys the types of the keys they name, from parents to their children's children."""
    for _ in columns:
        for relation in relations:
            for child, parent in zip(relation.child_columns, relation.parent_columns, strict=True):
                of_parent, of_child = columns[relation.parent][parent], columns[relation.child][child]
                columns[relation.child][child] = replace(
                    of_child, type=of_parent.type, sql_type=of_parent.sql_type, is_quoted=of_parent.is_quoted
                )


def _table(
    schema: TableSchema,
    name: str,
    columns: Mapping[str, ColumnPlan],
    relations: Sequence[TableRelation],
    *,
    dialect: Dialect,
    watch: ExportWatch,
) -> TableBlueprint:
    if name != schema.name:
        message = f"The table is called {name}: the database cannot hold its name, or has it twice."
        watch.warn(schema.name, "table_renamed", message)
    unique = [key for key in dict.fromkeys(schema.unique_keys) if set(key) != set(schema.primary_key)]
    for relation in relations:
        known = [set(schema.primary_key), *map(set, unique)]
        if relation.parent == schema.name and set(relation.parent_columns) not in known:
            unique.append(relation.parent_columns)

    def quoted_names(key: Sequence[str]) -> tuple[str, ...]:
        return tuple(columns[column].name for column in key)

    sequence = columns[schema.primary_key[0]] if len(schema.primary_key) == 1 else None
    refers = any(r.child == schema.name and set(r.child_columns) == set(schema.primary_key) for r in relations)
    if sequence and (refers or kind_of(sequence.type) is not ValueKind.INTEGER or not signed_bits(sequence.type)):
        sequence = None
    return TableBlueprint(
        schema.name,
        dialect.quote(name),
        tuple(columns.values()),
        quoted_names(schema.primary_key),
        tuple(quoted_names(key) for key in unique),
        (),
        sequence,
    )


def _with_rules(plan: TableBlueprint, data_set: DataSet, dialect: Dialect, watch: ExportWatch) -> TableBlueprint:
    checks, unique = list[str](), list(plan.unique_keys)
    for rule in data_set.rules:
        if rule.table != plan.source or not rule.enabled:
            continue
        names = {column.source: column.name for column in plan.columns}
        if rule.kind is RuleKind.UNIQUE and set(rule.columns) <= set(names):
            unique.append(tuple(names[column] for column in rule.columns))
        elif (check := rule_check(rule, plan.columns, dialect)) is not None:
            checks.append(check)
        else:
            message = (
                f"The rule {rule.kind} of {', '.join(rule.columns)} is no CHECK: the rows satisfy it all the same."
            )
            watch.warn(plan.source, "rule_left_out", message, column=rule.columns[0] if rule.columns else None)
    fresh = [key for key in dict.fromkeys(unique) if set(key) != set(plan.primary_key)]
    return replace(plan, checks=tuple(dict.fromkeys(checks)), unique_keys=tuple(fresh))


def _foreign_keys(plans: Blueprint, relations: Sequence[TableRelation], dialect: Dialect) -> tuple[ForeignKey, ...]:
    keys, taken = list[ForeignKey](), set[str]()
    for relation in relations:
        child, parent = plans.table(relation.child), plans.table(relation.parent)
        wanted, number = f"fk_{relation.child}_{'_'.join(relation.child_columns)}", 1
        while dialect.equal(name := dialect.spell(wanted, number)) in taken:
            number += 1
        taken.add(dialect.equal(name))
        keys.append(
            ForeignKey(
                dialect.quote(name),
                child.name,
                tuple(child.column(column).name for column in relation.child_columns),
                parent.name,
                tuple(parent.column(column).name for column in relation.parent_columns),
            )
        )
    return tuple(keys)
