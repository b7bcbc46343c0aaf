"""What the company wants to know about its files."""

from typing import Any

import dagster as dg
import pandas as pd

from filesync_dagster.orchestration.resources import FilesyncResource

SHARE = dg.AssetKey(["filesync", "share"])


@dg.asset(deps=[SHARE], automation_condition=dg.AutomationCondition.eager())
def empty_files(filesync: FilesyncResource) -> dg.MaterializeResult[Any]:
    """Files without content: uploads that broke off. Asks through the Python API."""
    with filesync.open() as opened:
        rows = [row for batch in opened.files("share") for row in batch.to_pylist() if row["size"] == 0]
    return dg.MaterializeResult(metadata={"empty_files": len(rows), "paths": [row["path"] for row in rows[:50]]})


@dg.asset(
    ins={"files": dg.AssetIn(SHARE, metadata={"columns": ["path", "kind", "size"]})},
    automation_condition=dg.AutomationCondition.eager(),
)
def size_by_folder(files: pd.DataFrame) -> dg.MaterializeResult[Any]:
    """How much lies in each folder of the share. Takes the inventory as a data frame."""
    folders = files[files.kind == "file"].assign(folder=lambda rows: rows.path.str.rpartition("/")[0])
    sizes = folders.groupby("folder")["size"].sum().sort_values(ascending=False)
    table = dg.MetadataValue.md(sizes.to_frame("bytes").to_markdown() if len(sizes) else "No files.")
    return dg.MaterializeResult(metadata={"folders": len(sizes), "bytes": int(sizes.sum()), "sizes": table})
