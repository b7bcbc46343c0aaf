"""Files with the same content: the same hash and the same size, wherever they are.

Stores hash differently. Google Drive tells SHA-256 and MD5, so it is the bridge between those that tell one of them.
"""

from filesync_dagster.core.model import Kind
from filesync_dagster.monitoring.reports.plan import Connection, Plan, Terms, build_ranking

LISTED = 100
"""Copies that a row names; the number of all is beside them."""

MD5 = """'md5:' || json_extract_string(metadata, '$.md5')"""
HASHED = f"""
    CREATE VIEW hashed AS
    SELECT endpoint, object, path, size, content_hash, CASE WHEN contains(metadata, '"md5":') THEN {MD5} END AS md5
    FROM files
    -- Of what a store calls a version (an ETag) only that of a multipart upload follows from the content.
    WHERE kind = '{Kind.FILE}' AND size > 0 AND content_hash IS NOT NULL
        AND (NOT starts_with(content_hash, 'etag:') OR regexp_full_match(content_hash, 'etag:[0-9a-f]{{32}}-[0-9]+'))
"""
BRIDGE = """
    CREATE TABLE bridge AS
    SELECT content_hash, size, min(md5) AS md5
    FROM hashed SEMI JOIN (SELECT content_hash FROM hashed WHERE md5 IS NULL) alone USING (content_hash)
    WHERE md5 IS NOT NULL GROUP BY content_hash, size
"""
KEYED = """
    CREATE VIEW keyed AS
    SELECT h.endpoint, h.object, h.path, h.size, coalesce(h.md5, b.md5, h.content_hash) AS content
    FROM hashed h LEFT JOIN bridge b ON b.content_hash = h.content_hash AND b.size = h.size
"""
# First which contents come more than once, then only their copies: few files are copies.
REPEATED = """
    CREATE TABLE repeated AS
    SELECT content, size FROM keyed GROUP BY content, size HAVING min(object) <> max(object)
"""
COPIES = """
    CREATE TABLE copies AS
    SELECT content, size, object, min({'endpoint': endpoint, 'path': path}) AS spot
    FROM keyed SEMI JOIN repeated USING (content, size) GROUP BY content, size, object
"""
GROUPS = f"""
    CREATE TABLE duplicate_groups AS
    SELECT
        size * (count(*) - 1) AS wasted, size, count(*) AS copies,
        list_sort(list_distinct(list(spot.endpoint))) AS endpoints,
        list(spot.endpoint || ': ' || spot.path ORDER BY spot) FILTER (nth <= {LISTED}) AS files, content
    FROM (SELECT *, row_number() OVER (PARTITION BY content, size ORDER BY spot) AS nth FROM copies)
    GROUP BY content, size
"""


def _prepare(con: Connection, terms: Terms) -> None:
    for statement in (HASHED, BRIDGE, KEYED, REPEATED, COPIES, GROUPS):
        con.execute(statement)


NUMBERS = """
    SELECT
        (SELECT count(*) FROM files) AS files_total, (SELECT count(*) FROM hashed) AS files_hashed,
        count(*) AS groups, coalesce(sum(copies), 0)::BIGINT AS files_duplicate, total(wasted) AS bytes_wasted,
        count(*) FILTER (len(endpoints) > 1) AS groups_across_endpoints,
        total(CASE WHEN len(endpoints) > 1 THEN wasted END) AS bytes_wasted_across_endpoints
    FROM duplicate_groups
"""
ROWS = (
    "SELECT wasted, size, copies, endpoints, files, content FROM duplicate_groups ORDER BY wasted DESC, content, size"
)
BY_ENDPOINT = """
    SELECT endpoint, total(size * (copies - 1)) AS again, total(CASE WHEN places > 1 THEN size END) AS elsewhere
    FROM (
        SELECT spot.endpoint AS endpoint, size, count(*) AS copies,
            count(*) OVER (PARTITION BY content, size) AS places
        FROM copies GROUP BY content, size, spot.endpoint
    )
    GROUP BY endpoint ORDER BY again + elsewhere DESC, endpoint
"""

DUPLICATES = Plan(
    rows=lambda _: ROWS,
    numbers=lambda _: NUMBERS,
    picture=lambda con, _: build_ranking(con, BY_ENDPOINT, ("again in it", "also in another endpoint")),
    prepare=_prepare,
)
