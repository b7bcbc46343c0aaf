"""An engine that speaks the protocol of peers/mostlyai/worker.py and draws real families: a process of its own.

How it misbehaves says its argument: `crash`, `rubbish`, `old`, `early`, `failed`, `memory`, `null`,
`strangers`, `spent`, `hang`.
"""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

MODE = sys.argv[1] if len(sys.argv) > 1 else ""


def tell(**values):
    """Answer a line."""
    sys.stdout.write(json.dumps(values) + "\n")
    sys.stdout.flush()


def misbehave(folder):
    """Do what no engine should."""
    if MODE == "crash":
        os.abort()
    if MODE == "rubbish":
        sys.stdout.write("Epoch 1: 100%\n")
        sys.stdout.flush()
        time.sleep(60)
    if MODE in {"failed", "memory"}:
        tell(event="failed", kind={"failed": "ValueError"}.get(MODE, MODE), message="no rows")
    if MODE == "hang":
        child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(300)"])
        (folder / "pids").write_text(f"{os.getpid()} {child.pid}")
        tell(event="progress", stage="training", table="t", done=1, total=2)
        child.wait()


def draw(job, folder):
    """Draw each table by real rows; children come with the parent that theirs is made of."""
    random = np.random.default_rng(job["seed"])
    sources = {}  # of each row that was drawn, the real row
    for table in job["tables"]:
        rows, context = pq.read_table(folder / table["data"]), table["context"]
        if table["known"]:
            sources[table["id"]] = np.arange(rows.num_rows)
            continue
        if context:
            keys = rows.column("key").to_numpy()
            families = [np.flatnonzero(keys == row) for row in sources[context["table"]]]
            chosen = np.concatenate([np.empty(0, np.int64), *families])
            owners = np.repeat(np.arange(len(families)), [len(one) for one in families])
            drawn = rows.drop_columns("key").take(pa.array(chosen))
            drawn = drawn.append_column("key", pa.array(owners + (10**6 if MODE == "strangers" else 0)))
        else:
            chosen = random.integers(max(rows.num_rows, 1), size=table["rows"])
            drawn = rows.take(pa.array(chosen))
        if MODE == "null":
            drawn = pa.table({name: pa.nulls(drawn.num_rows, drawn[name].type) for name in drawn.column_names})
        sources[table["id"]] = chosen
        pq.write_table(drawn, folder / table["out"])


def main():
    """Do a job."""
    job = json.loads(sys.stdin.readline())
    folder = Path(job["folder"])
    tell(event="ready", protocol=0 if MODE == "old" else 1, version="odd")
    misbehave(folder)
    if job["action"] == "train":
        for table in job["tables"]:
            tell(event="progress", stage="training", table=table["name"], done=1, total=1)
            if table["trained"]:
                tell(event="trained", table=table["name"], epsilon=1.5 if job["privacy"] and MODE != "spent" else None)
    else:
        draw(job, folder)
    if MODE != "early":
        tell(event="done")


if __name__ == "__main__":
    main()
