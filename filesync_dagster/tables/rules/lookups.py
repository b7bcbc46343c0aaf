"""Lookups: columns whose value follows from one or two others."""

from collections.abc import Iterator, Sequence
from itertools import combinations, permutations

import duckdb
import numpy as np

from filesync_dagster.core.errors import Cancelled
from filesync_dagster.tables.keys.names import is_reference
from filesync_dagster.tables.model import Origin, Role, RuleKind, Table, TableColumn, TableRule
from filesync_dagster.tables.profile.database import one_row, quote
from filesync_dagster.tables.rules.proof import SUPPORT_ROWS, Evidence

MOST_COLUMNS_COUNT = 12
MOST_PAIRED_DISTINCT = 200
_FAMILY_ROWS = 3  # what a value of the known column has in the mean
_PAIR_ROWS = 5
_SAME_SHARE = 0.95  # of one value: a column that hardly varies follows from anything
_SAMPLE_ROWS = 20_000
_KINDS = {Role.CATEGORY, Role.TEXT, Role.PERSON, Role.NUMBER, Role.DERIVED}


def lookup_rules(table: Table, connection: duckdb.DuckDBPyConnection, evidence: Evidence) -> Iterator[TableRule]:
    """Yield which columns follow from one, and which of the others from two: what follows is never drawn anew."""
    rows = table.schema.row_count or 0
    columns = [column for column in table.schema.columns if _is_usable(column, table)][:MOST_COLUMNS_COUNT]
    if rows < SUPPORT_ROWS or len(columns) < 2:  # noqa: PLR2004 - one follows from another
        return
    codes = _codes(table, columns, connection)
    single: set[tuple[str, str]] = set()
    for known, follower in _singles(columns, rows):
        is_new = (follower, known) not in single  # of two that tell each other, the first does
        if is_new and _follows(codes, (known,), follower) and _holds(table, (known,), follower, evidence):
            single.add((known, follower))
            yield _rule(table, (known, follower), rows)
    done: set[frozenset[str]] = set()
    for names, follower in _pairs(columns, rows):
        is_new = frozenset((*names, follower)) not in done and not _is_among(single, (*names, follower))
        if is_new and _follows(codes, names, follower) and _holds(table, names, follower, evidence):
            done.add(frozenset((*names, follower)))
            yield _rule(table, (*names, follower), rows)


def _is_among(single: set[tuple[str, str]], names: Sequence[str]) -> bool:
    """Tell whether one of three columns follows from another one alone."""
    return any(pair in single for pair in permutations(names, 2))


def _singles(columns: Sequence[TableColumn], rows: int) -> Iterator[tuple[str, str]]:
    """Yield which column may follow from which: from one whose values repeat, and are at least as many."""
    for known, follower in permutations(columns, 2):
        is_repeated = known.stats["distinct"] * _FAMILY_ROWS <= rows
        if is_repeated and known.stats["distinct"] >= follower.stats["distinct"]:
            yield known.name, follower.name


def _pairs(columns: Sequence[TableColumn], rows: int) -> Iterator[tuple[tuple[str, str], str]]:
    """Yield which column may follow from which two."""
    few = [column for column in columns if column.stats["distinct"] <= MOST_PAIRED_DISTINCT]
    for one, other in combinations(few, 2):
        if one.stats["distinct"] * other.stats["distinct"] * _PAIR_ROWS <= rows:
            for follower in columns:
                if follower is not one and follower is not other:
                    yield (one.name, other.name), follower.name


def _is_usable(column: TableColumn, table: Table) -> bool:
    """Tell whether a column may be part of a lookup: keys are made anew, what names rows follows them."""
    stats = column.stats
    is_named = is_reference(column.name) or column.name in table.schema.primary_key
    if column.role not in _KINDS or is_named or stats["distinct"] < 2 or not stats["count"]:  # noqa: PLR2004
        return False
    most = stats["top"][0]["count"] if stats.get("top") else 1
    return most <= _SAME_SHARE * stats["count"] and (column.name,) not in table.schema.unique_keys


def _codes(
    table: Table, columns: Sequence[TableColumn], connection: duckdb.DuckDBPyConnection
) -> dict[str, np.ndarray]:
    """Return some rows with a number for each value; NULL is a value."""
    names = ", ".join(f"hash({quote(column.name)}) AS {quote(column.name)}" for column in columns)
    query = f"SELECT {names} FROM {quote(table.name)} USING SAMPLE reservoir({_SAMPLE_ROWS} ROWS) REPEATABLE (1)"
    found = connection.execute(query).fetchnumpy()
    return {name: np.unique(values, return_inverse=True)[1].astype(np.int64) for name, values in found.items()}


def _follows(codes: dict[str, np.ndarray], known: tuple[str, ...], follower: str) -> bool:
    """Tell whether one column follows from others in some rows."""
    group = codes[known[0]]
    for name in known[1:]:
        group = group * (int(codes[name].max(initial=0)) + 1) + codes[name]
    whole = group * (int(codes[follower].max(initial=0)) + 1) + codes[follower]
    return len(np.unique(whole)) == len(np.unique(group))


def _holds(table: Table, known: tuple[str, ...], follower: str, evidence: Evidence) -> bool:
    """Tell whether one column follows from others in all rows."""
    if evidence.cancel():
        raise Cancelled("The search for rules was cancelled.", code="cancelled")
    names = ", ".join(quote(name) for name in known)
    counts = [
        f"(SELECT count(*) FROM (SELECT DISTINCT {each} FROM {quote(table.name)}))"
        for each in (names, f"{names}, {quote(follower)}")
    ]
    groups, whole = one_row(evidence.connection, f"SELECT {', '.join(counts)}")
    return bool(groups == whole)


def _rule(table: Table, columns: tuple[str, ...], rows: int) -> TableRule:
    return TableRule(RuleKind.LOOKUP, table.name, columns, origin=Origin.DETECTED, support=rows, share=1.0)
