"""How good one relation is: numbers of children, what rows have of their parents, and of their siblings."""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np

from filesync_dagster.tables.synthetic.measures.column_scores import (
    Pair,
    auc_score,
    choose_pairs,
    detection_of,
    pair_scores,
)
from filesync_dagster.tables.synthetic.measures.columns import Indices
from filesync_dagster.tables.synthetic.measures.detection import relational_auc
from filesync_dagster.tables.synthetic.measures.families import Census, Columns, Families
from filesync_dagster.tables.synthetic.measures.grouped_sizes import GroupedSizes, grouped_sizes
from filesync_dagster.tables.synthetic.measures.linked_tables import LinkedTables, MeasuredRelation, ReportSeed
from filesync_dagster.tables.synthetic.measures.metrics import family_score, family_share, sizes_score
from filesync_dagster.tables.synthetic.measures.plots import Plot, sizes_plot
from filesync_dagster.tables.synthetic.measures.scores import Score, Sides, digits, mean_score
from filesync_dagster.tables.synthetic.measures.table_quality import JUDGED_ROWS, heat_map, worst_pairs
from filesync_dagster.tables.synthetic.naive import naive_census, naive_families

JUDGED_FAMILIES_COUNT = 50


@dataclass(frozen=True)
class RelationQuality:
    """What was measured of a relation."""

    measured: MeasuredRelation
    rows: tuple[int, int]  # children that have a parent: real, synthetic
    parents: tuple[int, int]
    families: tuple[int, int]  # parents that have children
    sampled: tuple[int, int]  # children
    sizes: Score
    sizes_plot: Plot
    by_group: tuple[GroupedSizes, ...]
    pairs: Mapping[Pair, Score]  # a column of the child, and one of its parent or of the parent's parent
    family: Mapping[str, Score]
    family_shares: Mapping[str, tuple[float | None, float | None]]
    auc: Score | None

    @property
    def judged(self) -> bool:
        """Whether there are families enough on both sides for the headline."""
        return min(self.rows) >= JUDGED_ROWS and min(self.families) >= JUDGED_FAMILIES_COUNT

    def groups(self) -> dict[str, Score | None]:
        """Return the scores that may become the headline."""
        return {
            "children_per_parent": self.sizes,
            "children_by_group": mean_score({grouped.column.name: grouped.score for grouped in self.by_group}),
            "parent_to_child": mean_score(self.pairs),
            "family": mean_score(self.family),
            "relational_detection": detection_of(self.auc),
        }

    def as_json(self) -> dict[str, Any]:
        """Return the relation as JSON values."""
        relation, own = self.measured.relation, [column.name for column in self.measured.columns]
        others = list(dict.fromkeys(pair[1] for pair in self.pairs))
        return {
            "label": self.measured.label,
            "child": relation.child,
            "child_columns": list(relation.child_columns),
            "parent": relation.parent,
            "parent_columns": list(relation.parent_columns),
            "rows": {"real": self.rows[0], "synthetic": self.rows[1]},
            "parents": {"real": self.parents[0], "synthetic": self.parents[1]},
            "families": {"real": self.families[0], "synthetic": self.families[1]},
            "sampled_rows": {"real": self.sampled[0], "synthetic": self.sampled[1]},
            "judged": self.judged,
            "scores": {name: score and score.as_json() for name, score in self.groups().items()},
            "auc": self.auc and self.auc.as_json(),
            "children_per_parent": self.sizes_plot,
            "children_by_group": [grouped.as_json() for grouped in self.by_group],
            "worst_pairs": worst_pairs(self.pairs),
            "heat_map": heat_map(self.pairs, own, others),
            "family": [self._family(name, score) for name, score in self.family.items()],
        }

    def _family(self, name: str, score: Score) -> dict[str, Any]:
        real, synthetic = self.family_shares[name]
        return {"column": name, **score.as_json(), "real": digits(real), "synthetic": digits(synthetic)}


def relation_quality(
    measured: MeasuredRelation, real: LinkedTables, synthetic: LinkedTables, seed: ReportSeed
) -> RelationQuality:
    """Return what is to be said of a relation. Raises TableError."""
    rng = seed.generator("chance", measured.number)
    sides = _families(measured, real, synthetic, seed)
    sizes = real.sizes(measured.number), synthetic.sizes(measured.number)
    shares = [_family_shares(measured, side) for side in (sides.real, sides.synthetic)]
    return RelationQuality(
        measured,
        (int(sizes[0].sum()), int(sizes[1].sum())),
        (len(sizes[0]), len(sizes[1])),
        (int((sizes[0] > 0).sum()), int((sizes[1] > 0).sum())),
        (sides.real.row_count, sides.synthetic.row_count),
        _sizes_score(*sizes, rng),
        sizes_plot(*sizes),
        tuple(grouped_sizes(_census(measured, real, synthetic, seed), measured.parents)),
        _pair_scores(measured, sides, rng),
        sides.score(lambda a, b: _family_scores(measured, a, b)),
        {name: (shares[0][name], shares[1][name]) for name in shares[0]},
        auc_score(sides, rng, lambda a, b: relational_auc(a, b, measured.columns, measured.parents)),
    )


def _families(
    measured: MeasuredRelation, real: LinkedTables, synthetic: LinkedTables, seed: ReportSeed
) -> Sides[Families]:
    ours, theirs = (side.families(measured, seed) for side in (real, synthetic))
    rng = seed.generator("chance of families", measured.number)
    return Sides(ours, theirs, ours.bootstrap(rng, theirs.family_count), naive_families(ours, rng))


def _census(measured: MeasuredRelation, real: LinkedTables, synthetic: LinkedTables, seed: ReportSeed) -> Sides[Census]:
    ours, theirs = (side.census(measured, seed) for side in (real, synthetic))
    rng = seed.generator("chance of parents", measured.number)
    return Sides(ours, theirs, ours.bootstrap(rng, len(theirs.sizes)), naive_census(ours, rng))


def _sizes_score(real: Indices, synthetic: Indices, rng: np.random.Generator) -> Score:
    by_chance = rng.choice(real, len(synthetic)) if len(real) else real
    return Score(sizes_score(real, synthetic), sizes_score(real, by_chance), sizes_score(real, real))


def _pair_scores(measured: MeasuredRelation, sides: Sides[Families], rng: np.random.Generator) -> dict[Pair, Score]:
    """Return the scores of columns of the children together with those above them, in the rows of the children."""
    own = {column.name for column in measured.columns}
    above = {column.name: column for column in measured.labelled_above() if column.name not in own}
    pairs = choose_pairs(list(product(sorted(own), above)), rng)
    columns = [*measured.columns, *above.values()]

    def join(side: Families) -> Columns:
        of_parents = {f"{measured.relation.parent}.{name}": values for name, values in side.parents.items()}
        upper = {name: values[side.link] for name, values in (of_parents | dict(side.above)).items()}
        return upper | dict(side.children)

    rows = Sides(join(sides.real), join(sides.synthetic), join(sides.ceiling), join(sides.floor))
    return rows.score(lambda a, b: pair_scores(columns, pairs, a, b))


def _family_shares(measured: MeasuredRelation, side: Families) -> dict[str, float | None]:
    """Return how much more alike siblings are than rows of different families, column by column."""
    return {
        column.name: family_share(side.children[column.name], side.link, is_category=column.is_category)
        for column in measured.columns
    }


def _family_scores(measured: MeasuredRelation, real: Families, other: Families) -> dict[str, float | None]:
    ours, theirs = _family_shares(measured, real), _family_shares(measured, other)
    return {name: family_score(share, theirs[name]) for name, share in ours.items()}
