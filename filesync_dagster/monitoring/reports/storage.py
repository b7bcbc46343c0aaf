"""What the bytes are: by type, by owner, by age; the biggest files, and the stale ones.

A file was last written at the later of its two dates: one that was copied here yesterday is not ten years old.
"""

from filesync_dagster.core.model import Kind
from filesync_dagster.monitoring.reports.plan import Connection, Plan, Terms, build_ranking, literals, stacks
from filesync_dagster.storage.snapshots import literal

DAY = 86_400_000_000  # microseconds
GIGABYTE = 1_000_000_000
YEAR = 365
AGES = (
    ("under 30 days", 30),
    ("30-90 days", 90),
    ("90 days-1 year", YEAR),
    ("1-2 years", 2 * YEAR),
    ("2-5 years", 5 * YEAR),
)
"""Ages, and how many days are too many for them."""
OLDEST, UNDATED = "over 5 years", "no date"
OVER_A_YEAR = f"value IN ({literals([*(label for label, days in AGES if days > YEAR), OLDEST])})"
LABELS = (*(label for label, _ in AGES), OLDEST, UNDATED)

EXTENSION = literal(r"[^.].*\.([a-z0-9_]{1,10})$")
TYPE = f"""
    CASE kind
        WHEN '{Kind.SHORTCUT}' THEN '(shortcut)'
        WHEN '{Kind.FILE}' THEN coalesce(nullif(regexp_extract(lower(name), {EXTENSION}, 1), ''), mime_type, '(none)')
        ELSE coalesce(mime_type, '(none)')
    END
"""
NOBODY = "(unknown)"
WRITTEN = "greatest(modified_at, created_at)"
TOTALS = "count(*) AS files_total, total(size) AS bytes_total"


def _grouped(con: Connection, value: str, relation: str = "files") -> None:
    """Sum the files up once, so that what is asked of the sums costs nothing."""
    con.execute(f"""
        CREATE TABLE sums AS
        SELECT {value} AS value, endpoint, count(*) AS files, total(size) AS bytes FROM {relation} GROUP BY ALL
    """)


def _shares(called: str, order: str = "") -> str:
    return f"""
        SELECT value AS {called}, sum(files)::BIGINT AS files, total(bytes) AS bytes,
            coalesce(round(100 * sum(bytes) / nullif(sum(sum(bytes)) OVER (), 0), 1), 0) AS percent,
            count(*) AS endpoints
        FROM sums GROUP BY value ORDER BY {order or "total(bytes) DESC, sum(files) DESC, value"}
    """


def _totals(also: str) -> str:
    return f"SELECT coalesce(sum(files), 0)::BIGINT AS files_total, total(bytes) AS bytes_total, {also} FROM sums"


def _files_where(condition: str) -> str:
    return f"coalesce(sum(files) FILTER ({condition}), 0)::BIGINT"


def days_old(terms: Terms) -> str:
    """Return the age of a file in days, as SQL; null without a date. What claims to be from later is new."""
    days = f"({terms.day_end} - epoch_us({WRITTEN})) // {DAY}"
    return f"CASE WHEN {WRITTEN} IS NOT NULL THEN greatest({days}, 0) END"


def _aged(terms: Terms) -> str:
    steps = " ".join(f"WHEN days < {days} THEN {literal(label)}" for label, days in AGES)
    label = f"CASE WHEN days IS NULL THEN '{UNDATED}' {steps} ELSE '{OLDEST}' END"
    return f"(SELECT *, {label} AS age FROM (SELECT *, {days_old(terms)} AS days FROM files))"


def _stale(terms: Terms) -> str:
    days = days_old(terms)
    limit = terms.settings.stale_after_days
    return f"(SELECT *, {days} AS days FROM files WHERE {days} >= {limit} AND kind <> '{Kind.SHORTCUT}')"


STORAGE_BY_TYPE = Plan(
    prepare=lambda con, _: _grouped(con, TYPE),
    rows=lambda _: _shares("type"),
    numbers=lambda _: _totals("count(DISTINCT value) AS types"),
    picture=lambda con, _: build_ranking(con, f"SELECT type, bytes FROM ({_shares('type')})"),
)

STORAGE_BY_OWNER = Plan(
    prepare=lambda con, _: _grouped(con, f"coalesce(owner, '{NOBODY}')"),
    rows=lambda _: _shares("owner"),
    numbers=lambda _: _totals(
        f"count(DISTINCT value) FILTER (value <> '{NOBODY}') AS owners, "
        + _files_where(f"value = '{NOBODY}'")
        + " AS files_without_owner"
    ),
    picture=lambda con, _: build_ranking(con, f"SELECT owner, bytes FROM ({_shares('owner')})"),
)

STORAGE_BY_AGE = Plan(
    prepare=lambda con, terms: _grouped(con, "age", _aged(terms)),
    rows=lambda _: _shares("age", f"list_position([{literals(LABELS)}], value)"),
    numbers=lambda _: _totals(
        f"{_files_where(OVER_A_YEAR)} AS files_over_a_year, "
        f"total(CASE WHEN {OVER_A_YEAR} THEN bytes END) AS bytes_over_a_year, "
        + _files_where(f"value = '{UNDATED}'")
        + " AS files_without_date"
    ),
    picture=lambda con, _: stacks(con, "SELECT endpoint, value, bytes FROM sums", LABELS),
)

STALE_FILES = Plan(
    rows=lambda terms: (
        f"SELECT endpoint, path, size, days AS days_old, {WRITTEN} AS written_at, owner, link "
        f"FROM {_stale(terms)} ORDER BY size DESC NULLS LAST, days DESC, endpoint, path, external_id"
    ),
    numbers=lambda terms: (
        "SELECT (SELECT count(*) FROM files) AS files_total, count(*) AS files_stale, total(size) AS bytes_stale, "
        f"{terms.settings.stale_after_days} AS stale_after_days FROM {_stale(terms)}"
    ),
    picture=lambda con, terms: build_ranking(
        con, f"SELECT endpoint, total(size) AS bytes FROM {_stale(terms)} GROUP BY 1 ORDER BY bytes DESC, endpoint"
    ),
)

BIGGEST_FILES = Plan(
    rows=lambda _: (
        f"SELECT endpoint, path, size, {WRITTEN} AS written_at, owner, link FROM files "
        "WHERE size IS NOT NULL ORDER BY size DESC, endpoint, path, external_id"
    ),
    numbers=lambda _: (
        f"SELECT {TOTALS}, coalesce(max(size), 0) AS bytes_biggest, "
        f"count(*) FILTER (size > {GIGABYTE}) AS files_over_1_gb, "
        f"total(CASE WHEN size > {GIGABYTE} THEN size END) AS bytes_over_1_gb FROM files"
    ),
    picture=lambda con, _: build_ranking(
        con, "SELECT name, size FROM files WHERE size > 0 ORDER BY size DESC, endpoint, path, external_id"
    ),
)
