"""Exports: a data set as files that others open (CSV, JSON, Excel, SQL, Parquet), or in a PostgreSQL database.

Rows are streamed from Parquet; files get their names once all of them are whole; a manifest says what is in them.
May import `tables.model`, `tables.arrow_types` and `core`; knows neither where tables come from nor who asks.
"""

from filesync_dagster.tables.exports.export import FORMATS, MANIFEST, Export, export
from filesync_dagster.tables.exports.options import DIALECTS, ExportOptions
from filesync_dagster.tables.exports.order import LoadOrder, load_order
from filesync_dagster.tables.exports.postgres import Ingest, to_postgres
from filesync_dagster.tables.exports.staging import ExportFile
from filesync_dagster.tables.exports.watch import ExportWatch, Progress, StopSignal

__all__ = [
    "DIALECTS",
    "FORMATS",
    "MANIFEST",
    "Export",
    "ExportFile",
    "ExportOptions",
    "ExportWatch",
    "Ingest",
    "LoadOrder",
    "Progress",
    "StopSignal",
    "export",
    "load_order",
    "to_postgres",
]
