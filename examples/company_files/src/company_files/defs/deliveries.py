"""Every CSV that is delivered to the share is loaded into DuckDB, once for each time it changes."""

from pathlib import Path

import dagster as dg
import duckdb

from filesync_dagster.components import FileBatch, on_file_changes

PROJECT = Path(__file__).parents[3]
SHARE, TABLES = PROJECT / "share", PROJECT / "tables.duckdb"

WRITERS = dg.RetryPolicy(max_retries=8, delay=2, jitter=dg.Jitter.PLUS_MINUS)
"""DuckDB lets one process write at a time: a second run waits for the first."""


@dg.op(config_schema={"files": list}, retry_policy=WRITERS)
def load_tables(context: dg.OpExecutionContext) -> None:
    """Load the files of a run, each into a table that is named as its file."""
    with duckdb.connect(str(TABLES)) as tables:
        for file in context.op_config["files"]:
            name = Path(file["path"]).stem.replace('"', '""')
            tables.execute(f'CREATE OR REPLACE TABLE "{name}" AS FROM read_csv(?)', [str(SHARE / file["path"])])
            context.log.info("%s (%s) is loaded.", file["path"], file["change"])


@dg.job
def load_deliveries() -> None:
    """Load what was delivered."""
    load_tables()


def config_of(batch: FileBatch) -> dict[str, object]:
    """Return the configuration of the run of a batch."""
    return {"ops": {"load_tables": {"config": batch.as_config()}}}


new_deliveries = on_file_changes(
    "new_deliveries",
    endpoint="share",
    target=load_deliveries,
    run_config=config_of,
    include=["deliveries/**/*.csv"],
    initial=True,
    max_files_per_run=50,
)
