"""What is measured, with which arguments, and what it must show."""

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Target:
    """A number of a result (`path` leads to it: "postgresql.ratio") that must be ≤ or ≥ a limit."""

    claim: str
    path: str
    sense: str
    limit: float
    unit: str = "×"

    def has_value(self, result: dict[str, Any]) -> bool:
        """Tell whether the result has the number: a peer that is not installed gave none."""
        return self.path.split(".")[0] in result

    def value(self, result: dict[str, Any]) -> float:
        """Return the number from the result."""
        found: Any = result
        for part in self.path.split("."):
            found = found[part]
        return float(found)

    def met(self, value: float) -> bool:
        """Tell whether the number is what it must be."""
        return value <= self.limit if self.sense == "≤" else value >= self.limit


@dataclass(frozen=True)
class Case:
    """One run of a benchmark module."""

    name: str
    module: str
    about: str
    targets: tuple[Target, ...] = ()
    arguments: dict[str, Any] = field(default_factory=dict)
    takes_long: bool = False  # runs only when it is named


CASES = (
    Case(
        "listing",
        "listing",
        "100,000 objects of a real S3 server (rclone), listed by us and by boto3's paginator.",
        (Target("Listing is faster than boto3's paginator", "ratio", "≥", 5),),
        {"objects": 100_000},
    ),
    Case(
        "listing_gcs",
        "object_listing",
        "100,000 objects of a simulated Google Cloud Storage that remembers its answers, listed by us and by Google's "
        "own client, which is asked for each field that we record: only then it parses them. `ratio` is of the clock, "
        "and less sure on a busy machine than `cpu_ratio`, of processor time.",
        (Target("Listing is faster than google-cloud-storage's pager", "ratio", "≥", 5),),
        {"kind": "gcs", "objects": 100_000, "rounds": 3},
    ),
    Case(
        "listing_azure_blob",
        "object_listing",
        "20,000 blobs of a simulated Azure Blob Storage that remembers its answers, listed by us and by Microsoft's "
        "own client.",
        (Target("Listing is faster than azure-storage-blob's pager", "ratio", "≥", 5),),
        {"kind": "azure_blob", "objects": 20_000, "rounds": 3},
    ),
    Case(
        "local",
        "local",
        "A tree of 100,000 files, walked by us and by os.walk with a stat for each file.",
        (),
        {"files": 100_000},
    ),
    Case(
        "diff_1m",
        "diff",
        "Two snapshots of a million rows with 3 % changed; DuckDB scanning every column of both files; pandas.",
        (
            Target("A diff of 1M rows costs no more than reading both files", "ratio_to_scan", "≤", 1),
            Target("A diff of 1M rows is faster than in pandas", "ratio_to_pandas", "≥", 10),
        ),
        {"rows": 1_000_000},
    ),
    Case(
        "diff_10m",
        "diff",
        "The same with ten million rows (without pandas).",
        (Target("A diff of 10M rows costs no more than reading both files", "ratio_to_scan", "≤", 1),),
        {"rows": 10_000_000},
    ),
    Case(
        "database",
        "database",
        "The database phase of a first import of a million entries, against a bare ADBC ingest of the same rows.",
        (
            Target("A first import into SQLite, to bare ingest", "sqlite.ratio", "≤", 5),
            Target("A first import into PostgreSQL, to bare ingest", "postgresql.ratio", "≤", 5),
        ),
        {"rows": 1_000_000},
    ),
    Case(
        "queries",
        "queries",
        "What `search` and the pages of REST ask of a million files: a folder, a page, a hash; a part of a name and of "
        "an owner that no file has. Reading every row once.",
        tuple(
            Target(f"{what} among 1M files on {database}", f"{key}.{name}_ms", "≤", limit, "ms")
            for key, database in (("sqlite", "SQLite"), ("postgresql", "PostgreSQL"))
            for name, what, limit in (
                ("folder", "100 files of a folder", 10),
                ("page", "A page of 100 files", 10),
                ("hash", "The files with a hash", 10),
                ("name", "A part of a name", 300),
                ("owner", "A part of an owner", 300),
            )
        ),
        {"rows": 1_000_000},
    ),
    Case(
        "reading",
        "reading",
        "An inventory of a million files read by `fs.files()` and `filesync files`, to nowhere; DuckDB's COPY of "
        "the same rows and columns of the snapshot in the same order. CPU seconds.",
        (
            Target("`filesync files --format csv` of 1M files, to DuckDB's COPY", "csv_ratio", "≤", 1.5),
            Target("`filesync files --format json` of 1M files, to DuckDB's COPY", "json_ratio", "≤", 1.5),
            Target("`fs.files()` of 1M files, to DuckDB's COPY", "rows_ratio", "≤", 1.5),
        ),
        {"rows": 1_000_000},
    ),
    Case(
        "profile",
        "profile",
        "The profile of a table of a million rows and 20 columns; DuckDB's count, least and most of every column of "
        "the same Parquet file. CPU seconds.",
        (Target("A profile of 1M × 20, to count, least and most of each column", "ratio", "≤", 5),),
        {"rows": 1_000_000},
    ),
    Case(
        "memory",
        "memory",
        "A full sync of ten million synthetic entries.",
        (Target("Peak memory of a sync of 10M entries", "peak_gib", "≤", 2, "GiB"),),
    ),
    Case(
        "drive",
        "drive",
        "A simulated Google Drive of a million files, a thousand a page: first syncs, one killed at 60 % and resumed, "
        "incremental ones with a hundred changes against those of a drive of ten thousand.",
        (
            Target("Peak memory of the first sync of 1M Drive files", "peak_gib", "≤", 1, "GiB"),
            Target("Time of 100 changes among 1M files, to 10k", "time_ratio", "≤", 2),
            Target("Memory of 100 changes among 1M files, to 10k", "memory_ratio", "≤", 2),
            Target("API calls of 100 changes (one page of the feed, one for the root)", "calls", "≤", 2, "calls"),
            Target("Pages asked for twice after a kill at 60 %", "resumed.asked_twice", "≤", 10, "pages"),
        ),
        {"files": 1_000_000},
    ),
    Case(
        "changes_onedrive",
        "change_feeds",
        "A simulated OneDrive of a million files: a first sync, an idle one, and incremental ones with a hundred "
        "changes against those of ten thousand files.",
        (
            Target("CPU time of 100 changes in 1M files of OneDrive, to 10k", "time_ratio", "≤", 2),
            Target("API calls of 100 changes in 1M files of OneDrive, to 10k", "calls_ratio", "≤", 2),
            Target("API calls of an idle OneDrive", "idle_calls", "≤", 3, "calls"),
            Target("Peak memory of the first sync of 1M files of OneDrive", "peak_gib", "≤", 1, "GiB"),
        ),
        {"kind": "onedrive", "files": 1_000_000},
        takes_long=True,
    ),
    Case(
        "changes_dropbox",
        "change_feeds",
        "A simulated Dropbox of a million files: a first sync, an idle one, and incremental ones with a hundred "
        "changes against those of ten thousand files.",
        (
            Target("CPU time of 100 changes in 1M files of Dropbox, to 10k", "time_ratio", "≤", 2),
            Target("API calls of 100 changes in 1M files of Dropbox, to 10k", "calls_ratio", "≤", 2),
            Target("API calls of an idle Dropbox", "idle_calls", "≤", 3, "calls"),
            Target("Peak memory of the first sync of 1M files of Dropbox", "peak_gib", "≤", 1, "GiB"),
        ),
        {"kind": "dropbox", "files": 1_000_000},
        takes_long=True,
    ),
    Case(
        "changes_box",
        "change_feeds",
        "A simulated Box of a million files: a first sync, an idle one, and incremental ones with a hundred "
        "changes against those of ten thousand files.",
        (
            Target("CPU time of 100 changes in 1M files of Box, to 10k", "time_ratio", "≤", 2),
            Target("API calls of 100 changes in 1M files of Box, to 10k", "calls_ratio", "≤", 2),
            Target("API calls of an idle Box", "idle_calls", "≤", 3, "calls"),
            Target("Peak memory of the first sync of 1M files of Box", "peak_gib", "≤", 1, "GiB"),
        ),
        {"kind": "box", "files": 1_000_000},
        takes_long=True,
    ),
    Case(
        "autodesk",
        "autodesk",
        "A simulated Autodesk project of 20,000 files in 2,000 folders: a full crawl, an incremental sync of the idle "
        "project, one with ten changes.",
        (Target("API calls of an idle Autodesk project, to a full crawl", "idle_share", "≤", 0.05),),
    ),
    Case(
        "events",
        "events",
        "Events of a real RabbitMQ about a bucket of 20,000 files: 5,000 uploaded into one folder, 500 changed "
        "all over the bucket, single ones while somebody receives; just consuming the same messages.",
        (
            Target("Receiving, looking up and committing 5,000 events, to just consuming", "uploaded.ratio", "≤", 30),
            Target("Requests for each of 5,000 events about one folder", "uploaded.calls_per_event", "≤", 0.01),
            Target("Requests for each of 500 events all over a bucket", "scattered.calls_per_event", "≤", 1.2),
        ),
        {"files": 20_000, "events": 5_000, "scattered": 500},
    ),
    Case(
        "reports",
        "reports",
        "Seven reports about a million files in four endpoints, with numbers, rows and pictures; DuckDB scanning every "
        "column of their snapshots once. CPU seconds.",
        (
            Target("Seven reports of 1M files, to reading all of them once", "ratio_to_scan", "≤", 20),
            Target("Peak memory of the reports of 1M files", "peak_gib", "≤", 1.5, "GiB"),
        ),
        {"files": 1_000_000},
    ),
    Case(
        "definitions",
        "definitions",
        "Dagster loading the definitions of 1,000 endpoints, against 1,000 bare assets.",
        (Target("1,000 endpoints load like 1,000 bare assets", "ratio", "≤", 1.5),),
    ),
    Case(
        "quiet",
        "quiet",
        "1,000 folders of 20 files that never change, synced every five minutes by `filesync daemon` on SQLite, after "
        "a first sync of all of them. Seconds count from the moment of the tick to the end of its run.",
        (
            Target("A tick of 1,000 quiet endpoints", "seconds_per_tick", "≤", 60, "s"),
            Target("Ticks of 1,000 endpoints on time, with all of them", "share_on_time", "≥", 1, "of 1"),
        ),
        {"endpoints": 1000, "files": 20, "minutes": 36},
        takes_long=True,
    ),
    Case(
        "quiet_sync",
        "quiet_sync",
        "One sync of 20 files that finds nothing new: statements to the metadata database, milliseconds of processor "
        "time beside those of listing the folder, reading the snapshot and three commits.",
        (
            Target("Statements of a quiet sync on SQLite", "sqlite.statements", "≤", 10, ""),
            Target("Statements of a quiet sync on PostgreSQL", "postgresql.statements", "≤", 10, ""),
            Target("Processor time of a quiet sync on SQLite", "sqlite.ms", "≤", 20, "ms"),
            Target("Processor time of a quiet sync on PostgreSQL", "postgresql.ms", "≤", 20, "ms"),
        ),
        {"files": 20},
    ),
    Case(
        "cli_start",
        "cli_start",
        "CPU seconds of the command line: `--help` beside the smallest click program; `status`, and `sync` of 20 "
        "files, beside a process that only imports the libraries which they need.",
        (
            Target("`filesync --help` starts like click", "ratio", "≤", 1.5),
            Target("`filesync status`, to importing SQLAlchemy and pydantic", "status_ratio", "≤", 2.5),
            Target("Peak memory of `filesync status`", "status_peak_mib", "≤", 80, "MiB"),
            Target("`filesync sync` of a small folder, to importing its libraries", "sync_ratio", "≤", 2.5),
        ),
    ),
    Case(
        "replication_large",
        "replication",
        "Four files of 256 MiB of a real S3 server (rclone), into a folder and, through us, into a bucket of another "
        "one: our sync and replication, `rclone sync`, `s5cmd sync`, in turns. `durable`: until the disk has it, as "
        "it has ours.",
        (
            Target("Large files out of a bucket, to `rclone sync`", "local.to_rclone", "≥", 0.8),
            Target("Large files out of a bucket, to `s5cmd sync`", "local.to_s5cmd", "≥", 0.7),
            Target("Large files from bucket to bucket, to `rclone sync`", "s3.to_rclone", "≥", 0.8),
            Target("Peak memory of large files into a folder", "local.ours.peak_mib", "≤", 512, "MiB"),
            Target("Peak memory of large files into a bucket", "s3.ours.peak_mib", "≤", 512, "MiB"),
        ),
        {"what": "large", "files": 4, "mebibytes": 256},
    ),
    Case(
        "replication_1000",
        "replication",
        "The same with a thousand files of 100 KiB, into a folder; `aws s3 sync` too where it is installed.",
        (
            Target("1,000 files of 100 KiB out of a bucket, to `rclone sync`", "to_rclone", "≥", 0.5),
            Target("1,000 files of 100 KiB out of a bucket, to `aws s3 sync`", "to_aws", "≥", 2),
            Target("Peak memory of 1,000 files of 100 KiB", "ours.peak_mib", "≤", 200, "MiB"),
        ),
        {"what": "small", "files": 1_000, "bytes_each": 100 << 10},
    ),
    Case(
        "replication_2000",
        "replication",
        "The same with two thousand files of 4 KiB.",
        (
            Target("2,000 files of 4 KiB out of a bucket, to `rclone sync`", "to_rclone", "≥", 0.5),
            Target("2,000 files of 4 KiB out of a bucket, to `aws s3 sync`", "to_aws", "≥", 2),
            Target("Peak memory of 2,000 files of 4 KiB", "ours.peak_mib", "≤", 200, "MiB"),
        ),
        {"what": "small", "files": 2_000, "bytes_each": 4 << 10},
    ),
    Case(
        "replication_plan",
        "replication_plan",
        "Plans for a million files that are in a bucket, or in a folder, already: nothing changed, all compared, a "
        "hundred changed; and a hundred of ten thousand.",
        (
            *(
                target
                for key, place in (("s3", "a bucket"), ("local", "a folder"))
                for target in (
                    Target(f"Nothing changed among 1M files in {place}", f"{key}.unchanged.seconds", "≤", 2, "s"),
                    Target(f"A plan of 100 changes among 1M files in {place}", f"{key}.changed.seconds", "≤", 2, "s"),
                    Target(f"The same in {place}, to 100 among 10,000 files", f"{key}.changed_to_small", "≤", 1.2),
                    Target(f"A plan of all of 1M files in {place}", f"{key}.full.seconds", "≤", 5, "s"),
                )
            ),
            Target("Peak memory of these plans", "peak_gib", "≤", 1, "GiB"),
        ),
        {"rows": 1_000_000},
    ),
    Case(
        "replication_file_manager",
        "replication",
        "A thousand files of 100 KiB of a folder to a simulated file manager, and the same uploads by eight threads "
        "over httpx that prove and note nothing.",
        (Target("1,000 files of 100 KiB to a file manager, to a bare loop", "to_bare", "≥", 0.8),),
        {"what": "file_manager"},
    ),
    Case(
        "exports",
        "exports",
        "A million rows of eight columns as CSV, Parquet and SQL, and 100,000 as an Excel workbook; by PyArrow and by "
        "xlsxwriter in constant memory. Ours reads a batch at a time, proves with a hash and waits for the disk.",
        (
            Target("CSV, to PyArrow's writer", "csv_ratio", "≤", 1.5),
            Target("Parquet, to PyArrow's writer", "parquet_ratio", "≤", 1.5),
            Target("SQL, to CSV", "sql_ratio", "≤", 2),
            Target("Excel is faster than xlsxwriter", "excel_ratio", "≥", 10),
            Target("Peak memory of all of them, PyArrow's own included", "peak_mb", "≤", 1024, "MiB"),
        ),
        {"rows": 1_000_000, "excel_rows": 100_000},
    ),
    Case(
        "reading_tables",
        "reading_tables",
        "A CSV file of a million rows and 20 columns to Parquet: read as text, its records counted by another program, "
        "typed where all values have a type; beside DuckDB with its own guesses. And a thousand files of 20 rows as "
        "one table, read in processes of their own.",
        (
            Target("A CSV of 1M × 20, typed and exact, to DuckDB's guess", "to_duckdb", "≤", 3),
            Target("Memory of that", "peak_mb", "≤", 1024, "MB"),
            Target("Processor time of 1,000 small files as one table", "files_cpu_seconds", "≤", 40, "s"),
        ),
        {"rows": 1_000_000, "files": 1_000, "rounds": 3},
    ),
    Case(
        "table_sources",
        "table_sources",
        "A million rows of PostgreSQL to Parquet: by our source, which converts decimals and looks for dates that no "
        "calendar has; by a bare ADBC read, which keeps decimals as text; by a server cursor of psycopg.",
        (
            Target("PostgreSQL to Parquet, to a bare ADBC read", "to_adbc", "≤", 1.3),
            Target("PostgreSQL to Parquet is faster than a server cursor of psycopg", "to_psycopg", "≥", 1.5),
        ),
        {"rows": 1_000_000, "rounds": 5},
    ),
    Case(
        "synthetic",
        "synthetic",
        "Five tables in a chain, of 100,000 rows and eight columns each, are learnt; a million rows of each are made"
        " and exported as Parquet: processor time of one process, and its memory.",
        (
            Target("Five tables of 1M synthetic rows, learnt, made and exported", "seconds", "≤", 60, "s"),
            Target("Memory of that", "memory_mb", "≤", 1024, "MB"),
        ),
        {"rows": 100_000, "scale": 10},
    ),
    Case(
        "synthetic_quality",
        "synthetic_quality",
        "The quality report on five tables of a million rows each, in a chain, with eight columns: processor time of "
        "samples of 100,000 rows, beside counting the distinct values of every column of both sides.",
        (
            Target("A quality report on 5 tables of 1M rows", "seconds", "≤", 60, "s"),
            Target("Memory of that report", "memory_mb", "≤", 1024, "MB"),
        ),
        {"rows": 1_000_000},
    ),
    Case(
        "console",
        "console",
        "The web console in Chromium, and what it asks of a server with a million files of a thousand endpoints: sizes "
        "with gzip; the first page with the processor slowed down four times; a folder of 100,000 files; open pages "
        "that listen and ask from time to time. Milliseconds are those of a clock: a `load_per_core` above 1 makes"
        " them longer.",
        (
            Target("Scripts of the console's first page", "first_scripts_kib", "≤", 200, "KiB"),
            Target("Styles of the console's first page", "first_styles_kib", "≤", 15, "KiB"),
            Target("Scripts of all pages of the console", "all_scripts_kib", "≤", 450, "KiB"),
            Target("First paint of the console, slowed down 4 times", "first_paint_ms", "≤", 1000, "ms"),
            Target("The console can be used, slowed down 4 times", "interactive_ms", "≤", 2000, "ms"),
            Target("`/api/overview`, 1,000 endpoints, 1M files, 95 of 100", "overview_p95_ms", "≤", 150, "ms"),
            Target("The largest of 1M files, 95 of 100", "sort_by_size_p95_ms", "≤", 500, "ms"),
            Target("A search among 1M files, 95 of 100", "search_p95_ms", "≤", 300, "ms"),
            Target("A search among 1M files that finds nothing, 95 of 100", "search_nothing_p95_ms", "≤", 300, "ms"),
            Target("First rows of a folder of 100,000 files", "first_rows_ms", "≤", 300, "ms"),
            Target("The longest frame of ten seconds of scrolling", "scroll_longest_frame_ms", "≤", 50, "ms"),
            Target("Rows in the page meanwhile", "rows_in_page", "≤", 60, "rows"),
            Target("Memory of the page with 100,000 files", "heap_mb", "≤", 150, "MB"),
            Target("To the end of 100,000 files", "to_the_end_ms", "≤", 300, "ms"),
            Target("Memory that 500 pages leave behind", "growth_mb", "≤", 20, "MB"),
            Target("Of a core, for 20 open pages", "consoles_core_percent", "≤", 5, "%"),
            Target("`/health` with 20 open pages, 99 of 100", "health_p99_ms", "≤", 200, "ms"),
        ),
        {"files": 1_000_000, "endpoints": 1_000, "navigations": 500, "consoles": 20},
        takes_long=True,
    ),
)
