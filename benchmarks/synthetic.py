"""Five tables of a million synthetic rows each, learnt from a tenth as many real ones and exported as Parquet."""

import itertools
import json
import resource
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.synthetic_quality import data_set
from filesync_dagster.tables.exports import ExportOptions, export
from filesync_dagster.tables.synthetic import GenerateRequest, fit, generate


def run(rows: int, scale: int) -> dict[str, float]:
    """Measure processor time and peak memory: `rows` real ones a table, `scale` times as many made."""
    with tempfile.TemporaryDirectory() as folder:
        real = data_set(Path(folder, "real"), rows, 1)
        marks = [time.process_time()]
        model = fit(real)
        marks.append(time.process_time())
        made = generate(model, GenerateRequest(seed=1, scale=scale), Path(folder, "made"))
        marks.append(time.process_time())
        export(made, "parquet", ExportOptions(), Path(folder, "out"))
        marks.append(time.process_time())
        counts = [table.schema.row_count or 0 for table in made.tables]
    fitted, generated, exported = (end - start for start, end in itertools.pairwise(marks))
    return {
        "rows": sum(counts),
        "fit_seconds": round(fitted, 1),
        "generate_seconds": round(generated, 1),
        "export_seconds": round(exported, 1),
        "seconds": round(fitted + generated + exported, 1),
        "memory_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
    }


if __name__ == "__main__":
    print(json.dumps(run(int(sys.argv[1]), int(sys.argv[2]))))
