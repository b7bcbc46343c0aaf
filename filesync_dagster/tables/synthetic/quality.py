"""The quality report: how much synthetic data are like the real ones, beside what chance gives and what is naive.

The headline is the worst group, not a mean: a mean hides relations that are broken.
"""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from filesync_dagster.core.errors import TableError
from filesync_dagster.tables.model import DataSet, TableRelation
from filesync_dagster.tables.synthetic.measures.columns import MeasuredColumn, measured_names
from filesync_dagster.tables.synthetic.measures.linked_tables import (
    LinkedTables,
    MeasuredRelation,
    ReportSeed,
)
from filesync_dagster.tables.synthetic.measures.relation_quality import RelationQuality, relation_quality
from filesync_dagster.tables.synthetic.measures.rows import require_columns
from filesync_dagster.tables.synthetic.measures.rule_shares import RuleShare, rule_shares
from filesync_dagster.tables.synthetic.measures.scores import Score, digits
from filesync_dagster.tables.synthetic.measures.table_quality import TableQuality, table_quality
from filesync_dagster.tables.synthetic.measures.usefulness import Usefulness, usefulness
from filesync_dagster.tables.synthetic.options import ProgressReport, Watch

REPORT_VERSION = 1

GROUP_TITLES = {
    "shapes": "columns on their own",
    "pairs": "pairs of columns",
    "detection": "rows told apart",
    "children_per_parent": "children per parent",
    "children_by_group": "children by what the parent is",
    "parent_to_child": "parent and child together",
    "family": "siblings alike",
    "relational_detection": "families told apart",
    "rules": "rules",
}
"""The groups that may be the headline, and what people call them."""


@dataclass(frozen=True)
class GroupScore:
    """The score of a measure in one table or relation, or the worst of them; `mean` is over all that are judged."""

    name: str
    place: str
    score: Score
    judged: bool  # False: too few rows to say anything
    mean: float | None = None

    def as_json(self) -> dict[str, Any]:
        """Return the group as JSON values."""
        described = {"name": self.name, "title": GROUP_TITLES[self.name], "place": self.place, "judged": self.judged}
        return {**described, **self.score.as_json(), "mean": digits(self.mean)}


@dataclass(frozen=True)
class QualityReport:
    """What was measured of a data set."""

    tables: tuple[TableQuality, ...]
    relations: tuple[RelationQuality, ...]
    rules: tuple[RuleShare, ...]
    seed: int
    notes: tuple[str, ...] = ()
    usefulness: Usefulness | None = None

    @property
    def groups(self) -> tuple[GroupScore, ...]:
        """The worst place of each measure, in the order of their titles."""
        return tuple(worst for name in GROUP_TITLES if (worst := _worst(self._places(), name)) is not None)

    @property
    def headline(self) -> GroupScore | None:
        """The worst group among those with rows enough; None where nothing can be compared."""
        groups = [group for group in self.groups if group.judged] or self.groups
        return min(groups, key=lambda group: group.score.value, default=None)

    @property
    def naive_headline(self) -> float | None:
        """The headline that the naive sampler would have."""
        return self._lowest(lambda score: score.floor)

    @property
    def ceiling_headline(self) -> float | None:
        """The headline that an equally large sample of reality would have."""
        return self._lowest(lambda score: score.ceiling)

    def _lowest(self, side: Callable[[Score], float | None]) -> float | None:
        places = [place for place in self._places() if place.judged] or self._places()
        return min((value for place in places if (value := side(place.score)) is not None), default=None)

    def _places(self) -> list[GroupScore]:
        measurements: list[tuple[str, TableQuality | RelationQuality]] = [
            *((table.name, table) for table in self.tables),
            *((relation.measured.label, relation) for relation in self.relations),
        ]
        found = [
            GroupScore(name, place, score, measured.judged)
            for place, measured in measurements
            for name, score in measured.groups().items()
            if score is not None
        ]
        for rule in self.rules:
            score = Score(rule.synthetic, rule.real, rule.floor)
            found.append(GroupScore("rules", f"{rule.rule.table}: {rule.label}", score, judged=True))
        return found

    def as_json(self) -> dict[str, Any]:
        """Return the report as JSON values, whose shape docs/quality-and-privacy.md describes."""
        headline = self.headline
        ends = {
            "ceiling_headline": digits(self.ceiling_headline),
            "naive_headline": digits(self.naive_headline),
        }
        return {
            "version": REPORT_VERSION,
            "headline": headline and {**headline.as_json(), **ends},
            "groups": [group.as_json() for group in self.groups],
            "tables": [table.as_json() for table in self.tables],
            "relations": [relation.as_json() for relation in self.relations],
            "rules": [rule.as_json() for rule in self.rules],
            "usefulness": self.usefulness and self.usefulness.as_json(),
            "notes": list(self.notes),
            "seed": self.seed,
        }


