"""A diff of two snapshots with 3 % changed, against DuckDB scanning every column of both files, and pandas."""

import json
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import duckdb

from filesync_dagster.core.schemas import FILE_SCHEMA
from filesync_dagster.storage.snapshots import SnapshotStore, connect, parquet
from filesync_dagster.sync.diff import compare

MEMORY = "1GB"
THREADS = 2
PANDAS_ROWS = 1_000_000
REPEATS = 5

# Drawings in folders of 2,000, as an S3 listing has them. Changes are scattered evenly, which is the worst case:
# every page of every column holds some.
ENTRIES = """
    SELECT
        path AS external_id, '' AS scope, NULL::VARCHAR AS parent_id, name, path, 'file' AS kind,
        (hash(i + edit) % 10_000_000)::BIGINT AS size, 'image/vnd.dwg' AS mime_type, NULL::TIMESTAMPTZ AS created_at,
        make_timestamptz(1_700_000_000_000_000 + (hash(i + edit) % 31_536_000)::BIGINT * 1_000_000) AS modified_at,
        md5((i + edit)::VARCHAR) AS version, 'md5:' || md5((i + edit)::VARCHAR) AS content_hash,
        'owner-' || (i % 50) AS owner, NULL::VARCHAR AS permissions, NULL::VARCHAR AS link, false AS trashed,
        '{{"storage_class":"STANDARD"}}' AS metadata, hash(path) AS id_hash, hash(path, edit) AS fingerprint
    FROM (
        SELECT
            i, {edit} AS edit, 'drawing-' || i || '.dwg' AS name,
            'projects/' || (i // 2000) || '/phase-' || (i % 7) || '/drawing-' || i || '.dwg' AS path
        FROM range({low}, {high}) t(i)
        WHERE {present}
    )
"""


def run(rows: int) -> dict[str, float]:
    """Compare two snapshots of `rows` rows: 1 % edited, 1 % removed, 1 % added. Best of a few runs, in turn."""
    with tempfile.TemporaryDirectory() as folder:
        con = connect(MEMORY, Path(folder) / "tmp", THREADS)
        paths = snapshots(con, Path(folder), rows)
        for name, path in zip(("before", "after"), paths, strict=True):
            con.execute(f"CREATE VIEW {name} AS FROM {parquet([path])}")
        found = {"diff": float("inf"), "scan": float("inf"), "lengths": float("inf")}
        for _ in range(REPEATS):
            found["diff"] = min(found["diff"], seconds(lambda: compare(con, "before", "after", "changes")))
            found["scan"] = min(found["scan"], seconds(lambda: scan(con, 'min("{}")', 'min("{}")')))
            found["lengths"] = min(found["lengths"], seconds(lambda: scan(con, 'max(strlen("{}"))', 'max("{}")')))
        counts = con.execute("SELECT change, count(*) FROM changes GROUP BY ALL").fetchall()
        con.close()
        result = {
            "rows": rows,
            "changes": sum(count for _, count in counts),
            "file_mb": round(sum(path.stat().st_size for path in paths) / 2e6, 1),
            "diff_seconds": round(found["diff"], 3),
            "scan_seconds": round(found["scan"], 3),
            "scan_lengths_seconds": round(found["lengths"], 3),
            "ratio_to_scan": round(found["diff"] / found["scan"], 2),
            "ratio_to_scan_lengths": round(found["diff"] / found["lengths"], 2),
        }
        if rows <= PANDAS_ROWS:
            slow = seconds(lambda: in_pandas(*paths, expected=int(result["changes"])))
            result |= {"pandas_seconds": round(slow, 3), "ratio_to_pandas": round(slow / found["diff"], 1)}
        return result


def snapshots(con: duckdb.DuckDBPyConnection, folder: Path, rows: int) -> list[Path]:
    """Write both snapshots as a sync does."""
    store = SnapshotStore(str(folder / "data"), folder / "cache")
    edit = "CASE WHEN hash(i + 5) % 100 = 1 THEN 1_000_000_007 ELSE 0 END"
    old = ENTRIES.format(edit="0", low=0, high=rows, present="true")
    new = ENTRIES.format(edit=edit, low=0, high=rows + rows // 100, present="hash(i + 5) % 100 <> 2")
    stored = [
        store.write(con, query, "snapshots", "drawings", date(2026, 1, day), "s") for day, query in ((1, old), (2, new))
    ]
    return [store.local(file.uri) for file in stored]


def scan(con: duckdb.DuckDBPyConnection, of_text: str, of_others: str) -> None:
    """Decode every column of both files. A minimum of text looks at each value; a length, at its length only."""
    text = {f.name for f in FILE_SCHEMA if str(f.type) == "string"}
    columns = ", ".join((of_text if name in text else of_others).format(name) for name in FILE_SCHEMA.names)
    for side in ("before", "after"):
        con.execute(f"SELECT {columns} FROM {side}").fetchall()


def in_pandas(before: Path, after: Path, expected: int) -> None:
    """Do the same as a person would in pandas: read, merge on the id, compare the columns."""
    import pandas as pd

    merged = pd.read_parquet(before).merge(
        pd.read_parquet(after), on="external_id", how="outer", indicator=True, suffixes=("_before", "_after")
    )
    both = merged[merged["_merge"] == "both"]
    columns = [name for name in FILE_SCHEMA.names if name not in {"external_id", "path", "id_hash", "fingerprint"}]
    differs = pd.Series(False, index=both.index)
    for name in columns:
        old, new = both[f"{name}_before"], both[f"{name}_after"]
        differs |= (old != new) & ~(old.isna() & new.isna())
    found = int(differs.sum()) + int((merged["_merge"] != "both").sum())
    assert found == expected, f"pandas found {found} changes instead of {expected}"


def seconds(work: Callable[[], Any]) -> float:
    """Wall time."""
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


if __name__ == "__main__":
    for size in [int(argument) for argument in sys.argv[1:]] or [1_000_000, 10_000_000]:
        print(json.dumps(run(size)))
