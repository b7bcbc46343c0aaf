"""What changed between two snapshots, and the way back: `apply(before, compare(before, after)) == after`.

Pure: DuckDB relations in, DuckDB tables out; no files, no network, no policy. Imports model and nothing else of ours.
"""

from filesync_dagster.diff.applying import apply
from filesync_dagster.diff.columns import declared
from filesync_dagster.diff.comparing import compare
from filesync_dagster.diff.deriving import derive
from filesync_dagster.diff.folding import fold
from filesync_dagster.diff.relations import dedupe, totals
from filesync_dagster.diff.repathing import repathed

__all__ = ["apply", "compare", "declared", "dedupe", "derive", "fold", "repathed", "totals"]
