"""The fit: real tables in, a model out. Parents come first, with what their families have in common."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from filesync_dagster.core.errors import KeysBroken, RuleBroken
from filesync_dagster.tables.model import DataSet, Origin, Role, TableRelation, TableRule
from filesync_dagster.tables.synthetic.assembly import TableParts, after_what_they_need, assemble
from filesync_dagster.tables.synthetic.columns import ColumnFit, make_column
from filesync_dagster.tables.synthetic.contexts import fit_column
from filesync_dagster.tables.synthetic.documents import document_columns
from filesync_dagster.tables.synthetic.families import count_children
from filesync_dagster.tables.synthetic.fitter import Fitter
from filesync_dagster.tables.synthetic.identity import RowIdentity, find_identity
from filesync_dagster.tables.synthetic.implied_rules import implied_rules
from filesync_dagster.tables.synthetic.keys import KeyMaker, key_maker
from filesync_dagster.tables.synthetic.kinship import add_family, explain_child
from filesync_dagster.tables.synthetic.model import LinkFacts, Model, TableModel
from filesync_dagster.tables.synthetic.options import FitOptions, ProgressReport, Watch
from filesync_dagster.tables.synthetic.orphans import OrphanKeys, find_orphan_keys
from filesync_dagster.tables.synthetic.peers.mostlyai.learner import EngineSettings, Learner
from filesync_dagster.tables.synthetic.real import ORPHAN, RealTable, check_parent_keys, find_parents
from filesync_dagster.tables.synthetic.relations import Link, LinkUse, check_relations, plan_tables
from filesync_dagster.tables.synthetic.rule_check import active_rules, check_rule, describe, parents_of
from filesync_dagster.tables.synthetic.rule_fit import StepFit, outside_columns, real_draft
from filesync_dagster.tables.synthetic.rule_plan import plan_rules

if TYPE_CHECKING:
    from filesync_dagster.tables.synthetic.steps import ColumnStep

WITHIN_SHARE = 0.99


def fit(
    data_set: DataSet,
    options: FitOptions | None = None,
    *,
    settings: EngineSettings | None = None,
    progress: ProgressReport | None = None,
    cancel: Callable[[], bool] | None = None,
) -> Model:
    """Fit a model to a data set. Raises KeysBroken, RuleBroken, UnreadableTable, Cancelled.

    `settings`: of the engine mostlyai, which learns the columns in the place of our trees. Raises what it raises.
    """
    options = options or FitOptions()
    real = {table.name: RealTable(table) for table in data_set.tables}
    fitter = Fitter(options, Watch(progress, cancel), real)
    fitter.learner = None if settings is None else Learner(settings, options.seed)
    relations = check_relations(data_set)
    for relation in relations:
        fitter.watch.step("reading", relation.child)
        check_parent_keys(real, relation)
        child, parent = real[relation.child], real[relation.parent]
        fitter.parents[relation] = find_parents(
            child.columns(relation.child_columns), parent.columns(relation.parent_columns)
        )
    identities = {name: find_identity(table, relations) for name, table in real.items()}
    for name, table in real.items():
        fitter.watch.step("reading", name)
        fitter.columns[name] = _visible_columns(table, relations, identities[name], options)
    nulls = {relation: float(np.mean(found < 0)) if len(found) else 0.0 for relation, found in fitter.parents.items()}
    fitter.plan = plan_tables(
        data_set, relations, nulls, lambda relation: explain_child(fitter, relation), deferrable=options.deferrable
    )
    fitter.rules = _usable_rules(fitter, data_set, relations)
    fitter.rules += implied_rules(fitter.rules, real, relations, fitter.parents)
    facts = {}
    for link in fitter.plan.links:
        orphan_keys = find_orphan_keys(fitter, link)
        if link.use is not LinkUse.IMPLIED:
            add_family(fitter, link, keeps_orphans=orphan_keys is not None)
        facts[link.number] = _facts(fitter, link, orphan_keys)
    fitter.warnings += [
        warning for link in fitter.plan.links if (warning := _orphans(link, facts[link.number], options))
    ]
    tables = {}
    for place, name in enumerate(fitter.plan.order):
        fitter.watch.step("fitting", name, place, len(real))
        tables[name] = _fit_table(fitter, name, identities[name], facts)
    if fitter.learner is not None:
        fitter.learner.train(fitter.watch)
    ordered = {table.name: tables[table.name] for table in data_set.tables}
    return Model(
        fitter.plan, ordered, facts, options, tuple(fitter.rules), tuple(fitter.warnings), learner=fitter.learner
    )


def _usable_rules(fitter: Fitter, data_set: DataSet, relations: Sequence[TableRelation]) -> list[TableRule]:
    """Return the rules that the real rows satisfy. Raises RuleBroken where they break one that was declared."""
    found = []
    for rule in active_rules(data_set):
        fitter.watch.check()
        if rule.table not in fitter.real:
            raise RuleBroken(f"A rule is about table {rule.table}, which is not there.", code="unknown_table")
        parents = parents_of(rule.table, fitter.real, relations, fitter.parents)
        try:
            check_rule(rule, fitter.real[rule.table], parents)
        except RuleBroken as error:
            if rule.origin is Origin.DECLARED:
                raise
            fitter.warnings.append(error.message)
            continue
        found.append(rule)
    return found


def _visible_columns(
    table: RealTable, relations: Sequence[TableRelation], identity: RowIdentity, options: FitOptions
) -> dict[str, ColumnFit]:
    """Return the columns that are modelled: all but keys of the table, and of others."""
    schema = table.schema
    apart = {name for relation in relations if relation.child == schema.name for name in relation.child_columns}
    apart |= identity.made
    found: list[ColumnFit] = []
    for column in schema.columns:
        if column.name not in apart:
            parts = document_columns(column, table.column(column.name), options) if column.role is Role.JSON else None
            found += parts or [make_column(column, table.column(column.name), options)]
    first = options.first.get(schema.name, ())
    for each in found:
        if each.name.removeprefix("c:") in first:
            each.rank = 0
            each.leads = True
    return {each.name: each for each in found}


def _fit_table(fitter: Fitter, name: str, identity: RowIdentity, facts: dict[int, LinkFacts]) -> TableModel:
    table = fitter.real[name]
    _begin_learning(fitter, name)
    if name in fitter.options.keep:
        return _keep_table(fitter, table)
    columns = sorted(
        fitter.columns[name].values(), key=lambda each: (each.rank, not each.leads, each.distinct, each.name)
    )
    mine = [rule for rule in fitter.rules if rule.table == name]
    plan = plan_rules(fitter, name, mine)
    for rule in plan.left_out:
        fitter.rules.remove(rule)
        fitter.warnings.append(f"The rule {describe(rule)} of {name} was left out.")
    mine = [rule for rule in mine if rule not in plan.left_out]
    outside = outside_columns(fitter, name, mine)
    build = StepFit(fitter, name, plan, real_draft(fitter, name, outside, mine))
    columns = after_what_they_need(columns, plan)
    known: list[str] = []
    steps: list[ColumnStep] = []
    for each in columns:
        fitter.watch.check()
        step = build.step(each, known)
        if step is None:
            continue
        steps.append(step)
        if each.constant is None:
            known.append(each.name)
    keys: dict[str, KeyMaker] = {}
    for column in identity.keys:
        keys[column] = key_maker(table.column(column), sql_type=table.schema.column(column).sql_type)
    later = (*build.later(), *identity.counted)
    return assemble(fitter, table, TableParts(identity, plan, tuple(steps), keys, later, outside), facts)


def _begin_learning(fitter: Fitter, name: str) -> None:
    """Tell another engine, if there is one, of a table; and of what its children may look at, if it is kept."""
    learner, primary = fitter.learner, fitter.plan.primary(name)
    if learner is None:
        return
    is_kept = name in fitter.options.keep
    learner.add_table(name, fitter.real[name].rows, is_kept=is_kept)
    if primary is not None and not is_kept:
        learner.add_parents(name, primary.parent, fitter.parents[primary.relation])
    for each in fitter.columns[name].values() if is_kept else ():
        if each.constant is None and each.name.startswith("c:"):
            fit_column(fitter, name, each, ())


def _keep_table(fitter: Fitter, table: RealTable) -> TableModel:
    """Return the model of a table that is copied. Raises KeysBroken where it must not be."""
    name = table.schema.name
    people = [column.name for column in table.schema.columns if column.role is Role.PERSON]
    lost = [link.parent for link in fitter.plan.links if link.child == name and link.parent not in fitter.options.keep]
    if people or lost:
        why = "has columns about people" if people else f"names rows of {lost[0]}, which is not kept"
        raise KeysBroken(f"Table {name} cannot be kept as it is: it {why}.", code="cannot_keep", field="keep")
    rows = pa.table(table.columns(table.schema.names), names=list(table.schema.names))
    codes = {each.name: each.codes for each in fitter.columns[name].values()}
    for link in fitter.plan.of_parent(name):
        codes[f"n:{link.number}"] = fitter.families[link.number].counts.astype(np.int32)
    return TableModel(table.schema, table.rows, (), kept=rows, kept_codes=codes)


def _facts(fitter: Fitter, link: Link, orphan_keys: OrphanKeys | None) -> LinkFacts:
    parents = fitter.parents[link.relation]
    here = int(np.count_nonzero(parents >= 0))
    counts = count_children(parents, fitter.real[link.parent].rows)
    schema = fitter.real[link.child].schema
    nullable = any(
        schema.column(name).nullable and name not in schema.primary_key for name in link.relation.child_columns
    )
    lost = int(np.count_nonzero(parents < 0)) if nullable or orphan_keys else 0
    if orphan_keys is not None:
        orphan_keys = replace(orphan_keys, group=len(fitter.families[link.number].kinds.centres))
    orphans = float(np.mean(parents == ORPHAN)) if len(parents) else 0.0
    facts = LinkFacts(
        lost / here if here else float(lost),
        orphans,
        bool(here and counts.max(initial=0) <= 1),
        nullable,
        orphan_keys=orphan_keys,
    )
    if link.use is LinkUse.OWN:
        roots = bool(np.any(parents == np.arange(len(parents))))
        if not (nullable or roots or orphan_keys or fitter.options.deferrable) and len(parents):
            raise KeysBroken(
                f"Each row of {link.child} names another ({', '.join(link.relation.child_columns)}), never NULL: "
                "no row can be the first.",
                code="cycle",
                field=link.child,
            )
        return replace(facts, own_root=roots)
    return replace(facts, within=_within(fitter, link)) if link.use is LinkUse.LATE else facts


def _orphans(link: Link, facts: LinkFacts, options: FitOptions) -> str:
    """Return how many rows name a parent that is not there, and what becomes of them; nothing where there are none."""
    if not facts.orphans:
        return ""
    become = "are NULL" if facts.nullable else "have another parent"
    asked = ": no key can be made that leads nowhere" if options.keep_orphans else ""
    if facts.orphan_keys is not None:
        become, asked = "name nobody either, as keep_orphans asks for", ""
    names = ", ".join(link.relation.child_columns)
    return (
        f"{facts.orphans:.1%} of the rows of {link.child} name a row of {link.parent} that is not there ({names}); "
        f"among synthetic rows they {become}{asked}."
    )


def _within(fitter: Fitter, link: Link) -> int | None:
    """Return the link by which the rows that a late link leads to lead back, if they do."""
    there = fitter.parents[link.relation]
    here = np.flatnonzero(there >= 0)
    for back in fitter.plan.of_child(link.parent, LinkUse.PRIMARY, LinkUse.OTHER):
        if back.parent == link.child and len(here):
            same = fitter.parents[back.relation][there[here]] == here
            if same.mean() >= WITHIN_SHARE:
                return back.number
    return None
