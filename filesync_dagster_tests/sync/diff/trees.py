"""Small literal snapshots, and random ones whose paths follow from their parents."""

from collections.abc import Iterable, Mapping
from typing import Any

import duckdb
import pyarrow as pa
from hypothesis import strategies as st

from filesync_dagster.core.schemas import ENTRY_FIELDS, FILE_SCHEMA, build_batch

Row = dict[str, Any]
Tree = Mapping[str, Row]


def row(external_id: str, **columns: Any) -> Row:
    """One entry; what is not given is that of a plain live file at the top."""
    name = columns.get("name", external_id)
    plain = {"scope": "", "name": name, "path": columns.get("path", name), "kind": "file", "size": 1, "trashed": False}
    return {"external_id": external_id, **plain, **columns}


def table(rows: Iterable[Row], **hashes: list[int]) -> pa.Table:
    """Rows as a snapshot; `hashes` (id_hash=, fingerprint=) force collisions."""
    listed = list(rows)
    batch = build_batch({f.name: pa.array([r.get(f.name) for r in listed], f.type) for f in ENTRY_FIELDS}, len(listed))
    whole = pa.Table.from_batches([batch])
    for column, values in hashes.items():
        whole = whole.set_column(
            FILE_SCHEMA.get_field_index(column), FILE_SCHEMA.field(column), pa.array(values, pa.uint64())
        )
    return whole


def load(con: duckdb.DuckDBPyConnection, name: str, contents: pa.Table) -> None:
    """Make `contents` the table `name`."""
    con.register("loading", contents)
    con.execute(f"CREATE OR REPLACE TABLE {name} AS FROM loading")
    con.unregister("loading")


def content(con: duckdb.DuckDBPyConnection, name: str) -> list[tuple[Any, ...]]:
    """Every row of a snapshot, in one order, column for column."""
    columns = ", ".join(FILE_SCHEMA.names)
    return con.execute(f"SELECT {columns} FROM {name} ORDER BY external_id").fetchall()


def with_paths(tree: Tree) -> list[Row]:
    """The rows of a tree with the paths that follow from their parents."""

    def path(entry: Row) -> str:
        parent = tree.get(entry["parent_id"]) if entry["parent_id"] else None
        return f"{path(parent)}/{entry['name']}" if parent else str(entry["name"])

    return [{**entry, "path": path(entry)} for entry in tree.values()]


IDS = [f"id{n}" for n in range(12)]


@st.composite
def trees(draw: st.DrawFn) -> Tree:
    """A tree: folders below folders, files anywhere, some in the trash. Few values, so that they meet again."""
    order = draw(st.permutations(IDS))[: draw(st.integers(0, len(IDS)))]
    tree: dict[str, Row] = {}
    folders: list[str] = []
    for external_id in order:
        # A parent stands before its children in `order`, and orders differ: chains turn around without cycles.
        kind = draw(st.sampled_from(["folder", "folder", "file", "shortcut"]))
        tree[external_id] = row(
            external_id,
            parent_id=draw(st.sampled_from([None, *folders])),
            name=draw(st.sampled_from(["a", "b", "c/d", "é"])),
            kind=kind,
            size=None if kind == "folder" else draw(st.sampled_from([None, 0, 1, 2])),
            content_hash=draw(st.sampled_from([None, "md5:1", "md5:2"])),
            owner=draw(st.sampled_from([None, "ann", "bob"])),
            trashed=draw(st.sampled_from([False, False, False, True])),
        )
        if kind == "folder":
            folders.append(external_id)
    return tree
