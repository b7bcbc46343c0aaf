"""What the company wants to know about its files."""

from typing import Any

import dagster as dg

from filesync_dagster.orchestration.resources import FilesyncResource


@dg.asset(deps=[dg.AssetKey(["filesync", "share"])], automation_condition=dg.AutomationCondition.eager())
def empty_files(filesync: FilesyncResource) -> dg.MaterializeResult[Any]:
    """Files without content: uploads that broke off."""
    with filesync.open() as opened:
        rows = [row for batch in opened.files("share") for row in batch.to_pylist() if row["size"] == 0]
    return dg.MaterializeResult(metadata={"empty_files": len(rows), "paths": [row["path"] for row in rows[:50]]})
