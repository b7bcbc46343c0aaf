"""Files as tables: lossless first, types second; what cannot be told without doubt is refused or told.

`read_tables` reads in this process, `read_tables_apart` in one of its own, with limits and without a network. Each
format is a module: `csv_table`, `excel_table`, `json_table`, `parquet_table`.
"""

from filesync_dagster.tables.reading.apart import FileToRead, read_files_apart, read_tables_apart
from filesync_dagster.tables.reading.formats import find_format, read_tables
from filesync_dagster.tables.reading.options import FileFormat, ReadLimits, ReadOptions

__all__ = [
    "FileFormat",
    "FileToRead",
    "ReadLimits",
    "ReadOptions",
    "find_format",
    "read_files_apart",
    "read_tables",
    "read_tables_apart",
]
