"""The layout of a table: how many rows it has, and which row of which parent each of them names."""

import itertools

import numpy as np
from numpy.typing import NDArray

from filesync_dagster.tables.synthetic.values import Ints

DRAW_ROUNDS = 20
SWAP_ROUNDS = 40


def scale_rows(rows: int, factor: float) -> int:
    """Return rows times a factor, and at least one where there was one."""
    return max(round(rows * factor), 1) if rows else 0


def adjust_counts(counts: Ints, total: int, random: np.random.Generator, *, single: bool) -> Ints:
    """Return counts of children that have this sum: some children come, or go, wherever they may."""
    counts = np.maximum(counts, 0)
    if single:
        counts = np.minimum(counts, 1)
        total = min(total, len(counts))
    have = int(counts.sum())
    if have > total:
        gone = random.choice(have, have - total, replace=False)
        return np.asarray(counts - np.bincount(_owner(counts, gone), minlength=len(counts)), dtype=np.int64)
    if have < total and len(counts):
        if single:
            more = random.choice(np.flatnonzero(counts == 0), total - have, replace=False)
        elif have:
            more = _owner(counts, random.integers(have, size=total - have))
        else:
            more = random.integers(len(counts), size=total - have)
        return np.asarray(counts + np.bincount(more, minlength=len(counts)), dtype=np.int64)
    return counts


