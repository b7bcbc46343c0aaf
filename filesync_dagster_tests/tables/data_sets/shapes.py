"""Small data sets, one for each shape of a relation, and keys of every type."""

import uuid
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa

from filesync_dagster.tables.model import DataSet, Multiplicity, TableRelation
from filesync_dagster_tests.tables.data_sets.files import relation, write_data_set

PARENTS, CHILDREN = 300, 2_000


def composite(folder: Path) -> DataSet:
    """Return order lines that name their order by year and number."""
    rng = np.random.default_rng(1)
    year = np.repeat([2023, 2024, 2025], 100)
    number = np.tile(np.arange(1, 101), 3)
    index = np.sort(rng.integers(0, 300, CHILDREN))
    line = np.arange(CHILDREN) - np.searchsorted(index, index) + 1
    tables = {
        "orders": pa.table({"year": year, "number": number, "amount": np.round(rng.lognormal(4, 1, 300), 2)}),
        "lines": pa.table(
            {"year": year[index], "number": number[index], "line": line, "pieces": rng.integers(1, 9, CHILDREN)}
        ),
    }
    keys = {"orders": ("year", "number"), "lines": ("year", "number", "line")}
    return write_data_set(
        folder, tables, keys, (TableRelation("lines", ("year", "number"), "orders", ("year", "number")),)
    )


def one_to_one(folder: Path) -> DataSet:
    """Return accounts of which some have a profile, and none has two."""
    rng = np.random.default_rng(2)
    owner = np.sort(rng.choice(PARENTS, 200, replace=False)) + 1
    level = rng.choice(["free", "plus"], PARENTS)
    tables = {
        "accounts": pa.table({"account_id": np.arange(1, PARENTS + 1), "level": level}),
        "profiles": pa.table({"profile_id": np.arange(1, 201), "account_id": owner, "posts": rng.poisson(9, 200)}),
    }
    keys = {"accounts": ("account_id",), "profiles": ("profile_id",)}
    to_one = relation("profiles", "account_id", "accounts", "account_id", multiplicity=Multiplicity.ONE_TO_ONE)
    return write_data_set(folder, tables, keys, (to_one,))


