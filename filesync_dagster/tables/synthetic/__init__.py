"""The synthetic engine `core`: real tables in, a model, believable tables out. Arrow and DuckDB in, Arrow out.

It may import `tables.model`, `tables.arrow_types` and `core`. `docs/synthetic-data.md` says how it works.
"""

from filesync_dagster.tables.synthetic.fit import fit
from filesync_dagster.tables.synthetic.generate import generate
from filesync_dagster.tables.synthetic.model import ENGINE, ENGINE_VERSION, Model
from filesync_dagster.tables.synthetic.model_file import load_model, save_model
from filesync_dagster.tables.synthetic.options import FitOptions, GenerateRequest, ProgressReport, RowCondition
from filesync_dagster.tables.synthetic.schema_only import describe_tables
from filesync_dagster.tables.synthetic.verify import verify

__all__ = [
    "ENGINE",
    "ENGINE_VERSION",
    "FitOptions",
    "GenerateRequest",
    "Model",
    "ProgressReport",
    "RowCondition",
    "describe_tables",
    "fit",
    "generate",
    "load_model",
    "save_model",
    "verify",
]