def _owner(counts: Ints, places: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return whose child stands at each place, all children in a row."""
    return np.searchsorted(np.cumsum(counts), places, side="right")


def lay_out(counts: Ints, parentless: int) -> Ints:
    """Return the parent's row of each row: family after family, then those without a parent (-1)."""
    found = np.repeat(np.arange(len(counts), dtype=np.int64), counts)
    return np.concatenate((found, np.full(parentless, -1, dtype=np.int64)))


def block_bounds(families: Ints | None, rows: int, block_rows: int) -> list[tuple[int, int]]:
    """Return where blocks begin and end: no family with a parent is in two of them."""
    bounds = [0]
    while bounds[-1] < rows:
        end = min(bounds[-1] + block_rows, rows)
        if families is not None and end < rows and families[end] >= 0 and families[end] == families[end - 1]:
            begin = int(np.searchsorted(_ordered(families), families[end], side="left"))
            end = begin if begin > bounds[-1] else int(np.searchsorted(_ordered(families), families[end], side="right"))
        bounds.append(end)
    return list(itertools.pairwise(bounds))


def _ordered(families: Ints) -> Ints:
    """Return the part of families that is in order: those without a parent are at the end."""
    return families[: len(families) - int(np.count_nonzero(families < 0))]


def choose_parents(
    groups: NDArray[np.int32], parent_groups: NDArray[np.int32], weights: Ints, random: np.random.Generator
) -> Ints:
    """Return a parent of its group for each row (-1: NULL), each as often as its weight says, as nearly as can be.

    Where a group has no parent, one of all is taken.
    """
    found = np.full(len(groups), -1, dtype=np.int64)
    here = np.flatnonzero(groups >= 0)
    if not len(here) or not len(parent_groups):
        return found
    weights = np.maximum(weights, 0)
    everyone = _deck(np.arange(len(parent_groups)), weights)
    order = here[np.argsort(groups[here], kind="stable")]
    values, starts, sizes = np.unique(groups[order], return_index=True, return_counts=True)
    by_group = np.argsort(parent_groups, kind="stable")
    known, firsts, counts = np.unique(parent_groups[by_group], return_index=True, return_counts=True)
    place = {int(group): i for i, group in enumerate(known)}
    for group, start, size in zip(values, starts, sizes, strict=True):
        at = place.get(int(group))
        members = by_group[firsts[at] : firsts[at] + counts[at]] if at is not None else np.empty(0, dtype=np.int64)
        deck = _deck(members, weights[members])
        found[order[start : start + size]] = _deal(deck if len(deck) else everyone, int(size), random)
    return found


def _deck(members: Ints, weights: Ints) -> Ints:
    """Return each member as often as it weighs; once, where none weighs anything."""
    return np.repeat(members, weights) if weights.sum() else members


def _deal(deck: Ints, count: int, random: np.random.Generator) -> Ints:
    """Return so many cards: the whole deck as often as it fits, and some of it."""
    rounds, rest = divmod(count, len(deck))
    cards = np.concatenate((np.tile(deck, rounds), random.permutation(deck)[:rest]))
    return random.permutation(cards)


def keep_within(
    chosen: Ints,
    groups: NDArray[np.int32],
    values: NDArray[np.float64],
    bounds: NDArray[np.float64],
    random: np.random.Generator,
) -> Ints:
    """Return choices of parents whose value is at most the bound of the row that chose them, as far as there are such.

    Rows of a group swap their parents, so that each parent has as many as before; a row that finds nobody to swap with
    takes another parent of its group that fits, or of any. `values`: of each parent; `bounds`: of each row.
    """
    chosen = chosen.copy()
    ordered = np.argsort(groups, kind="stable")
    starts = np.searchsorted(groups[ordered], groups, side="left")
    ends = np.searchsorted(groups[ordered], groups, side="right")
    for turn in range(SWAP_ROUNDS):
        wrong = _beyond(chosen, values, bounds)
        if not len(wrong):
            return chosen
        whole = turn >= SWAP_ROUNDS // 2  # at last, with a row of any group
        low, high = (0, len(groups)) if whole else (starts[wrong], ends[wrong])
        partner = ordered[random.integers(low, high, size=len(wrong))]
        fine = (chosen[partner] >= 0) & (partner != wrong)
        fine &= values[np.maximum(chosen[partner], 0)] <= bounds[wrong]
        fine &= values[chosen[wrong]] <= bounds[partner]
        wrong, partner = _once(wrong[fine], partner[fine], len(groups))
        chosen[wrong], chosen[partner] = chosen[partner], chosen[wrong]
    for row in _beyond(chosen, values, bounds):
        own = chosen[ordered[starts[row] : ends[row]]]
        for some in (own[own >= 0], chosen[chosen >= 0]):
            fitting = some[values[some] <= bounds[row]]
            if len(fitting):
                chosen[row] = fitting[random.integers(len(fitting))]
                break
    return chosen


def _beyond(chosen: Ints, values: NDArray[np.float64], bounds: NDArray[np.float64]) -> Ints:
    """Return the rows whose parent's value is beyond their bound."""
    return np.flatnonzero((chosen >= 0) & (values[np.maximum(chosen, 0)] > bounds))


def _once(rows: Ints, partners: Ints, count: int) -> tuple[Ints, Ints]:
    """Return pairs in which each row is once, on whichever side."""
    both = np.concatenate((rows, partners))
    first = np.full(count, len(both))
    np.minimum.at(first, both, np.tile(np.arange(len(rows)), 2))
    mine = (first[rows] == np.arange(len(rows))) & (first[partners] == np.arange(len(rows)))
    return rows[mine], partners[mine]


def make_distinct(first: Ints, chosen: Ints, room: int, random: np.random.Generator) -> tuple[Ints, NDArray[np.bool_]]:
    """Return choices so that no two rows share `first` and their choice, and the rows for which none was left.

    `room`: what is chosen from has so many rows.
    """
    chosen = chosen.copy()
    for turn in range(DRAW_ROUNDS):
        again = _repeats(first, chosen, room)
        if not len(again):
            return chosen, np.zeros(len(chosen), dtype=bool)
        chosen[again] = random.permutation(chosen[again]) if turn % 2 == 0 else random.integers(room, size=len(again))
    gone = np.zeros(len(chosen), dtype=bool)
    again = _repeats(first, chosen, room)
    for family in np.unique(first[again]):
        rows = again[first[again] == family]
        used = chosen[first == family]
        free = random.permutation(np.setdiff1d(np.arange(room), used))
        chosen[rows[: len(free)]] = free[: len(rows)]
        gone[rows[len(free) :]] = True
    return chosen, gone


def _repeats(first: Ints, chosen: Ints, room: int) -> Ints:
    """Return the rows that share both with an earlier one; NULL is shared with nobody."""
    whole = np.flatnonzero(chosen >= 0)
    _, once = np.unique(first[whole] * (room + 1) + chosen[whole], return_index=True)
    kept = np.zeros(len(whole), dtype=bool)
    kept[once] = True
    return whole[~kept]


def count_within(groups: Ints) -> Ints:
    """Return 0, 1, 2, … for the rows of each group, in their order."""
    order = np.argsort(groups, kind="stable")
    ordered = groups[order]
    new = np.concatenate(([True], ordered[1:] != ordered[:-1])) if len(ordered) else np.zeros(0, dtype=bool)
    starts = np.maximum.accumulate(np.where(new, np.arange(len(ordered)), 0))
    found = np.empty(len(groups), dtype=np.int64)
    found[order] = np.arange(len(ordered)) - starts
    return found
