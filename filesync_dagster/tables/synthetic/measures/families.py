"""Families: a sample of parents with all of their children, and how chance alone would change it."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from filesync_dagster.tables.model import DataSet
from filesync_dagster.tables.synthetic.measures.columns import Floats, Indices

SAMPLE_ROWS = 100_000
_FAMILY_SHARE = 0.2  # of a sample at most, that one family may take

Columns = Mapping[str, Floats]


@dataclass(frozen=True)
class Families:
    """Rows that belong to families: `link` has the family of each row, `parents` a row for each family.

    A table without a parent has families of one row, of which `parents` says nothing.
    """

    children: Columns
    link: Indices
    parents: Columns
    above: Columns  # of the parents' parents, by "table.column"; a row for each family, too
    sizes: Indices  # of each family, as large as it really is: a sample may have less of it

    @property
    def row_count(self) -> int:
        """How many children there are."""
        return len(self.link)

    @property
    def family_count(self) -> int:
        """How many families there are."""
        return len(self.sizes)

    def take(self, families: Indices) -> "Families":
        """Return some families with their children; one that is named twice is there twice."""
        order = np.argsort(self.link, kind="stable")
        starts = np.searchsorted(self.link[order], np.arange(self.family_count + 1))
        lengths = np.diff(starts)[families]
        begins = np.repeat(starts[:-1][families] - np.cumsum(lengths) + lengths, lengths)
        rows = order[begins + np.arange(len(begins))]
        return Families(
            {name: values[rows] for name, values in self.children.items()},
            np.repeat(np.arange(len(families)), lengths),
            {name: values[families] for name, values in self.parents.items()},
            {name: values[families] for name, values in self.above.items()},
            self.sizes[families],
        )

    def halves(self, rng: np.random.Generator) -> tuple["Families", "Families"]:
        """Return both halves of the families: two samples of the same reality that have nothing in common."""
        order = rng.permutation(self.family_count)
        middle = len(order) // 2
        return self.take(np.sort(order[:middle])), self.take(np.sort(order[middle:]))

    def bootstrap(self, rng: np.random.Generator, families: int) -> "Families":
        """Return that many families, drawn with replacement: what an equally large sample of reality looks like."""
        return self.take(rng.integers(0, self.family_count, families)) if self.family_count else self


@dataclass(frozen=True)
class Census:
    """Parents, with and without children, and how many each has."""

    columns: Columns
    sizes: Indices

    def bootstrap(self, rng: np.random.Generator, parents: int) -> "Census":
        """Return that many parents, drawn with replacement."""
        rows = rng.integers(0, len(self.sizes), parents) if len(self.sizes) else np.zeros(0, dtype=np.int64)
        return Census({name: values[rows] for name, values in self.columns.items()}, self.sizes[rows])


def sample_rows(count: int, rng: np.random.Generator, limit: int = SAMPLE_ROWS) -> Indices:
    """Return the numbers of at most `limit` of so many rows, ascending."""
    if count <= limit:
        return np.arange(count)
    return np.sort(rng.choice(count, limit, replace=False, shuffle=False))


def sample_families(link: Indices, parents: int, rng: np.random.Generator, limit: int = SAMPLE_ROWS) -> Indices:
    """Return numbers of rows, ascending: those of families drawn by chance, until there are `limit` rows.

    One family gives a fifth of them at most. Rows without a parent are left out.
    """
    sizes = np.bincount(link[link >= 0], minlength=parents)
    order = rng.permutation(np.flatnonzero(sizes))
    most = max(1, int(limit * _FAMILY_SHARE))
    enough = int(np.searchsorted(np.cumsum(np.minimum(sizes[order], most)), limit, side="right"))
    drawn = np.zeros(parents + 1, dtype=bool)
    drawn[order[: max(enough, 1)]] = True
    rows = np.flatnonzero(drawn[link])  # -1 is the last one, which nobody drew
    for family in np.flatnonzero(drawn[:-1] & (sizes > most)):
        own = rows[link[rows] == family]
        rows = np.setdiff1d(rows, rng.choice(own, len(own) - most, replace=False), assume_unique=True)
    return rows


def finest_relation(data_set: DataSet, table: str, links: Mapping[int, Indices]) -> int | None:
    """Return which relation divides a table into most families; `links` are those of its relations, by number."""
    counts = {
        number: len(np.unique(link))
        for number, link in links.items()
        if data_set.relations[number].child == table and (link >= 0).any()
    }
    return max(counts, key=lambda number: (counts[number], -number)) if counts else None
