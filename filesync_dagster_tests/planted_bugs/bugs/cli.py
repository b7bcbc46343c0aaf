"""Bugs in what people type and read."""

from filesync_dagster_tests.planted_bugs.bug import Bug

SEARCH = "filesync_dagster_tests/storage/database/test_search.py"

BUGS = (
    Bug(
        "a narrow terminal gets a table without letters",
        "cli/text.py",
        "if on_terminal() and _fits(columns, cells):",
        "if on_terminal():",
        "filesync_dagster_tests/cli/test_terminal.py",
        "very_narrow",
    ),
    Bug(
        "a closed output stops the work",
        "cli/app.py",
        'sys.stdout = sys.stdout or open(os.devnull, "w")',
        "pass",
        "filesync_dagster_tests/cli/test_errors.py",
        "closed_outputs",
    ),
    Bug(
        "what comes behind a page of a search is not looked for",
        "storage/database/search.py",
        "            after = key_of(page)",
        "            return",
        SEARCH,
        "looked_for and sqlite",
    ),
    Bug(
        "an owner is found only when all of it is said",
        "storage/database/search.py",
        'f"%{_escaped(query.owner)}%"',
        'f"{query.owner}"',
        SEARCH,
        "owner and sqlite",
    ),
    Bug(
        "a folder has the files of those whose names begin like its own",
        "sync/search.py",
        'start, inside = (f"{path}/", "path > ? AND path < ?")',
        "start, inside = (path, \"path > ? AND path < ? || 'z'\")",
        "filesync_dagster_tests/sync/test_search.py",
        "have_the_size",
    ),
    Bug(
        "a cursor begins a page with what the last one ended with",
        "storage/database/search.py",
        "tuple_(*place) > tuple_(*behind)",
        "tuple_(*place) >= tuple_(*behind)",
        SEARCH,
        "looked_for and sqlite",
    ),
    Bug(
        "half a file gets its name",
        "cli/cat.py",
        "        with _whole_file(output) as file",
        '        with output.open("wb") as file',
        "filesync_dagster_tests/cli/test_cat.py",
        "came_wrong",
    ),
    Bug(
        "a service ends with whoever read its first line",
        "cli/text.py",
        "    except BrokenPipeError:\n        # Or",
        "    except ZeroDivisionError:\n        # Or",
        "filesync_dagster_tests/cli/test_stop.py",
        "outlives_its_reader",
    ),
    Bug(
        "a saved source may on the command line what its owner may",
        "cli/data_sets.py",
        'lambda folder: directory.context_of(source, folder / "work")',
        "operator_context",
        "filesync_dagster_tests/cli/test_tables.py",
        "wherever_they_were_configured",
    ),
)
