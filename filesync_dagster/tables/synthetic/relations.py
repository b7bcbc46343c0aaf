"""Relations of a data set: which are used for what, and the order in which tables come about."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from filesync_dagster.core.errors import KeysBroken
from filesync_dagster.tables.model import DataSet, TableRelation


class LinkUse(StrEnum):
    """How the rows of a child come to their parents."""

    PRIMARY = "primary"  # parents have so many children each
    OTHER = "other"  # a group is drawn for the child, then a parent of it
    OWN = "own"  # within the table itself: a manager of the level above
    LATE = "late"  # of a cycle: as OTHER, once every table is there
    IMPLIED = "implied"  # another relation has its columns, and leads to the same row


@dataclass(frozen=True)
class Link:
    """A relation and its use. `number` names it in what is drawn: `n:3` are a parent's children, `z:3` their family."""

    number: int
    relation: TableRelation
    use: LinkUse

    @property
    def child(self) -> str:
        """The child's name."""
        return self.relation.child

    @property
    def parent(self) -> str:
        """The parent's name."""
        return self.relation.parent


@dataclass(frozen=True)
class TablePlan:
    """Tables in the order in which they come about, and the links between them."""

    order: tuple[str, ...]
    links: tuple[Link, ...]

    def of_child(self, table: str, *uses: LinkUse) -> tuple[Link, ...]:
        """Return the links of a child that have one of these uses."""
        return tuple(link for link in self.links if link.child == table and link.use in uses)

    def of_parent(self, table: str) -> tuple[Link, ...]:
        """Return the links that a table is the parent of."""
        return tuple(link for link in self.links if link.parent == table and link.use is not LinkUse.IMPLIED)

    def primary(self, table: str) -> Link | None:
        """Return the link that says how many rows a table has, if any."""
        found = self.of_child(table, LinkUse.PRIMARY)
        return found[0] if found else None


def check_relations(data_set: DataSet) -> tuple[TableRelation, ...]:
    """Return the relations that hold, each once. Raises KeysBroken where one speaks of what is not there."""
    schemas = {table.name: table.schema for table in data_set.tables}
    found: dict[tuple[str, tuple[str, ...]], TableRelation] = {}
    for relation in data_set.relations:
        if not relation.holds:
            continue
        ends = ((relation.child, relation.child_columns), (relation.parent, relation.parent_columns))
        for table, columns in ends:
            missing = [name for name in columns if table not in schemas or name not in schemas[table].names]
            if missing or not columns:
                raise KeysBroken(
                    f"A relation from {relation.child} to {relation.parent} names columns that are not there: "
                    f"{table}.{', '.join(missing)}.",
                    code="unknown_column",
                    field=table,
                )
        if len(relation.child_columns) != len(relation.parent_columns):
            raise KeysBroken(
                f"The relation from {relation.child} to {relation.parent} has {len(relation.child_columns)} columns on "
                f"one side and {len(relation.parent_columns)} on the other.",
                code="key_widths",
                field=relation.child,
            )
        known = found.setdefault((relation.child, relation.child_columns), relation)
        if (known.parent, known.parent_columns) != (relation.parent, relation.parent_columns):
            raise KeysBroken(
                f"{relation.child}.{', '.join(relation.child_columns)} names rows of {known.parent} and of "
                f"{relation.parent}: it can be a key of one of them.",
                hint="Refuse one of the two relations.",
                code="two_parents",
                field=relation.child,
            )
    return tuple(found.values())


def plan_tables(
    data_set: DataSet,
    relations: Sequence[TableRelation],
    null_shares: Mapping[TableRelation, float],
    score: Callable[[TableRelation], float],
    *,
    deferrable: bool = False,
) -> TablePlan:
    """Put tables in order, parents first, and say what each relation is for.

    `score`: how much of a child a relation explains. Raises KeysBroken for a cycle that nothing can begin.
    """
    names = [table.name for table in data_set.tables]
    links = [Link(i, relation, _first_use(relation)) for i, relation in enumerate(relations)]
    links = [replace(link, use=LinkUse.IMPLIED) if _is_implied(link, links) else link for link in links]
    order, late = _order(names, links, null_shares, data_set, deferrable=deferrable)
    links = [replace(link, use=LinkUse.LATE) if link.number in late else link for link in links]
    for name in names:
        others = [link for link in links if link.child == name and link.use is LinkUse.OTHER]
        if others:
            best = max(others, key=lambda link: (null_shares[link.relation] == 0, score(link.relation), -link.number))
            links[best.number] = replace(best, use=LinkUse.PRIMARY)
    _check_overlaps(links)
    return TablePlan(tuple(order), tuple(links))


