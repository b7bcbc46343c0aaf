"""Bugs of sources that are read day by day, and of generations: what is wrong becomes current, or is not told."""

from filesync_dagster_tests.planted_bugs.bug import Bug

PURE = "filesync_dagster_tests/tables/daily/test_pure.py"
READ = "filesync_dagster_tests/tables/daily/test_read.py"
SOURCES = "filesync_dagster_tests/orchestration/tables/test_sources.py"
DAYS = "filesync_dagster_tests/orchestration/tables/test_days.py"
GENERATIONS = "filesync_dagster_tests/orchestration/tables/test_generations.py"

BUGS = (
    Bug(
        "a read that lost most rows becomes current",
        "tables/daily/read.py",
        'state="held" if is_held else "current",',
        'state="current",',
        READ,
        "held_until_it_is_approved",
    ),
    Bug(
        "a table that is gone with all of its rows is not missed",
        "tables/daily/guard.py",
        "        if rows and name not in after:",
        "        if rows and name not in after and False:",
        PURE,
        "a_table_that_is_gone",
    ),
    Bug(
        "a type that holds less is called wider",
        "tables/daily/drift.py",
        'yield Drift(after.name, name, "wider" if is_wider else "narrower", text)',
        'yield Drift(after.name, name, "wider", text)',
        PURE,
        "drift_tells_gone",
    ),
    Bug(
        "a key that held before and does not now is forgotten",
        "tables/daily/integrity.py",
        "known |= {before.primary_key: True} if before else {}",
        "known |= {}",
        READ,
        "drift_keys_and_references",
    ),
    Bug(
        "a relation that lost its parents is no relation any more",
        "tables/daily/read.py",
        "                known.append(one)",
        "                continue",
        READ,
        "a_relation_that_lost_its_parents",
    ),
    Bug(
        "a past day is read as it is now",
        "tables/daily/read.py",
        "bookmarks=lambda table: bookmarks.get(table.name),",
        "bookmarks=lambda table: None,",
        DAYS,
        "five_days",
    ),
    Bug(
        "a failed backfill makes a healthy source red",
        "storage/database/source_reads.py",
        'column.mode == "live"',
        'column.mode != ""',
        READ,
        "a_past_day_is_what_was_stored",
    ),
    Bug(
        "a read of today that failed is not written down",
        "tables/daily/read.py",
        "        runtime.metadata.source_reads.commit(_record(found, wish))\n    found = replace",
        "        pass\n    found = replace",
        READ,
        "failed_read_changes_nothing",
    ),
    Bug(
        "today is materialized under the day of the run",
        "orchestration/tables/sources.py",
        "        if is_of_the_run and one.asset_key in context.selected_asset_keys:",
        "        if one.asset_key in context.selected_asset_keys:",
        SOURCES,
        "before_midnight",
    ),
    Bug(
        "the preview shows who the people are",
        "orchestration/tables/results.py",
        "masked=person_columns(stored))",
        "masked=())",
        SOURCES,
        "people_are_masked",
    ),
    Bug(
        "every read wakes what follows",
        "tables/daily/read.py",
        "    facts = sorted((table.name, table.schema.content_hash) for table in tables)",
        "    facts = sorted((table.name, table.schema.content_hash, uuid.uuid4().hex) for table in tables)",
        READ,
        "the_same_rows_have_the_same_version",
    ),
    Bug(
        "every day of a daily seed has the same one",
        "tables/sessions/daily.py",
        'f"{generation.name} {day.isoformat()}"',
        "generation.name",
        GENERATIONS,
        "a_seed_is_fixed",
    ),
    Bug(
        "copied rows are no failure",
        "orchestration/tables/generations.py",
        "(EXACT_ROWS, not copied, error, told_copied),",
        "(EXACT_ROWS, True, error, told_copied),",
        GENERATIONS,
        "each_measure_fails",
    ),
    Bug(
        "the first rows of a source are taken for a loss",
        "tables/daily/read.py",
        "wrong = () if wish.is_sample else objections(",
        "wrong = objections(",
        "filesync_dagster_tests/web/tables/test_reads.py",
        "lost_most_rows",
    ),
    Bug(
        "what people decided holds for one read alone",
        "tables/daily/read.py",
        "return [{**one, DECIDED_BY: person} if person else dict(one) for one, person in found]",
        "return [dict(one) for one, person in found]",
        "filesync_dagster_tests/tables/daily/test_read.py",
        "people_decided",
    ),
)