def _worst(places: Sequence[GroupScore], name: str) -> GroupScore | None:
    own = [place for place in places if place.name == name]
    own = [place for place in own if place.judged] or own
    if not own:
        return None
    worst = min(own, key=lambda place: (place.score.value, place.place))
    return replace(worst, mean=sum(place.score.value for place in own) / len(own))


def quality_report(
    real: DataSet,
    synthetic: DataSet,
    *,
    seed: int = 0,
    target: tuple[str, str] | None = None,
    progress: ProgressReport | None = None,
    cancel: Callable[[], bool] | None = None,
) -> QualityReport:
    """Return how much a synthetic data set is like the real one that its model was fitted on.

    Relations and rules are those of `real`. `target`: a table and its column that usefulness is measured for. Tables
    of more than 100,000 rows are sampled, and a note says so; numbers of children and rules are always counted in
    full. The same seed gives the same report. Raises TableError: `not_comparable`, `unreadable`, `bad_rule`; Cancelled.
    """
    watch = Watch(progress, cancel)
    relations = [relation for relation in real.relations if relation.holds]
    sides = _follow(real, synthetic, relations, watch)
    chance = ReportSeed(seed)
    names = {table.name: measured_names(real, table.schema) for table in real.tables}
    tables = []
    for done, table in enumerate(real.tables):
        watch.step("checking", table.name, done, len(real.tables) + len(relations))
        tables.append(table_quality(table.schema, names[table.name], *sides, chance))
    columns = {table.name: [column for column in table.columns if not column.is_text] for table in tables}
    lists = {table.name for table in tables if not table.judged}
    found = []
    for number, relation in enumerate(relations):
        watch.step("checking", relation.child, len(tables) + number, len(tables) + len(relations))
        found.append(relation_quality(_measured(number, relations, columns, lists), *sides, chance))
    rules = rule_shares(real, synthetic, chance.generator("rules"))
    useful = None if target is None else usefulness(target, *sides, columns, chance)
    watch.step("checking", "", len(tables) + len(relations), len(tables) + len(relations))
    return QualityReport(tuple(tables), tuple(found), tuple(rules), seed, tuple(_notes(tables, found)), useful)


def _follow(
    real: DataSet, synthetic: DataSet, relations: Sequence[TableRelation], watch: Watch
) -> tuple[LinkedTables, LinkedTables]:
    """Return both sides with their relations followed, once it is sure that they can be compared."""
    others = {table.name: table for table in synthetic.tables}
    for table in real.tables:
        if table.name not in others:
            raise TableError(
                f"There is no synthetic table {table.name}.",
                hint="Compare data sets that have the same tables.",
                code="not_comparable",
                field=table.name,
            )
        require_columns(others[table.name], table.schema.names)
    watch.step("checking")
    ours = LinkedTables.load(real, relations)
    watch.step("checking")
    return ours, LinkedTables.load(DataSet(tuple(others[table.name] for table in real.tables)), relations)


def _measured(
    number: int,
    relations: Sequence[TableRelation],
    columns: Mapping[str, Sequence[MeasuredColumn]],
    lists: Collection[str],
) -> MeasuredRelation:
    """Return a relation with its columns, and with those of its parent's parents.

    Not of a table that is its own parent, and not of `lists`, whose few rows chance alone would change altogether.
    """
    relation = relations[number]
    above = {
        upper: columns[other.parent]
        for upper, other in enumerate(relations)
        if other.child == relation.parent != relation.child and other.parent not in {other.child, *lists}
    }
    return MeasuredRelation(
        number, relation, columns[relation.child], columns[relation.parent], above, tuple(relations)
    )


def _notes(tables: Sequence[TableQuality], relations: Sequence[RelationQuality]) -> Iterator[str]:
    """Yield what a reader has to know of how it was measured."""
    for table in tables:
        if table.sampled < table.rows:
            yield f"{table.name}: columns were compared in a sample of {_of(table.sampled, table.rows)}."
        if not table.judged:
            yield f"{table.name}: too few rows ({min(table.rows):,}) to be part of the headline."
    for relation in relations:
        label = relation.measured.label
        if relation.sampled < relation.rows:
            yield f"{label}: families were compared in a sample of {_of(relation.sampled, relation.rows)}."
        if not relation.judged:
            few = f"{min(relation.families):,} families, {min(relation.rows):,} rows"
            yield f"{label}: too few families or rows ({few}) to be part of the headline."


def _of(sampled: tuple[int, int], rows: tuple[int, int]) -> str:
    return f"{sampled[0]:,} of {rows[0]:,} real and {sampled[1]:,} of {rows[1]:,} synthetic rows"
