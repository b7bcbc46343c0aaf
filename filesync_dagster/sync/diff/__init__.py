"""What changed between two snapshots, and the way back: `apply(before, compare(before, after)) == after`.

Pure: DuckDB relations in, DuckDB tables out; no files, no network, no policy. Imports model and nothing else of ours.
"""

from filesync_dagster.sync.diff.application import apply
from filesync_dagster.sync.diff.columns import column_definitions
from filesync_dagster.sync.diff.compaction import compact
from filesync_dagster.sync.diff.comparison import compare, count, count_unproved
from filesync_dagster.sync.diff.derivation import derive, find_circles
from filesync_dagster.sync.diff.descendants import find_repathed
from filesync_dagster.sync.diff.relations import dedupe, totals

__all__ = [
    "apply",
    "column_definitions",
    "compact",
    "compare",
    "count",
    "count_unproved",
    "dedupe",
    "derive",
    "find_circles",
    "find_repathed",
    "totals",
]
