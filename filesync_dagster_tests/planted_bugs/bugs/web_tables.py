"""Bugs in data sources and tables over HTTP."""

from filesync_dagster_tests.planted_bugs.bug import Bug

SOURCES = "filesync_dagster_tests/web/tables/test_sources.py"
READS = "filesync_dagster_tests/web/tables/test_reads.py"

BUGS = (
    Bug(
        "a source names as many files as it likes",
        "tables/sources/upload.py",
        "        if len(self._config.file_paths) > most:",
        "        if False:",
        "filesync_dagster_tests/web/tables/test_reads.py",
        "more_files_than_it_may",
    ),
    Bug(
        "how a file is read is answered as done while it is read in another way",
        "tables/catalog/upload_tables.py",
        "            if upload.id in self._readings:\n                raise busy",
        "            if False:\n                raise busy",
        "filesync_dagster_tests/web/tables/test_reads.py",
        "cannot_be_read_says_where",
    ),
    Bug(
        "what was said of how a file is read is forgotten by sources",
        "tables/sources/parsed_files.py",
        "options if file.options is None else options.with_defaults(file.options)",
        "options",
        "filesync_dagster_tests/web/tables/test_reads.py",
        "cannot_be_read_says_where",
    ),
    Bug(
        "a kept secret is sent to whatever host somebody names",
        "tables/catalog/edits.py",
        "    if staying and not edit.may_redirect:",
        "    if False:",
        SOURCES,
        "kept_secret_goes_nowhere",
    ),
    Bug(
        "the revision that a change was made for counts for nothing",
        "tables/catalog/directory.py",
        "            before.revision if revision is None else revision,",
        "            before.revision,",
        SOURCES,
        "undoes_what",
    ),
    Bug(
        "a saved source may all that the operator may",
        "tables/catalog/contexts.py",
        "guard=AddressGuard(settings.allow_hosts),",
        "guard=AddressGuard.of_operator(),",
        SOURCES,
        "reaches_this_machine and api",
    ),
    Bug(
        "any variable of the environment is given to a source",
        "tables/catalog/secret_values.py",
        "if found is not None and found[1].startswith(OWN_PREFIX):",
        "if False:",
        SOURCES,
        "references_are",
    ),
    Bug(
        "rows are found by what is hidden",
        "web/tables.py",
        "        if name in where or name in sorted_by:",
        "        if False:",
        READS,
        "people_is_hidden",
    ),
    Bug(
        "the profile shows what the rows hide",
        "web/tables.py",
        "format=None if is_masked else column.format,",
        "format=column.format,",
        READS,
        "people_is_hidden",
    ),
    Bug(
        "a user who tests too often is not stopped",
        "web/rate_limits.py",
        "            if len(taken) >= most:",
        "            if False:",
        SOURCES,
        "too_often",
    ),
    Bug(
        "the read of a source outlives its server",
        "tables/catalog/worker.py",
        "    die_with_parent(int(server_pid))\n",
        "",
        READS,
        "left_go_on",
    ),
    Bug(
        "reads that waited when a server ended wait for somebody to ask",
        "web/site.py",
        "            self.reads.tidy(runtime)",
        "            pass",
        READS,
        "left_go_on",
    ),
    Bug(
        "opening a database lets go of the locks of who has it open",
        "storage/database/database.py",
        "os.O_CREAT | os.O_EXCL | os.O_RDWR",
        "os.O_CREAT | os.O_RDWR",
        "filesync_dagster_tests/storage/database/test_open.py",
        "lets_go_of_no_lock",
    ),
)
