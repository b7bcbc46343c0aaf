"""What a request says, as the engine takes it: options of the fit and of the generation, rules, roles, relations."""

from collections.abc import Sequence
from dataclasses import replace

from filesync_dagster.core.errors import TableError
from filesync_dagster.tables.keys import find_keys
from filesync_dagster.tables.model import (
    DataSet,
    Multiplicity,
    Origin,
    Role,
    RuleKind,
    Table,
    TableRelation,
    TableRule,
    TableWarning,
)
from filesync_dagster.tables.sessions.request import GenerationRequest, RequestedRelation, RequestedRule
from filesync_dagster.tables.synthetic import FitOptions, GenerateRequest, RowCondition
from filesync_dagster.tables.synthetic.rule_check import broken_rules
from filesync_dagster.tables.synthetic.schema_only import read_words

UNUSED_WORDS = "business_rules_unused"
"""What programs call it that words say no rule, or one that the rows break."""

NO_RELATION = "none"
SINGLE = frozenset({"one_to_one", "one-to-one", "1:1", "1-1"})


def fit_options(request: GenerationRequest, seed: int) -> FitOptions:
    """Return how a model is fitted."""
    first: dict[str, tuple[str, ...]] = {}
    for condition in request.conditions:
        first[condition.table] = tuple(dict.fromkeys((*first.get(condition.table, ()), *condition.where)))
    return FitOptions(
        seed=seed,
        keep=tuple(request.keep),
        first=first,
        locale=request.locale,
        k_min=request.privacy.k_min,
        keep_rare=request.privacy.keep_rare,
        keep_extremes=request.privacy.keep_extremes,
        keep_orphans=request.privacy.keep_orphans,
        copy_text=request.privacy.copy_text,
        deferrable=bool(request.export_options.get("deferrable")),
    )


def row_request(request: GenerationRequest, seed: int) -> GenerateRequest:
    """Return how many rows are generated, and which."""
    conditions = tuple(RowCondition(one.table, dict(one.where), one.rows) for one in request.conditions)
    return GenerateRequest(scale=request.scale, rows=dict(request.rows), seed=seed, conditions=conditions)


def known_relations(request: GenerationRequest, read: DataSet) -> list[TableRelation]:
    """Return the relations that sources and the request declare, or refuse. Raises TableError."""
    asked = [_relation(one, read) for one in request.relationships]
    places = {(one.child, one.child_columns, one.parent, one.parent_columns) for one in asked}
    kept = [
        one for one in read.relations if (one.child, one.child_columns, one.parent, one.parent_columns) not in places
    ]
    return [*kept, *asked]


def _relation(asked: RequestedRelation, read: DataSet) -> TableRelation:
    names = {table.name: table.schema.names for table in read.tables}
    for table, column in ((asked.source_table, asked.source_column), (asked.target_table, asked.target_column)):
        if column not in names.get(table, ()):
            raise TableError(
                f"A relation is about {table}.{column}, which is not there.",
                hint=f"The tables are: {', '.join(sorted(names)[:20])}.",
                code="unknown_column",
                field="relationships",
            )
    kind = asked.relationship_type.strip().lower()
    return TableRelation(
        asked.target_table,
        (asked.target_column,),
        asked.source_table,
        (asked.source_column,),
        origin=Origin.REFUSED if kind == NO_RELATION else Origin.DECLARED,
        multiplicity=Multiplicity.ONE_TO_ONE if kind in SINGLE else Multiplicity.ONE_TO_MANY,
    )


def accept_proposals(found: DataSet) -> DataSet:
    """Return a data set whose columns have the first relation that was proposed for them."""
    chosen: set[tuple[str, tuple[str, ...]]] = set()
    relations = []
    for relation in found.relations:
        if relation.origin is Origin.REFUSED:
            relations.append(relation)
        elif (relation.child, relation.child_columns) not in chosen:
            chosen.add((relation.child, relation.child_columns))
            relations.append(replace(relation, origin=relation.origin if relation.holds else Origin.DECLARED))
    return find_keys(found.tables, relations)


def without_relations(found: DataSet) -> DataSet:
    """Return tables that are generated each for itself."""
    return replace(found, relations=())


