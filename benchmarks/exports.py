"""Exports of one table of eight columns, against what writes such files without knowing a table: PyArrow, xlsxwriter.

CPU seconds of this process: what is compared shares its machine. Each format is the best of some rounds.
"""

import resource
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq

from filesync_dagster.tables.exports import ExportOptions, export
from filesync_dagster.tables.model import DataSet, Table, TableColumn, TableSchema


def run(rows: int = 1_000_000, excel_rows: int = 100_000, rounds: int = 3) -> dict[str, Any]:
    """Export, and write the same with the peers."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        data_set = make(folder / "all", rows)
        few = make(folder / "few", excel_rows)
        part, small = data_set.tables[0].parts[0], few.tables[0].parts[0]
        seconds = {
            "csv": best(rounds, lambda: export(data_set, "csv", ExportOptions(), folder / "csv")),
            "csv_raw": best(rounds, lambda: export(data_set, "csv", ExportOptions(raw=True), folder / "raw")),
            "json": best(rounds, lambda: export(data_set, "json", ExportOptions(), folder / "json")),
            "sql": best(rounds, lambda: export(data_set, "sql", ExportOptions(), folder / "sql")),
            "parquet": best(rounds, lambda: export(data_set, "parquet", ExportOptions(), folder / "parquet")),
            "excel": best(rounds, lambda: export(few, "excel", ExportOptions(), folder / "excel")),
            "pyarrow_csv": best(rounds, lambda: pa.csv.write_csv(pq.read_table(part), folder / "peer.csv")),
            "pyarrow_parquet": best(
                rounds, lambda: pq.write_table(pq.read_table(part), folder / "peer.parquet", compression="zstd")
            ),
            "xlsxwriter": best(1, lambda: write_workbook(small, folder / "peer.xlsx")),
        }
        return {
            "rows": rows,
            "excel_rows": excel_rows,
            "seconds": {kind: round(spent, 2) for kind, spent in seconds.items()},
            "csv_ratio": round(seconds["csv"] / seconds["pyarrow_csv"], 2),
            "parquet_ratio": round(seconds["parquet"] / seconds["pyarrow_parquet"], 2),
            "sql_ratio": round(seconds["sql"] / seconds["csv"], 2),
            "excel_ratio": round(seconds["xlsxwriter"] / seconds["excel"], 1),
            "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
        }


def make(folder: Path, rows: int) -> DataSet:
    """Return a table of orders."""
    draw = np.random.default_rng(1)
    table = pa.table(
        {
            "id": np.arange(1, rows + 1),
            "customer": draw.integers(1, rows, rows),
            "name": [f"Customer O'Neil {i}" for i in range(rows)],
            "amount": pa.array(draw.integers(0, 10**8, rows)).cast(pa.decimal128(20, 0)).cast(pa.decimal128(22, 2)),
            "share": draw.random(rows),
            "day": pa.array(draw.integers(10_000, 20_000, rows).astype("int32")).cast(pa.date32()),
            "at": pa.array(draw.integers(0, 1_700_000_000_000_000, rows)).cast(pa.timestamp("us")),
            "color": draw.choice(["red", "green", "blue"], rows),
        }
    )
    columns = tuple(TableColumn(field.name, field.type, i, nullable=i > 0) for i, field in enumerate(table.schema))
    schema = TableSchema("orders", "", columns, primary_key=("id",), row_count=rows)
    folder.mkdir(parents=True)
    pq.write_table(table.cast(schema.arrow()), folder / "part.parquet", compression="zstd")
    return DataSet((Table(schema, (folder / "part.parquet",)),))


def best(rounds: int, work: Callable[[], Any]) -> float:
    """Return the fewest CPU seconds that some work took."""
    found = []
    for _ in range(rounds):
        began = time.process_time()
        work()
        found.append(time.process_time() - began)
    return min(found)


def write_workbook(part: Path, target: Path) -> None:
    """Write the rows with xlsxwriter, in the memory that it calls constant."""
    import xlsxwriter

    with xlsxwriter.Workbook(target, {"constant_memory": True}) as book:
        sheet, date = book.add_worksheet(), book.add_format({"num_format": "yyyy-mm-dd"})
        for batch in pq.ParquetFile(part).iter_batches():
            for index, row in enumerate(zip(*(column.to_pylist() for column in batch.columns), strict=True)):
                for place, value in enumerate(row):
                    if place in {5, 6}:
                        sheet.write_datetime(index, place, value, date)
                    elif isinstance(value, str):
                        sheet.write_string(index, place, value)
                    else:
                        sheet.write_number(index, place, float(value))
