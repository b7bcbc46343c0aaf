"""All reports about files, against DuckDB scanning every column of the same snapshots once.

CPU seconds: a report waits for nothing but the disk, and the machine may be busy.
"""

import json
import resource
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from filesync_dagster.config import ReportSettings
from filesync_dagster.core.schemas import FILE_SCHEMA
from filesync_dagster.monitoring.reports.plan import MACROS, Terms
from filesync_dagster.monitoring.reports.snapshot_set import Held, relate
from filesync_dagster.monitoring.reports.writer import PLANS
from filesync_dagster.storage.snapshots import connect, literal, parquet

MEMORY = "1GB"
THREADS = 2
DAY_END = 1_795_000_000_000_000

CONTENT = "i % ({rows} * 9 // 10)"
STORES = {
    "google_drive": {
        "content_hash": f"'sha256:' || sha256(({CONTENT})::VARCHAR)",
        "metadata": f"""'{{{{"md5":"' || md5(({CONTENT})::VARCHAR) || '"}}}}'""",
        "permissions": """
            '[{{"emailAddress":"u' || (i % 50_000) || '@d' || (i % 7) || '.com","id":"' || (i % 50_000)
            || '","role":"reader","type":"user"}}'
            || CASE WHEN i % 100 = 0 THEN ',{{"id":"anyoneWithLink","role":"reader","type":"anyone"}}' ELSE '' END
            || ']'
        """,
    },
    "s3": {"content_hash": f"'md5:' || md5(({CONTENT} + {{rows}} // 2)::VARCHAR)"},
    "local": {"permissions": """'{{"gid":1,"mode":"06' || (i % 5) || '4","uid":' || (i % 10) || '}}'"""},
    "autodesk": {
        "permissions": """
            CASE WHEN i % 20 = 0 THEN '[{{"emailAddress":"a@d1.com","id":"x","role":"writer","type":"user"}}]' END
        """
    },
}
"""What differs from store to store: hashes that two of them share, and who may do what."""

ENTRIES = """
    SELECT
        'id-' || i AS external_id, '' AS scope, 'id-' || (i // 20 * 20) AS parent_id,
        'drawing ' || i || ['.dwg', '.pdf', '.jpg', ''][1 + i % 4] AS name,
        'projects/' || (i // 2000) || '/' || (i // 20) || '/drawing ' || i AS path,
        CASE WHEN i % 20 = 0 THEN 'folder' ELSE 'file' END AS kind,
        CASE WHEN i % 20 > 0 THEN ({content} + 1) * 100 END::BIGINT AS size, 'application/octet-stream' AS mime_type,
        make_timestamptz(1_500_000_000_000_000 + i * 100_000_000) AS created_at,
        make_timestamptz(1_600_000_000_000_000 + i * (190_000_000_000_000 // {rows})) AS modified_at,
        md5(i::VARCHAR) AS version,
        {content_hash} AS content_hash, 'owner-' || (i % 1000) AS owner, {permissions} AS permissions,
        'https://store/' || i AS link, false AS trashed, {metadata} AS metadata,
        hash(i) AS id_hash, hash(i, 1) AS fingerprint
    FROM range({rows}) t(i)
"""


def run(files: int) -> dict[str, Any]:
    """Write each report of `files` files in four endpoints, with its rows, numbers and picture."""
    with tempfile.TemporaryDirectory() as folder:
        held = snapshots(Path(folder), files // len(STORES))
        spent = {name: cpu(lambda name=name: write(name, held, Path(folder))) for name in PLANS if name != "activity"}
        scanned = min(cpu(lambda: scan(held, Path(folder))) for _ in range(3))
    return {
        "files": files,
        **{f"{name}_cpu_seconds": round(seconds, 2) for name, seconds in spent.items()},
        "all_cpu_seconds": round(sum(spent.values()), 2),
        "scan_cpu_seconds": round(scanned, 2),
        "ratio_to_scan": round(sum(spent.values()) / scanned, 2),
        "peak_gib": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20, 2),
    }


def snapshots(folder: Path, rows: int) -> list[Held]:
    """Write a snapshot of each kind of store."""
    con = connect(MEMORY, folder / "tmp", THREADS)
    held = []
    for store, special in STORES.items():
        unsaid = dict.fromkeys(("content_hash", "permissions", "metadata"), "NULL::VARCHAR")
        columns = {name: sql.format(rows=rows) for name, sql in (unsaid | special).items()}
        entries = ENTRIES.format(rows=rows, content=CONTENT.format(rows=rows), **columns)
        file = folder / f"{store}.parquet"
        con.execute(f"COPY ({entries}) TO {literal(str(file))} (FORMAT parquet, COMPRESSION zstd)")
        held.append(Held(store, store, store, file))
    con.close()
    return held


def write(name: str, held: list[Held], folder: Path) -> None:
    """Write one report as an asset does."""
    terms = Terms(ReportSettings(own_domains=["d1.com"]), DAY_END)
    plan = PLANS[name]
    con = connect(MEMORY, folder / "tmp", THREADS)
    con.execute(MACROS)
    relate(con, held)
    plan.prepare(con, terms)
    assert con.execute(plan.numbers(terms)).fetchall()
    assert len(con.execute(f"SELECT * FROM ({plan.rows(terms)}) LIMIT 50").fetchall()) > 1
    plan.picture(con, terms)
    con.close()


def scan(held: list[Held], folder: Path) -> None:
    """Read every column of every snapshot, as the benchmark of the diff does."""
    con = connect(MEMORY, folder / "tmp", THREADS)
    columns = ", ".join(f'min("{name}")' for name in FILE_SCHEMA.names)
    con.execute(f"SELECT {columns} FROM {parquet([one.file for one in held])}").fetchall()
    con.close()


def cpu(work: Callable[[], None]) -> float:
    """CPU seconds of all threads."""
    started = time.process_time()
    work()
    return time.process_time() - started


if __name__ == "__main__":
    for size in [int(argument) for argument in sys.argv[1:]] or [1_000_000]:
        print(json.dumps(run(size)))
