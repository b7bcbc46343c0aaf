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
)