def _first_use(relation: TableRelation) -> LinkUse:
    return LinkUse.OWN if relation.child == relation.parent else LinkUse.OTHER


def _is_implied(link: Link, links: Iterable[Link]) -> bool:
    """Tell whether a wider key of the same child leads to a row whose own key leads to the same parent."""
    mine = link.relation
    for other in links:
        wide = other.relation
        if other is link or wide.child != mine.child or not set(mine.child_columns) < set(wide.child_columns):
            continue
        across = dict(zip(wide.child_columns, wide.parent_columns, strict=True))
        columns = tuple(across[name] for name in mine.child_columns)
        if (wide.parent, columns) == (mine.parent, mine.parent_columns):
            return True
        for step in links:
            there = step.relation
            if (there.child, there.child_columns) == (wide.parent, columns) and there.parent == mine.parent:
                return True
    return False


def _check_overlaps(links: Sequence[Link]) -> None:
    owner: dict[tuple[str, str], Link] = {}
    for link in links:
        if link.use is LinkUse.IMPLIED:
            continue
        for name in link.relation.child_columns:
            other = owner.setdefault((link.child, name), link)
            if other is not link:
                raise KeysBroken(
                    f"{link.child}.{name} is a part of the keys to {other.parent} and to {link.parent}, and neither "
                    "implies the other.",
                    hint="Refuse one of the two relations.",
                    code="overlapping_keys",
                    field=link.child,
                )


def _order(
    names: Sequence[str],
    links: Sequence[Link],
    null_shares: Mapping[TableRelation, float],
    data_set: DataSet,
    *,
    deferrable: bool,
) -> tuple[list[str], set[int]]:
    """Return the order of tables, and the links that are filled in afterwards."""
    open_links = {link.number: link for link in links if link.use is LinkUse.OTHER}
    late: set[int] = set()
    order: list[str] = []
    while len(order) < len(names):
        waiting = {link.child for link in open_links.values()}
        ready = [name for name in names if name not in order and name not in waiting]
        if ready:
            order.append(ready[0])
            open_links = {number: link for number, link in open_links.items() if link.parent != ready[0]}
            continue
        broken = _weakest(open_links.values(), null_shares, data_set, deferrable=deferrable)
        late.add(broken.number)
        del open_links[broken.number]
    return order, late


def _weakest(
    links: Iterable[Link], null_shares: Mapping[TableRelation, float], data_set: DataSet, *, deferrable: bool
) -> Link:
    """Return the link of a cycle that can be filled in afterwards: it may be NULL, and is most often."""
    links = list(links)
    cyclic = [link for link in links if _reaches(link.parent, link.child, links)]
    free = [link for link in cyclic if deferrable or _may_be_null(link.relation, data_set)]
    if free:
        return max(free, key=lambda link: (null_shares[link.relation], -link.number))
    path = " → ".join(dict.fromkeys(link.child for link in cyclic))
    keys = ", ".join(f"{link.child}.{'+'.join(link.relation.child_columns)}" for link in cyclic)
    raise KeysBroken(
        f"The tables {path} name each other in a circle by columns that are never NULL ({keys}): "
        "no row can be the first.",
        hint="Let one of these columns be NULL, refuse a relation, or ask for deferrable constraints.",
        code="cycle",
        field=cyclic[0].child,
    )


def _reaches(start: str, goal: str, links: Sequence[Link]) -> bool:
    """Tell whether going from child to parent leads from one table to another."""
    reached, front = {start}, [start]
    while front:
        table = front.pop()
        for link in links:
            if link.child == table and link.parent not in reached:
                reached.add(link.parent)
                front.append(link.parent)
    return goal in reached


def _may_be_null(relation: TableRelation, data_set: DataSet) -> bool:
    schema = data_set.table(relation.child).schema
    return any(schema.column(name).nullable and name not in schema.primary_key for name in relation.child_columns)
