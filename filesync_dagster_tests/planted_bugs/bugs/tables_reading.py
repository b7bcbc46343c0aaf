"""Bugs in reading files as tables."""

from filesync_dagster_tests.planted_bugs.bug import Bug

CORPUS = "filesync_dagster_tests/tables/reading/test_corpus.py"

BUGS = (
    Bug(
        "integers go through doubles",
        "tables/reading/value_forms.py",
        '"TRY_CAST({x} AS BIGINT)"',
        '"CAST(TRY_CAST({x} AS DOUBLE) AS BIGINT)"',
        CORPUS,
        "beyond and doubles",
    ),
    Bug(
        "leading zeros are lost",
        "tables/reading/value_forms.py",
        'INTEGER = r"0|-?[1-9][0-9]*"',
        'INTEGER = r"-?[0-9]+"',
        CORPUS,
        "zero",
    ),
    Bug(
        "lines that do not fit are left out without a word",
        "tables/reading/csv_table.py",
        'lenient = ", store_rejects=true" if store_rejects else',
        'lenient = ", ignore_errors=true" if True else',
        CORPUS,
        "line and middle or aside",
    ),
    Bug(
        "what is quoted and empty is nothing",
        "tables/reading/csv_table.py",
        "allow_quoted_nulls=false",
        "allow_quoted_nulls=true",
        CORPUS,
        "empty and nothing",
    ),
    Bug(
        "day and month change places",
        "tables/reading/value_forms.py",
        "forms.append(_strptime(day_first, pattern + clock_pattern, month_first))",
        "forms.append(_strptime(month_first, pattern + clock_pattern, day_first))",
        CORPUS,
        "evidence",
    ),
    Bug(
        "types are those of a sample",
        "tables/reading/column_types.py",
        """f" ELSE error({literal(f'{VIOLATION}{number}.')}) END\"""",
        '" ELSE NULL END"',
        CORPUS,
        "below",
    ),
    Bug(
        "empty fields too many are dropped without a word",
        "tables/reading/csv_table.py",
        "if count.overfull:",
        "if False:",
        CORPUS,
        "too and many",
    ),
    Bug(
        "NULL is read as nothing without a word",
        "tables/reading/csv_table.py",
        "if count.null_words:",
        "if False:",
        CORPUS,
        "NULL",
    ),
    Bug(
        "the line that tells the delimiter is a row",
        "tables/reading/dialect.py",
        "if said is not None and options.delimiter",
        "if said is None and options.delimiter",
        CORPUS,
        "tells",
    ),
    Bug(
        "a part that is another is a table all the same",
        "tables/store.py",
        'if digest_of(path) != part["digest"]:',
        "if not path.exists():",
        "filesync_dagster_tests/tables/test_store.py",
        "changed_or_lost",
    ),
    Bug(
        "who cancels leaves the reader running",
        "tables/reading/reader_pool.py",
        "os.killpg(self._process.pid, signal.SIGKILL)",
        "self._process.kill()",
        "filesync_dagster_tests/tables/reading/test_apart.py",
        "too_long or stop_all",
    ),
    Bug(
        "after a file that kills its reader none is read",
        "tables/reading/apart.py",
        "return found if gap is None or len(found) == len(files) else [*found, gap]",
        "return found if gap is None or len(found) == len(files) else [*found, *[gap] * (len(files) - len(found))]",
        "filesync_dagster_tests/tables/reading/test_apart.py",
        "kills_its_reader",
    ),
)
