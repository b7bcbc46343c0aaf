"""Questions about one relation in FILE_SCHEMA."""

import duckdb

from filesync_dagster.core.model import COUNTED, data_version
from filesync_dagster.sync.diff.columns import quote

MAX_BYTES = 2**63 - 1
"""What a database can store. A handful of sparse files, each as large as a file may be, claims to hold more."""


def dedupe(con: duckdb.DuckDBPyConnection, staged: str, into: str) -> None:
    """Create the view `into`: the rows of `staged`, of each external_id the one with the highest seq.

    `staged` has the columns of FILE_SCHEMA, seq (BIGINT, unique: the order of arrival) and any others; all are kept.
    The table `<into>_repeated` holds what the view leaves out. When no id repeats, which is the rule, this
    costs one look at the hashes.
    """
    source, repeated = quote(staged), quote(f"{into}_repeated")
    con.execute(f"""
        CREATE OR REPLACE TABLE {repeated} AS
        SELECT seq FROM (
            SELECT seq, max(seq) OVER (PARTITION BY external_id) AS latest
            FROM {source}
            SEMI JOIN (SELECT id_hash FROM {source} GROUP BY id_hash HAVING count(*) > 1) USING (id_hash)
        )
        WHERE seq < latest
    """)
    if con.execute(f"SELECT 1 FROM {repeated} LIMIT 1").fetchall():
        con.execute(f"CREATE OR REPLACE VIEW {quote(into)} AS FROM {source} ANTI JOIN {repeated} USING (seq)")
    else:
        con.execute(f"CREATE OR REPLACE VIEW {quote(into)} AS FROM {source}")


def totals(con: duckdb.DuckDBPyConnection, relation: str) -> tuple[int, int, str]:
    """Return how many live entries that are not folders a snapshot has, their bytes (at most MAX_BYTES), its version.

    The data version (see `model.data_version`) is the same for the same rows in any order, trashed ones and folders
    included. Paths are not in it: they follow from the rows.
    """
    [(files, size, rows, fingerprints)] = con.execute(f"""
        SELECT
            count(*) FILTER (NOT trashed AND {COUNTED}),
            coalesce(sum(size) FILTER (NOT trashed AND {COUNTED}), 0)::HUGEINT,
            count(*),
            coalesce(sum(fingerprint), 0)::HUGEINT
        FROM {quote(relation)}
    """).fetchall()
    return int(files), min(int(size), MAX_BYTES), data_version(int(rows), int(fingerprints))