def many_to_many(folder: Path) -> DataSet:
    """Return students, courses, and who attends which: no pair twice."""
    rng = np.random.default_rng(3)
    pairs = np.sort(rng.choice(PARENTS * 20, CHILDREN, replace=False))
    tables = {
        "students": pa.table({"student_id": np.arange(1, PARENTS + 1), "year": rng.integers(1, 5, PARENTS)}),
        "courses": pa.table({"course_id": np.arange(1, 21), "hours": rng.choice([2, 4], 20)}),
        "attendance": pa.table(
            {"student_id": pairs // 20 + 1, "course_id": pairs % 20 + 1, "grade": rng.integers(1, 6, CHILDREN)}
        ),
    }
    keys = {"students": ("student_id",), "courses": ("course_id",), "attendance": ("student_id", "course_id")}
    relations = (
        relation("attendance", "student_id", "students", "student_id", multiplicity=Multiplicity.MANY_TO_MANY),
        relation("attendance", "course_id", "courses", "course_id", multiplicity=Multiplicity.MANY_TO_MANY),
    )
    return write_data_set(folder, tables, keys, relations)


def two_to_one_parent(folder: Path) -> DataSet:
    """Return flights that name an airport twice: where they begin, and where they end."""
    rng = np.random.default_rng(4)
    code = np.array([f"{chr(65 + i // 26)}{chr(65 + i % 26)}X" for i in range(40)])
    size = np.arange(40, 0, -1) / np.arange(40, 0, -1).sum()
    begin = rng.choice(40, CHILDREN, p=size)
    end = (begin + 1 + rng.choice(39, CHILDREN, p=size[:39] / size[:39].sum())) % 40
    tables = {
        "airports": pa.table({"code": code, "runways": rng.integers(1, 5, 40)}),
        "flights": pa.table(
            {
                "flight_id": np.arange(1, CHILDREN + 1),
                "origin": code[begin],
                "dest": code[end],
                "minutes": 30 + 10 * np.abs(begin - end) + rng.integers(0, 20, CHILDREN),
            }
        ),
    }
    relations = (relation("flights", "origin", "airports", "code"), relation("flights", "dest", "airports", "code"))
    return write_data_set(folder, tables, {"airports": ("code",), "flights": ("flight_id",)}, relations)


def self_reference(folder: Path) -> DataSet:
    """Return folders in folders: the first three are in none, nothing is in itself."""
    rng = np.random.default_rng(5)
    above = [None, None, None, *(int(rng.integers(max(0, i - 60), i)) + 1 for i in range(3, PARENTS))]
    table = pa.table(
        {
            "folder_id": pa.array(range(1, PARENTS + 1)),
            "parent_id": pa.array(above, pa.int64()),
            "files": pa.array(rng.poisson(8, PARENTS)),
        }
    )
    inside = relation("folders", "parent_id", "folders", "folder_id")
    return write_data_set(folder, {"folders": table}, {"folders": ("folder_id",)}, (inside,))


def nullable_cycle(folder: Path) -> DataSet:
    """Return teams with a captain who is a player, and players who are in a team: a team may have no captain yet."""
    return teams(folder, is_nullable=True)


def required_cycle(folder: Path) -> DataSet:
    """Return teams that must have a captain, and players who must be in a team: nobody can be the first."""
    return teams(folder, is_nullable=False)


def teams(folder: Path, *, is_nullable: bool) -> DataSet:
    """Return teams and players, who refer to each other."""
    rng = np.random.default_rng(6)
    team = np.concatenate([np.arange(30), rng.integers(0, 30, PARENTS - 30)])
    captain = [None if is_nullable and i % 5 == 0 else i + 1 for i in range(30)]  # the first player of each
    team_fields = [
        pa.field("team_id", pa.int64(), nullable=False),
        pa.field("captain_id", pa.int64(), nullable=is_nullable),
        pa.field("city", pa.string()),
    ]
    player_fields = [
        pa.field("player_id", pa.int64(), nullable=False),
        pa.field("team_id", pa.int64(), nullable=False),
        pa.field("goals", pa.int64()),
    ]
    city = [("Ulm", "Graz", "Brno")[i % 3] for i in range(30)]
    number = list(range(1, PARENTS + 1))
    goals = rng.poisson(3, PARENTS)
    tables = {
        "teams": pa.table([list(range(1, 31)), captain, city], schema=pa.schema(team_fields)),
        "players": pa.table([number, pa.array(team + 1), pa.array(goals)], schema=pa.schema(player_fields)),
    }
    relations = (
        relation("players", "team_id", "teams", "team_id"),
        relation("teams", "captain_id", "players", "player_id"),
    )
    return write_data_set(folder, tables, {"teams": ("team_id",), "players": ("player_id",)}, relations)


SHAPES: dict[str, Callable[[Path], DataSet]] = {
    "composite": composite,
    "one_to_one": one_to_one,
    "many_to_many": many_to_many,
    "two_to_one_parent": two_to_one_parent,
    "self_reference": self_reference,
    "nullable_cycle": nullable_cycle,
}
"""What every engine must be able to make; of `required_cycle` it must say that it cannot."""


def key_values(count: int = PARENTS) -> dict[str, pa.Array]:
    """Return unique values of each type of key, in an order that says nothing."""
    rng = np.random.default_rng(8)
    order = rng.permutation(count)
    days = [date(2015, 1, 1) + timedelta(days=int(i)) for i in order]
    return {
        "int32": pa.array(order + 1, pa.int32()),
        "bigint": pa.array([2**63 - 1 - int(i) for i in order], pa.int64()),
        "uuid": pa.array([str(uuid.UUID(bytes=rng.bytes(16), version=4)) for _ in range(count)]),
        "masked": pa.array([f"EMP-{i + 1:05d}" for i in order]),
        "padded": pa.array([f"{f'K{i}':5}" for i in order]),
        "date": pa.array(days, pa.date32()),
        "decimal": pa.array([int(i) + 10**20 for i in order], pa.decimal128(21, 0)),
    }


def keys_of(kind: str, folder: Path) -> DataSet:
    """Return items and parts whose key has a type: "int32", "bigint", "uuid", "masked", "padded", "date", "decimal"."""
    rng = np.random.default_rng(9)
    key = key_values()[kind]
    tables = {
        "items": pa.table({"item_id": key, "weight": np.round(rng.gamma(2, 3, PARENTS), 1)}),
        "parts": pa.table(
            {
                "part_id": np.arange(1, CHILDREN + 1),
                "item_id": key.take(pa.array(rng.integers(0, PARENTS, CHILDREN))),
                "price": np.round(rng.lognormal(2, 1, CHILDREN), 2),
            }
        ),
    }
    relations = (relation("parts", "item_id", "items", "item_id"),)
    return write_data_set(folder, tables, {"items": ("item_id",), "parts": ("part_id",)}, relations)


KEY_KINDS = tuple(key_values(1))
