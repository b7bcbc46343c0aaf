"""Foreign keys: which columns name rows of other tables, and how sure that is."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import pyarrow as pa

from filesync_dagster.tables.keys.measure import Fit, Measure
from filesync_dagster.tables.keys.names import SAME, name_score, singular, subject
from filesync_dagster.tables.model import Multiplicity, Origin, Role, Table, TableColumn, TableRelation
from filesync_dagster.tables.profile import plain_name
from filesync_dagster.tables.profile.values import is_text

INCLUSION_RATIO, NAME_RATIO, COVERAGE_RATIO = 0.6, 0.25, 0.15
SURE_SHARE, LIKELY_SHARE = 0.85, 0.6
ACCEPTED_RATIO = 0.95
PROPOSALS_COUNT = 3
_LEAST_RATIO = 0.5
_UNNAMED_DISTINCT = 5  # values of a column that is not called like a reference

Key = tuple[Table, tuple[str, ...]]
Names = tuple[str, tuple[str, ...], str, tuple[str, ...]]


@dataclass(frozen=True)
class Candidate:
    """A column, or several, and a key that it may name."""

    child: Table
    columns: tuple[str, ...]
    parent: Table
    keys: tuple[str, ...]
    name: float

    def relation(self, fit: Fit, measure: Measure) -> TableRelation:
        """Return the relation, detected or proposed."""
        score = INCLUSION_RATIO * fit.inclusion + NAME_RATIO * self.name + COVERAGE_RATIO * fit.coverage
        is_sure = score >= SURE_SHARE and fit.inclusion >= ACCEPTED_RATIO
        return TableRelation(
            self.child.name,
            self.columns,
            self.parent.name,
            self.keys,
            origin=Origin.DETECTED if is_sure else Origin.PROPOSED,
            multiplicity=Multiplicity.ONE_TO_ONE if fit.is_single else Multiplicity.ONE_TO_MANY,
            score=round(score, 4),
            inclusion=measure.row_share(self.child.name, self.columns, self.parent.name, self.keys),
        )


def find_foreign_keys(
    tables: Sequence[Table], declared: Sequence[TableRelation], measure: Measure
) -> Iterator[TableRelation]:
    """Yield the relations of columns that nobody has declared: the one that is sure, else up to three proposals."""
    known = {(relation.child, relation.child_columns) for relation in declared if relation.origin is not Origin.REFUSED}
    refused = {_names(relation) for relation in declared if relation.origin is Origin.REFUSED}
    for child in tables:
        taken = {column for name, columns in known if name == child.name for column in columns}
        for group in _composites(child, tables):
            for relation in _decide(group, measure, refused):
                if taken.isdisjoint(relation.child_columns):
                    yield relation
                    taken |= set(relation.child_columns) if relation.holds else set()
        for column in child.schema.columns:
            if column.name not in taken:
                yield from _decide(_singles(child, column, tables), measure, refused)


def _names(of: TableRelation | Candidate) -> Names:
    """Return between which columns of which tables a relation is."""
    if isinstance(of, Candidate):
        return of.child.name, of.columns, of.parent.name, of.keys
    return of.child, of.child_columns, of.parent, of.parent_columns


def _decide(candidates: Sequence[Candidate], measure: Measure, refused: set[Names]) -> list[TableRelation]:
    """Return the one relation of a column that is sure, else those that somebody may confirm, the best first."""
    found: list[TableRelation] = []
    for candidate in sorted(candidates, key=lambda each: -each.name):
        fit = measure.fit(candidate.child.name, candidate.columns, candidate.parent.name, candidate.keys)
        if fit.inclusion < _LEAST_RATIO and candidate.name < SAME:
            continue
        relation = candidate.relation(fit, measure)
        if _names(relation) not in refused:
            found.append(relation)
        if relation.origin is Origin.DETECTED and candidate.name == SAME:
            break  # what only fits by accident need not be tried
    found.sort(key=lambda relation: (-(relation.score or 0), relation.parent))
    sure = [relation for relation in found if relation.origin is Origin.DETECTED]
    if sure:
        return sure[:1]
    likely = [relation for relation in found if (relation.score or 0) >= LIKELY_SHARE]
    names = {_names(candidate): candidate.name for candidate in candidates}
    if any(names[_names(relation)] for relation in likely):
        likely = [relation for relation in likely if names[_names(relation)]]  # what only fits by accident
    return likely[:PROPOSALS_COUNT]


def _singles(child: Table, column: TableColumn, tables: Sequence[Table]) -> list[Candidate]:
    """Return the keys that one column may name."""
    if column.role in {Role.CONSTANT, Role.JSON, Role.BINARY} or not column.stats["distinct"]:
        return []
    candidates = []
    for parent, (key,) in _keys(tables, 1):
        if parent is child and key == column.name:
            continue
        score = name_score(column.name, child.name, parent.name, key)
        if _may_name(child, column, parent.schema.column(key), score):
            candidates.append(Candidate(child, (column.name,), parent, (key,), score))
    return candidates


def _keys(tables: Sequence[Table], count: int) -> Iterator[Key]:
    """Yield the keys of so many columns that rows may be named by."""
    for table in tables:
        keys = [table.schema.primary_key, *table.schema.unique_keys]
        for key in keys:
            is_called = key == table.schema.primary_key or all(
                table.schema.column(name).role is Role.KEY for name in key
            )
            if len(key) == count and is_called:
                yield table, key


def _may_name(child: Table, column: TableColumn, key: TableColumn, score: float) -> bool:
    """Tell whether it is worth to compare a column with a key."""
    is_comparable = family(column.type) is not None and family(column.type) == family(key.type)
    if not is_comparable or not _overlap(column, key):
        return False
    if (column.name,) == child.schema.primary_key and (score < SAME or _is_own(column.name, child.name)):
        return False  # the key of its own table, which counts like every other
    if score == SAME:
        return True
    is_word = is_text(column.type) and column.role in {Role.CATEGORY, Role.TEXT, Role.KEY}
    is_telling = is_word and column.stats["distinct"] >= _UNNAMED_DISTINCT
    has_room = bool(key.stats["distinct"] >= column.stats["distinct"] * _LEAST_RATIO)
    return has_room and (score > 0 or is_telling)  # numbers that nobody calls so fit many keys by accident


def _is_own(column: str, table: str) -> bool:
    """Tell whether a key is called like its own table, or like any: "id"."""
    return subject(column) in {"", singular(plain_name(table))}


def family(kind: pa.DataType) -> str | None:
    """Return which types a column may be compared with; None for those that no key has."""
    if pa.types.is_integer(kind) or (pa.types.is_decimal(kind) and kind.scale == 0):
        return "integer"
    if is_text(kind):
        return "text"
    if pa.types.is_date(kind):
        return "date"
    return "timestamp" if pa.types.is_timestamp(kind) else None


def _overlap(column: TableColumn, key: TableColumn) -> bool:
    """Tell whether the range of integers has anything in common with that of a key."""
    if family(column.type) != "integer" or "min" not in column.stats or "min" not in key.stats:
        return True
    low, high = (
        max(int(column.stats["min"]), int(key.stats["min"])),
        min(int(column.stats["max"]), int(key.stats["max"])),
    )
    return low <= high


def _composites(child: Table, tables: Sequence[Table]) -> Iterator[list[Candidate]]:
    """Yield the keys of several columns that are called the same in both tables."""
    for count in (2, 3):
        for parent, keys in _keys(tables, count):
            columns = {plain_name(column.name): column for column in child.schema.columns}
            found = [columns.get(plain_name(key)) for key in keys]
            same = [column for column in found if column is not None]
            if parent is child or len(same) < len(keys):
                continue
            fits = [family(c.type) == family(parent.schema.column(k).type) for c, k in zip(same, keys, strict=True)]
            if all(fits) and tuple(column.name for column in same) != child.schema.primary_key:
                yield [Candidate(child, tuple(column.name for column in same), parent, keys, SAME)]


def pair_multiplicity(table: Table, relations: Sequence[TableRelation]) -> list[TableRelation]:
    """Return the relations of a child; those that are its key together are of many to many."""
    own = [relation for relation in relations if relation.child == table.name and relation.holds]
    parts = {column for relation in own for column in relation.child_columns}
    links = [relation for relation in own if set(relation.child_columns) < set(table.schema.primary_key)]
    is_link = len(links) > 1 and set(table.schema.primary_key) <= parts
    return [
        replace(relation, multiplicity=Multiplicity.MANY_TO_MANY) if is_link and relation in links else relation
        for relation in relations
    ]
