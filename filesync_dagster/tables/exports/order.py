"""The order in which tables are loaded: parents before their children."""

from collections.abc import Sequence
from dataclasses import dataclass

from filesync_dagster.tables.model import DataSet, TableRelation


@dataclass(frozen=True)
class LoadOrder:
    """Names of tables, parents first, and the relations that go against it: to a table itself, or within a cycle."""

    tables: tuple[str, ...]
    backward: tuple[TableRelation, ...]


def load_order(data_set: DataSet) -> LoadOrder:
    """Return an order in which every relation that can leads to a table before its child.

    A cycle is broken at a foreign key that may be NULL, if it has one. Tables that do not depend on each other keep
    the order of the data set.
    """
    names = [table.name for table in data_set.tables]
    held = [relation for relation in data_set.relations if relation.holds]
    backward = [relation for relation in held if relation.child == relation.parent]
    open_relations = [relation for relation in held if relation.child != relation.parent]
    placed: list[str] = []
    while len(placed) < len(names):
        waiting = [name for name in names if name not in placed]
        free = [name for name in waiting if not _parents(name, waiting, open_relations)]
        if free:
            placed.append(free[0])
            continue
        broken = _weakest(data_set, _cycle(waiting, open_relations))
        open_relations.remove(broken)
        backward.append(broken)
    return LoadOrder(tuple(placed), tuple(relation for relation in held if relation in backward))


def _parents(name: str, waiting: Sequence[str], relations: Sequence[TableRelation]) -> list[TableRelation]:
    return [relation for relation in relations if relation.child == name and relation.parent in waiting]


def _cycle(waiting: Sequence[str], relations: Sequence[TableRelation]) -> list[TableRelation]:
    """Return relations that lead from a table to itself: everyone that waits has a parent that waits."""
    path: list[TableRelation] = []
    seen = [waiting[0]]
    while True:
        relation = _parents(seen[-1], waiting, relations)[0]
        path.append(relation)
        if relation.parent in seen:
            return path[seen.index(relation.parent) :]
        seen.append(relation.parent)


def _weakest(data_set: DataSet, cycle: Sequence[TableRelation]) -> TableRelation:
    for relation in cycle:
        schema = data_set.table(relation.child).schema
        if any(schema.column(column).nullable for column in relation.child_columns):
            return relation
    return cycle[0]
