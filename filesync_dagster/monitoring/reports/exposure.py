"""Who is let in that should perhaps not be: the public, outsiders, every user of a machine."""

from dataclasses import replace

import pyarrow as pa

from filesync_dagster.core.model import Kind
from filesync_dagster.monitoring.reports.grants import REACHES, exposure
from filesync_dagster.monitoring.reports.plan import Connection, Plan, Terms, build_ranking, literals
from filesync_dagster.storage.snapshots import stream

PERMITTED = f"""
    CREATE VIEW permitted AS
    FROM entries WHERE permissions IS NOT NULL
    UNION ALL
    -- Where only folders tell (Autodesk), what is in one is as open as the folder.
    SELECT e.* REPLACE (folder.permissions AS permissions)
    FROM entries e LEFT JOIN (
        SELECT endpoint, external_id, permissions FROM entries WHERE kind = '{Kind.FOLDER}' AND permissions IS NOT NULL
    ) folder ON folder.endpoint = e.endpoint AND folder.external_id = e.parent_id
    WHERE e.permissions IS NULL
"""

JUDGED = pa.schema([pa.field(name, pa.string()) for name in ("permissions", "kind", "reach", "who", "may")])
"""Permissions that let somebody in. Many entries have the same ones, so each is read once."""

EXPOSED = "(SELECT * FROM permitted JOIN judged USING (permissions, kind))"
FILE, FOLDER = f"kind <> '{Kind.FOLDER}'", f"kind = '{Kind.FOLDER}'"


def _prepare(con: Connection, terms: Terms) -> None:
    con.execute(PERMITTED)
    con.execute("CREATE TABLE judged (permissions VARCHAR, kind VARCHAR, reach VARCHAR, who VARCHAR, may VARCHAR)")
    for batch in stream(con, "SELECT DISTINCT permissions, kind FROM permitted WHERE permissions IS NOT NULL"):
        judged = [
            {**row, "reach": found.reach, "who": found.who, "may": found.may}
            for row in batch.to_pylist()
            if (found := exposure(row["permissions"], row["kind"], terms.settings))
        ]
        con.register("found_now", pa.Table.from_pylist(judged, JUDGED))
        con.execute("INSERT INTO judged FROM found_now")
        con.unregister("found_now")


def _numbers(terms: Terms) -> str:
    counts = ", ".join(
        f"count(*) FILTER ({FILE} AND reach = '{reach}') AS files_{reach}, "
        f"total(CASE WHEN {FILE} AND reach = '{reach}' THEN size END) AS bytes_{reach}, "
        f"count(*) FILTER ({FOLDER} AND reach = '{reach}') AS folders_{reach}"
        for reach in REACHES
    )
    untold = f"(SELECT count(*) FROM permitted WHERE {FILE} AND permissions IS NULL) AS files_untold"
    return f"SELECT (SELECT count(*) FROM files) AS files_total, {counts}, {untold} FROM {EXPOSED}"


def _rows(terms: Terms) -> str:
    return f"""
        SELECT reach, endpoint, path, kind, who, may, size, owner, link FROM {EXPOSED}
        ORDER BY
            list_position([{literals(REACHES)}], reach), may DESC, size DESC NULLS LAST, endpoint, path, external_id
    """


def _by_endpoint(terms: Terms) -> str:
    counts = ", ".join(f"count(*) FILTER (reach = '{reach}') AS {reach}" for reach in REACHES)
    worst = ", ".join(f"{reach} DESC" for reach in REACHES)
    return f"SELECT endpoint, {counts} FROM {EXPOSED} WHERE {FILE} GROUP BY 1 ORDER BY {worst}, endpoint"


EXPOSURE = Plan(
    rows=_rows,
    numbers=_numbers,
    picture=lambda con, terms: replace(build_ranking(con, _by_endpoint(terms), REACHES, ""), alarming=True),
    prepare=_prepare,
)