def with_choices(request: GenerationRequest, found: DataSet) -> DataSet:
    """Return a data set whose columns are understood as the request has it. Raises TableError."""
    for choice in request.columns:
        table = _table(found, choice.table, "columns")
        if choice.column not in table.schema.names:
            raise TableError(
                f"There is no column {choice.table}.{choice.column}.", code="unknown_column", field="columns"
            )
        if choice.role is not None and choice.role not in set(Role):
            known = ", ".join(Role)
            raise TableError(
                f"There is no role {choice.role!r}; there are {known}.", code="bad_value", field="columns.role"
            )
        columns = [
            replace(
                column,
                role=Role(choice.role) if choice.role else Role.PERSON if choice.person_kind else column.role,
                person_kind=choice.person_kind or (column.person_kind if choice.role in {None, "person"} else None),
            )
            if column.name == choice.column
            else column
            for column in table.schema.columns
        ]
        changed = replace(table, schema=table.schema.with_columns(columns))
        found = replace(found, tables=tuple(changed if one.name == table.name else one for one in found.tables))
    return found


def with_rules(request: GenerationRequest, found: DataSet) -> DataSet:
    """Return a data set with the rules that hold: those that the request adds, and without those it switches off.

    Raises TableError.
    """
    rules = [rule for rule in found.rules if rule.enabled]
    for asked in request.rules:
        _table(found, asked.table, "rules")
        rule = _rule(asked)
        same = [one for one in rules if (one.kind, one.table, one.columns) == (rule.kind, rule.table, rule.columns)]
        if not asked.enabled:
            rules = [one for one in rules if one not in same]
        else:
            rules = [*(one for one in rules if one not in same), rule]
    return replace(found, rules=tuple(rules))


def with_words(request: GenerationRequest, found: DataSet) -> DataSet:
    """Return tables that have rows with the rules that `business_rules` say in words, as far as all rows obey them.

    What rows break, and what nothing was made of, is a warning of its table.
    """
    said, warnings = _said_rules(request, found)
    known = {(rule.kind, rule.table, rule.columns) for rule in found.rules if rule.enabled}
    new = [rule for rule in said if (rule.kind, rule.table, rule.columns) not in known]
    broken = broken_rules(found, new)
    for rule, error in broken:
        note = TableWarning(UNUSED_WORDS, f"A rule in words is not used: {error.message}", column=rule.columns[0])
        warnings.setdefault(rule.table, []).append(note)
    lost = [rule for rule, _ in broken]
    tables = tuple(_warned(table, warnings.get(table.name, [])) for table in found.tables)
    return replace(found, tables=tables, rules=(*found.rules, *(rule for rule in new if rule not in lost)))


def _said_rules(request: GenerationRequest, found: DataSet) -> tuple[list[TableRule], dict[str, list[TableWarning]]]:
    """Return the rules that are said in words, and warnings of tables about words that say nothing."""
    rules: list[TableRule] = []
    warnings: dict[str, list[TableWarning]] = {}
    for asked in request.tables:
        schema = found.table(asked.name).schema
        parents = {one.parent for one in found.relations if one.child == asked.name and one.holds}
        outside = {f"{parent}.{name}" for parent in parents for name in found.table(parent).schema.names}
        columns = {column.name: column for column in schema.columns}
        for column in asked.columns:
            read = read_words(schema.name, columns[column.name], {*schema.names, *outside}, column.business_rules)
            rules += [rule for rule in read.rules if rule not in rules]
            notes = [
                TableWarning(UNUSED_WORDS, f"Nothing was made of {one!r}.", column=column.name) for one in read.unread
            ]
            warnings.setdefault(asked.name, []).extend(notes)
    return rules, warnings


def _warned(table: Table, notes: Sequence[TableWarning]) -> Table:
    return replace(table, schema=replace(table.schema, warnings=(*table.schema.warnings, *notes)))


def _rule(asked: RequestedRule) -> TableRule:
    if asked.expression:
        return TableRule(RuleKind.SQL, asked.table, tuple(asked.columns), expression=asked.expression)
    if asked.op:
        columns = tuple(name for name in (asked.column, asked.other) if name) or tuple(asked.columns)
        return TableRule(RuleKind.COMPARE, asked.table, columns, operator=asked.op, value=asked.value)
    if asked.kind not in set(RuleKind):
        raise TableError(
            f"There is no rule of kind {asked.kind!r}; there are {', '.join(RuleKind)}.",
            code="bad_rule",
            field="rules.kind",
        )
    columns = tuple(asked.columns) or ((asked.column,) if asked.column else ())
    return TableRule(RuleKind(asked.kind), asked.table, columns, operator=asked.op, value=asked.value)


def _table(found: DataSet, name: str, field: str) -> Table:
    try:
        return found.table(name)
    except KeyError:
        raise TableError(f"There is no table {name!r}.", code="unknown_table", field=field) from None


def table_names(tables: Sequence[Table]) -> str:
    """Return the names of tables for a sentence."""
    return ", ".join(sorted(table.name for table in tables)[:20]) or "none"
