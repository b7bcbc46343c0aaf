"""A model without rows: tables that are described, and nothing else, made ready for generation."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import pyarrow as pa

from filesync_dagster.core.errors import KeysBroken
from filesync_dagster.tables.model import (
    DataSet,
    Origin,
    RuleKind,
    Table,
    TableColumn,
    TableRelation,
    TableRule,
    TableSchema,
    TableWarning,
)
from filesync_dagster.tables.synthetic.amounts import comparable
from filesync_dagster.tables.synthetic.assembly import TableParts, after_what_they_need, assemble
from filesync_dagster.tables.synthetic.columns import ColumnFit
from filesync_dagster.tables.synthetic.fitter import Fitter
from filesync_dagster.tables.synthetic.identity import CountStep, RowIdentity, find_identity
from filesync_dagster.tables.synthetic.model import LinkFacts, Model, TableModel
from filesync_dagster.tables.synthetic.options import FitOptions, Watch
from filesync_dagster.tables.synthetic.real import RealTable
from filesync_dagster.tables.synthetic.relations import check_relations, plan_tables
from filesync_dagster.tables.synthetic.rule_check import active_rules
from filesync_dagster.tables.synthetic.rule_fit import outside_columns
from filesync_dagster.tables.synthetic.rule_plan import plan_rules
from filesync_dagster.tables.synthetic.schema_only.build import RowBuild
from filesync_dagster.tables.synthetic.schema_only.key_forms import key_form
from filesync_dagster.tables.synthetic.schema_only.links import add_link, link_facts
from filesync_dagster.tables.synthetic.schema_only.sketch import ColumnSketch, plain
from filesync_dagster.tables.synthetic.schema_only.vocabulary import is_after
from filesync_dagster.tables.synthetic.schema_only.words import ColumnWords, read_words
from filesync_dagster.tables.synthetic.steps import COLUMN, ColumnStep
from filesync_dagster.tables.synthetic.values import is_number

ROWS = 100

Words = Mapping[tuple[str, str], str]
"""What was said of a column, by its table and its name."""


def describe_tables(
    data_set: DataSet, options: FitOptions | None = None, *, words: Words | None = None, rows: int = ROWS
) -> Model:
    """Return a model of tables that have no rows: `generate` makes so many of each from it, times the scale.

    `words`: what was said of columns, such as `between 1 and 10` or `one of: a, b`; rules are read from it, and what
    is not understood is a warning of the model. Raises KeysBroken, RuleBroken.
    """
    return _Description(data_set, options or FitOptions(), words or {}, rows).model()


@dataclass
class _Description:
    """A model in the making, of tables that have no rows."""

    data_set: DataSet
    options: FitOptions
    words: Words
    rows: int
    read: dict[tuple[str, str], ColumnWords] = field(default_factory=dict)
    rules: list[TableRule] = field(default_factory=list)

    def model(self) -> Model:
        """Return the model."""
        relations = check_relations(self.data_set)
        _check_types(self.data_set, relations)
        self._read_words(relations)
        described = replace(self.data_set, tables=tuple(self._table(table) for table in self.data_set.tables))
        real = {table.name: RealTable(table) for table in described.tables}
        for one in real.values():
            one.rows = self.rows
        fitter = Fitter(self.options, Watch(), real, rules=self.rules)
        nulls = dict.fromkeys(relations, 0.0)
        fitter.plan = plan_tables(described, relations, nulls, lambda _: 0.0, deferrable=self.options.deferrable)
        identities = {table.name: self._identity(table, relations) for table in described.tables}
        for table in described.tables:
            fitter.columns[table.name] = self._columns(table.schema, relations, identities[table.name])
        facts = {link.number: link_facts(fitter, link) for link in fitter.plan.links}
        for link in fitter.plan.links:
            add_link(fitter, link, facts[link.number])
        tables = {name: self._table_model(fitter, name, identities[name], facts) for name in fitter.plan.order}
        ordered = {table.name: tables[table.name] for table in described.tables}
        warnings = tuple(
            f"{table.name}.{warning.column}: {warning.message}"
            for table in described.tables
            for warning in table.schema.warnings
        )
        return Model(fitter.plan, ordered, facts, self.options, tuple(self.rules), warnings, schema_only=True)

    def _read_words(self, relations: Sequence[TableRelation]) -> None:
        """Read what was said of the columns, and find what their names say of each other."""
        self.rules += active_rules(self.data_set)
        for table in self.data_set.tables:
            schema = table.schema
            parents = [relation.parent for relation in relations if relation.child == schema.name]
            outside = {f"{parent}.{name}" for parent in parents for name in self.data_set.table(parent).schema.names}
            for column in schema.columns:
                said = self.words.get((schema.name, column.name), "")
                found = read_words(schema.name, column, {*schema.names, *outside}, said)
                self.read[schema.name, column.name] = found
                self.rules += [rule for rule in found.rules if rule not in self.rules]
            self.rules += _orders(schema, self.rules)

    def _table(self, table: Table) -> Table:
        """Return a table without parts, whose columns are as strict as was said of them."""
        columns = []
        warnings = list(table.schema.warnings)
        unique = list(table.schema.unique_keys)
        for column in table.schema.columns:
            read = self.read[table.name, column.name]
            nullable = column.nullable and not read.is_required and column.name not in table.schema.primary_key
            columns.append(replace(column, nullable=nullable))
            if read.is_unique and (column.name,) not in {*unique, table.schema.primary_key}:
                unique.append((column.name,))
            warnings += [
                TableWarning("rule_not_understood", f"Nothing was made of {piece!r}.", column=column.name)
                for piece in read.unread
            ]
        schema = replace(
            table.schema.with_columns(columns), unique_keys=tuple(unique), warnings=tuple(warnings), row_count=None
        )
        return Table(schema, ())

    def _identity(self, table: Table, relations: Sequence[TableRelation]) -> RowIdentity:
        """Return what tells rows apart; a number within a wider key is counted."""
        found = find_identity(RealTable(table), relations)
        distinct, counted = [], list(found.counted)
        foreign = {name for one in relations if one.child == table.name for name in one.child_columns}
        for key in found.distinct:
            last = [name for name in key if name not in foreign and pa.types.is_integer(table.schema.column(name).type)]
            if len(key) > 1 and last:
                within = tuple(name for name in key if name != last[-1])
                counted.append(CountStep(COLUMN + last[-1], within, 1, table.schema.column(last[-1]).type))
            else:
                distinct.append(key)
        return replace(found, counted=tuple(counted), distinct=tuple(distinct))

    def _columns(
        self, schema: TableSchema, relations: Sequence[TableRelation], identity: RowIdentity
    ) -> dict[str, ColumnFit]:
        apart = {name for relation in relations if relation.child == schema.name for name in relation.child_columns}
        apart |= identity.made
        found = [self._sketch(schema, column).fit() for column in schema.columns if column.name not in apart]
        for each in found:
            if each.name.removeprefix(COLUMN) in self.options.first.get(schema.name, ()):
                each.rank, each.leads = 0, True
        return {each.name: each for each in found}

    def _sketch(self, schema: TableSchema, column: TableColumn) -> ColumnSketch:
        about = tuple(rule for rule in self.rules if rule.table == schema.name and rule.columns == (column.name,))
        unique = (column.name,) in {schema.primary_key, *schema.unique_keys}
        return ColumnSketch(schema, column, about, self.read[schema.name, column.name], self.options, unique)

    def _table_model(
        self, fitter: Fitter, name: str, identity: RowIdentity, facts: Mapping[int, LinkFacts]
    ) -> TableModel:
        table = fitter.real[name]
        columns = sorted(fitter.columns[name].values(), key=lambda each: (each.rank, not each.leads, each.name))
        mine = [rule for rule in self.rules if rule.table == name]
        plan = plan_rules(fitter, name, mine)
        outside = outside_columns(fitter, name, mine)
        build = RowBuild(fitter, name, plan)
        steps: list[ColumnStep] = []
        for each in after_what_they_need(columns, plan):
            step = build.step(each)
            if step is not None:
                steps.append(step)
        keys = {}
        for column in identity.keys:
            keys[column] = key_form(self._sketch(table.schema, table.schema.column(column)))
        parts = TableParts(identity, plan, tuple(steps), keys, (*build.later(), *identity.counted), outside)
        return assemble(fitter, table, parts, facts)


def _orders(schema: TableSchema, known: Sequence[TableRule]) -> list[TableRule]:
    """Return that ends come after begins, as far as their names say so and nobody said anything else."""
    found = []
    ordered = {frozenset(rule.columns) for rule in known if rule.table == schema.name}
    for first in schema.columns:
        for last in schema.columns:
            both = is_number(first.type) and is_number(last.type) and comparable(first.type, last.type)
            if both and is_after(plain(first.name), plain(last.name)) and {first.name, last.name} not in ordered:
                found.append(TableRule(RuleKind.AT_MOST, schema.name, (first.name, last.name), Origin.DETECTED))
    return found


def _check_types(data_set: DataSet, relations: Sequence[TableRelation]) -> None:
    """Raise KeysBroken where a key cannot hold what it names."""
    for relation in relations:
        for mine, theirs in zip(relation.child_columns, relation.parent_columns, strict=True):
            child = data_set.table(relation.child).schema.column(mine)
            parent = data_set.table(relation.parent).schema.column(theirs)
            if _family(child.type) not in {_family(parent.type), "text"}:
                raise KeysBroken(
                    f"{relation.child}.{mine} is {child.sql_type or child.type}, and {relation.parent}.{theirs}, which "
                    f"it names, is {parent.sql_type or parent.type}.",
                    hint="Give both the same type.",
                    code="key_types",
                    field=f"{relation.child}.{mine}",
                )


def _family(kind: pa.DataType) -> str:
    if pa.types.is_integer(kind) or pa.types.is_decimal(kind) or pa.types.is_floating(kind):
        return "number"
    return "text" if pa.types.is_string(kind) or pa.types.is_large_string(kind) else str(kind)
