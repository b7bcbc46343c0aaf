"""The quality report on five tables of a million rows each, against reading every column of both sides once."""

import json
import resource
import sys
import tempfile
import time
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from filesync_dagster.tables.model import DataSet, Table, TableColumn, TableRelation, TableSchema
from filesync_dagster.tables.synthetic.quality import quality_report


def run(rows: int) -> dict[str, float]:
    """Measure a report on a root and a chain of four children, `rows` rows each, in seconds of processor time."""
    with tempfile.TemporaryDirectory() as folder:
        real, synthetic = (data_set(Path(folder) / str(seed), rows, seed) for seed in (1, 2))
        start = time.process_time()
        for table in (*real.tables, *synthetic.tables):
            columns = ", ".join(f"count(DISTINCT {name})" for name in table.schema.names)
            with duckdb.connect(config={"threads": 1}) as con:
                con.sql(f"SELECT {columns} FROM read_parquet('{table.parts[0]}')").fetchall()
        scan = time.process_time() - start
        start = time.process_time()
        report = quality_report(real, synthetic)
        seconds = time.process_time() - start
    assert report.headline is not None
    return {
        "rows": rows,
        "seconds": round(seconds, 1),
        "scan_seconds": round(scan, 1),
        "ratio": round(seconds / scan, 2),
        "memory_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
    }


def data_set(folder: Path, rows: int, seed: int) -> DataSet:
    """Write tables of eight columns; each row but those of the first table has a parent in the one before."""
    folder.mkdir()
    rng = np.random.default_rng(seed)
    tables, relations, above = [], [], rng.normal(size=rows)
    for number in range(5):
        parents = rng.integers(0, rows, rows)
        own = above[parents] + rng.normal(size=rows)
        columns = {
            "id": np.arange(rows),
            "parent_id": parents,
            "amount": np.round(np.exp(own), 2),
            "score": own + rng.normal(size=rows),
            "kind": np.array(["a", "b", "c", "d"])[np.digitize(own, (-1, 0, 1))],
            "day": (own * 1e9).astype("int64").astype("datetime64[s]"),
            "count": rng.poisson(5, rows),
            "flag": own > 0.5,
        }
        found = pa.table({name: pa.array(values) for name, values in columns.items()})
        path = folder / f"{number}.parquet"
        pq.write_table(found, path)
        schema = TableSchema(
            f"t{number}",
            "",
            tuple(TableColumn(field.name, field.type, place) for place, field in enumerate(found.schema)),
            primary_key=("id",),
        )
        tables.append(Table(schema, (path,)))
        if number:
            relations.append(TableRelation(f"t{number}", ("parent_id",), f"t{number - 1}", ("id",)))
        above = own
    return DataSet(tuple(tables), tuple(relations))


if __name__ == "__main__":
    print(json.dumps(run(int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000)))
