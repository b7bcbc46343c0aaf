"""Bugs of exports: an order turned round, texts that escape, rows and names that are lost."""

from filesync_dagster_tests.planted_bugs.bug import Bug

FILES = "filesync_dagster_tests/tables/exports/test_files.py"
SQL = "filesync_dagster_tests/tables/exports/test_sql.py"

BUGS = (
    Bug(
        "children are loaded before their parents",
        "tables/exports/order.py",
        "return LoadOrder(tuple(placed), ",
        "return LoadOrder(tuple(reversed(placed)), ",
        FILES,
        "parents_come_first",
    ),
    Bug(
        "an apostrophe in SQL is not doubled",
        "tables/exports/literals.py",
        """doubled: Sequence[tuple[str, str]] = (("'", "''"),)""",
        """doubled: Sequence[tuple[str, str]] = ()""",
        SQL,
        "any_text_is_a_literal_of_sqlite",
    ),
    Bug(
        "CSV for people has formulas",
        "tables/exports/csv.py",
        "        if not self._options.raw:\n            doubled",
        "        if self._options.raw:\n            doubled",
        FILES,
        "csv_for_people",
    ),
    Bug(
        "names of sheets are cut and not told apart",
        "tables/exports/names.py",
        "        while equal(spelt := spell(name, number)) in taken:\n            number += 1\n",
        "        spelt = spell(name, number)\n",
        FILES,
        "sheet_names_that_are_cut",
    ),
    Bug(
        "rows past the end of a sheet are dropped",
        "tables/exports/excel.py",
        "                    rest = rest[taken:] if taken < len(rest) else None",
        "                    rest = None",
        FILES,
        "rows_past_the_end",
    ),
    Bug(
        "a cancelled export leaves its files",
        "tables/exports/staging.py",
        "            shutil.rmtree(self._hidden, ignore_errors=True)",
        "            pass",
        FILES,
        "cancelled_export",
    ),
    Bug(
        "Excel rounds numbers of sixteen digits",
        "tables/exports/excel_cells.py",
        "NUMBER_MAX_DIGITS = 15",
        "NUMBER_MAX_DIGITS = 20",
        FILES,
        "excel_has_numbers",
    ),
    Bug(
        "foreign keys refuse the orphans that were asked for",
        "tables/exports/blueprint.py",
        "if relation.inclusion is not None and relation.inclusion < 1:",
        "if False:",
        SQL,
        "with_orphans",
    ),
    Bug(
        "JSON has integers that a reader rounds",
        "tables/exports/json.py",
        "EXACT_INTEGER = 2**53",
        "EXACT_INTEGER = 2**63 - 1",
        FILES,
        "json_is_exact",
    ),
    Bug(
        "small decimals have exponents",
        "tables/exports/rows.py",
        "PLAIN_MAX_SCALE = 6",
        "PLAIN_MAX_SCALE = 60",
        "filesync_dagster_tests/tables/exports/test_files.py",
        "values_as_text",
    ),
    Bug(
        "moments lose their seconds where others have fractions",
        "tables/exports/rows.py",
        "MOMENT_LETTERS, TIME_LETTERS = 19, 8",
        "MOMENT_LETTERS, TIME_LETTERS = 16, 8",
        "filesync_dagster_tests/tables/exports/test_files.py",
        "values_as_text",
    ),
    Bug(
        "numbers that Excel cannot hold are numbers",
        "tables/exports/excel_cells.py",
        "max(-least, most) < 10 ** (NUMBER_MAX_DIGITS - scale)",
        "max(-least, most) < 10**NUMBER_MAX_DIGITS * 10**9",
        "filesync_dagster_tests/tables/exports/test_files.py",
        "numbers_and_dates",
    ),
)
