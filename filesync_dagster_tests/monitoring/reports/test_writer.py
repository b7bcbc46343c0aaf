"""Reports over real syncs: days of the past, endpoints of which nothing is known, the journal, the command line."""

import csv
import io
import json
import os
import re
from collections import Counter
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import text as sql

from filesync_dagster.core.errors import ConfigError, FilesyncError, NothingKnown
from filesync_dagster.core.model import Kind
from filesync_dagster.monitoring.reports import CATALOGUE
from filesync_dagster.monitoring.reports.counted_endpoints import place_of
from filesync_dagster.monitoring.reports.writer import PLANS
from filesync_dagster_tests.cli.conftest import Shell
from filesync_dagster_tests.sync.projects import Project, live, rows_of


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    """Two folders with some of the same files, synced twice; a folder below the first; one that was never synced."""
    folder = tmp_path_factory.mktemp("reports")
    for name in ("a", "b"):
        (folder / name / "sub").mkdir(parents=True)
        (folder / name / "same.txt").write_text("the same in both")
        (folder / name / "sub" / "own.txt").write_text(f"only in {name}")
    (folder / "a" / "sub" / "again.txt").write_text("the same in both")
    os.utime(folder / "a" / "same.txt", (0, 0))
    (folder / "a" / "same.txt").chmod(0o600)
    details = {"a": "a", "b": "b", "below_a": "a/sub"}
    endpoints = [
        {"name": name, "type": "local", "endpoint_details": {"path": str(folder / path), "hash": "md5"}}
        for name, path in details.items()
    ]
    never = {"name": "never", "type": "local", "endpoint_details": {"path": str(folder)}}
    made = Project(folder / "project", *endpoints, never, partitions={"timezone": "Asia/Kathmandu"})
    with made.open() as filesync:
        for name in details:
            assert filesync.sync(name).error is None
        (folder / "b" / "new.txt").write_text("new")
        (folder / "b" / "sub" / "own.txt").unlink()
        assert filesync.sync("b").error is None
        yield filesync


def test_every_report_is_written(project):
    """As many rows as were asked for, of as many as there are."""
    assert list(CATALOGUE) == list(PLANS)
    for name in CATALOGUE:
        report = project.report(name, rows=1)
        rows = rows_of(project.report_rows(name))
        assert report.rows == rows[:1]
        assert list(report.columns) == list(rows[0]) if rows else True
        assert rows_of(project.report_rows(name, limit=2)) == rows[:2]
        if name != "activity":
            assert (report.numbers["endpoints_known"], report.numbers["endpoints_total"]) == (3, 4)
            assert any("1 of 4 endpoints" in note for note in report.notes)


def test_two_endpoints_over_one_folder_are_no_duplicates(project):
    """What `below_a` lists is in `a` as well, and costs nothing more."""
    [group] = rows_of(project.report_rows("duplicates"))
    assert group["files"] == ["a: same.txt", "a: sub/again.txt", "b: same.txt"]
    assert (group["copies"], group["wasted"]) == (3, 2 * len("the same in both"))


def test_the_numbers_are_those_of_the_inventory(project):
    """Files and bytes are those of the live rows."""
    rows = [row for name in ("a", "b", "below_a") for row in live(project, name) if row["kind"] != Kind.FOLDER]
    numbers = project.report("storage_by_type").numbers
    assert (numbers["files_total"], numbers["bytes_total"]) == (len(rows), sum(row["size"] for row in rows))
    assert project.report("exposure").numbers["files_machine"] == len(rows) - 1


def test_a_past_day_is_told_from_its_own_snapshot(project):
    """The first sync of `b` is moved to yesterday: its report says what was there then."""
    today = project.report("storage_by_type").day
    metadata = project.runtime.metadata
    first = project.syncs("b")[-1]
    evening = datetime.combine(today, datetime.min.time(), ZoneInfo("Asia/Kathmandu")) - timedelta(hours=1)
    metadata.syncs.record(replace(first, id="then", as_of=evening, sync_started=evening, sync_completed=evening))
    then = project.report("biggest_files", today - timedelta(days=1))
    assert {row["path"] for row in then.rows} == {"same.txt", "sub/own.txt"}
    assert then.numbers["endpoints_known"] == 1
    assert then == project.report("biggest_files", today - timedelta(days=1))
    with pytest.raises(NothingKnown, match="has not come yet"):
        project.report("biggest_files", today + timedelta(days=1))
    with pytest.raises(FilesyncError, match="There are: duplicates"):
        project.report("nothing")


@pytest.fixture
def two(tmp_path):
    """Two folders that were synced on each of the last days, a project whose endpoints can be edited."""
    entries = {}
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "same.txt").write_text("the same")
        entries[name] = {"name": name, "type": "local", "endpoint_details": {"path": str(tmp_path / name)}}
    made = Project(tmp_path / "project", *entries.values())
    with made.open() as filesync:
        for name in entries:
            assert filesync.sync(name).error is None
            [record] = filesync.syncs(name)
            for days in (1, 2):
                at = record.as_of - timedelta(days=days)
                earlier = replace(record, id=f"{name}-{days}", as_of=at, sync_started=at, sync_completed=at)
                filesync.runtime.metadata.syncs.record(earlier)
    return made, entries


def test_a_past_day_says_the_same_when_an_endpoint_is_gone(two):
    """Switched off or removed since, it counts on the days before its last sync; not today."""
    made, entries = two
    with made.open() as filesync:
        today = filesync.report("storage_by_type").day
        yesterday = today - timedelta(days=1)
        before = [filesync.report(name, yesterday) for name in CATALOGUE]
    for left in ([entries["a"]], [entries["a"], {**entries["b"], "is_active": False}]):
        made.write(*left)
        with made.open() as filesync:
            assert [filesync.report(name, yesterday) for name in CATALOGUE] == before
            assert filesync.report("storage_by_type").numbers["endpoints_total"] == 1


def test_old_data_is_said_to_be_old(two):
    """What was seen days before is told, and counted as outdated."""
    made, _ = two
    with made.open() as filesync:
        fresh = filesync.report("storage_by_type")
        write = filesync.runtime.metadata._database.write_transaction
        with write() as connection:
            connection.execute(sql("DELETE FROM sync_logs WHERE endpoint_id = 1 AND id <> 'a-2'"))
        old = filesync.report("storage_by_type")
        then = filesync.report("storage_by_type", old.day - timedelta(days=2))
    assert (fresh.numbers["endpoints_outdated"], fresh.notes) == (0, ())
    assert (old.numbers["endpoints_outdated"], old.numbers["endpoints_known"]) == (1, 2)
    assert old.numbers["files_total"] == 2
    [note] = old.notes
    assert note.startswith(f"No sync has described 1 of 2 endpoints on {old.day}")
    assert note.endswith(f"the oldest is of a, from {old.day - timedelta(days=2)}.")
    assert (then.numbers["endpoints_outdated"], then.notes) == (0, ())


def test_before_the_first_sync_everything_is_zero(project):
    """The same numbers, and a sentence that says why."""
    report = project.report("duplicates", date(2026, 1, 1))
    assert {value for name, value in report.numbers.items() if name != "endpoints_total"} == {0}
    assert report.rows == []
    assert report.numbers.keys() == project.report("duplicates").numbers.keys()
    assert report.notes == ("Nothing is stored about 4 of 4 endpoints as of 2026-01-01.",)


def test_activity_is_the_journal_by_weekday_and_hour(project):
    """In the time zone of the partitions, a quarter of an hour beside the others; imports are none."""
    zone = ZoneInfo("Asia/Kathmandu")
    expected = Counter()
    for row in rows_of(project.changes("b")):
        local = row["observed_at"].astimezone(zone)
        expected[f"{local:%a}", local.hour] += 1
    assert sum(expected.values()) == 2
    report = project.report("activity", rows=200)
    assert Counter({(row["weekday"], row["hour"]): row["changes"] for row in report.rows}) == expected
    assert len(report.rows) == 7 * 24
    assert report.numbers["changes_total"] == 2
    grid = report.picture
    cells = {
        (day, int(hour))
        for day, row in zip(grid.rows, grid.values, strict=True)
        for hour, n in zip(grid.columns, row, strict=True)
        if n
    }
    assert cells == set(expected)
    assert project.report("activity", report.day - timedelta(days=1)).numbers["changes_total"] == 0


def test_a_lost_snapshot_is_named_and_the_others_are_told(tmp_path):
    """Somebody deleted a file below the snapshot root, and the database cannot make up for it."""
    (tmp_path / "files").mkdir()
    (tmp_path / "files" / "x.txt").write_text("x")
    entries = [{"name": n, "type": "local", "endpoint_details": {"path": str(tmp_path / "files")}} for n in ("a", "b")]
    with Project(tmp_path / "project", *entries).open() as filesync:
        results = {result.endpoint: result for result in filesync.sync_many()}
        filesync.local_snapshot(results["a"].snapshot_uri).unlink()
        with filesync.runtime.metadata._database.write_transaction() as connection:
            connection.execute(sql("DELETE FROM files"))
        report = filesync.report("biggest_files")
    assert [row["endpoint"] for row in report.rows] == ["b"]
    assert report.numbers["endpoints_known"] == 1
    assert len(report.notes) == 1
    assert report.notes[0].startswith("a: The stored file")


@pytest.mark.parametrize(
    ("kind", "one", "other", "same"),
    [
        ("s3", {"bucket": "x", "prefix": "a/"}, {"bucket": "x"}, True),
        ("s3", {"bucket": "x"}, {"bucket": "y"}, False),
        ("s3", {"bucket": "x"}, {"bucket": "x", "endpoint_url": "http://minio:9000"}, False),
        ("local", {"path": "/a"}, {"path": "/b"}, False),
    ],
)
def test_where_ids_are_unique(kind, one, other, same):
    """Of an object store, in the bucket; of paths, below the root."""
    assert (place_of("a", kind, one) == place_of("b", kind, other)) is same


@pytest.mark.parametrize(
    ("settings", "problem"),
    [
        (
            {"own_domains": ["@company.com"]},
            "reports.own_domains: '@company.com' is not a domain such as 'company.com'",
        ),
        ({"stale_after_days": 0}, "reports.stale_after_days: must be at least 1"),
        ({"own_domain": ["company.com"]}, "unknown key 'reports.own_domain'. Did you mean 'own_domains'?"),
    ],
)
def test_settings_that_mean_nothing_are_refused(tmp_path, settings, problem):
    """With the place in the file, as everything else in it."""
    with pytest.raises(ConfigError, match=re.escape(problem)):
        Project(tmp_path, reports=settings).open()


@pytest.fixture(scope="module")
def shell(tmp_path_factory):
    """The command line over a folder with a hostile name in it."""
    made = Shell(tmp_path_factory.mktemp("shell"))
    made.write(made.endpoint(endpoint_details={"path": str(made.store), "hash": "sha256"}))
    made.put("a.txt", "12345")
    made.put('b/"\x1b[31m,\n.txt', "12345")
    assert made.run("sync").exit_code == 0
    return made


def test_a_report_for_people(shell):
    """What it comes to, then the rows; nothing that a terminal would obey."""
    result = shell.run("report", "duplicates")
    assert result.exit_code == 0
    assert result.stdout.startswith(f"Duplicates on {datetime.now(UTC).date()}\n")
    lines = [line.split() for line in result.stdout.split("\n")]
    assert ["bytes_wasted", "5", "B"] in lines
    assert any(line[:5] == ["5", "B", "5", "B", "2"] for line in lines)
    assert "\x1b" not in result.stdout


def test_a_report_for_programs(shell):
    """Rows alone: names and values exactly, a header even without rows."""
    [group] = shell.json("report", "duplicates", "--format", "json")
    names = ["docs: a.txt", 'docs: b/"\x1b[31m,\n.txt']
    assert group["files"] == names
    text = shell.run("report", "duplicates", "--format", "csv").stdout_bytes.decode()
    [row] = csv.DictReader(io.StringIO(text, newline=""))
    assert json.loads(row["files"]) == names
    assert [row["path"] for row in shell.json("report", "biggest_files", "--format", "json", "--limit", "1")] == [
        "a.txt"
    ]
    assert shell.run("report", "stale_files", "--format", "csv").stdout.startswith("endpoint,path,size,days_old")
    early = shell.run("report", "biggest_files", "--format", "csv", "--day", "2026-01-01")
    assert early.stdout_bytes == b"endpoint,path,size,written_at,owner,link\r\n"
    assert early.stderr == "Nothing is stored about 1 of 1 endpoints as of 2026-01-01.\n"


@pytest.mark.parametrize("arguments", [["nothing"], ["duplicates", "--day", "soon"], ["duplicates", "--limit", "-1"]])
def test_what_is_not_understood_is_said(shell, arguments):
    """One sentence, exit code 2."""
    result = shell.run("report", *arguments)
    assert result.exit_code == 2
    assert "Traceback" not in result.output


def test_a_day_to_come(shell):
    """One sentence, exit code 1."""
    result = shell.run("report", "duplicates", "--day", "2999-01-01")
    assert result.exit_code == 1
    assert result.stderr.startswith("Error: 2999-01-01 has not come yet.")
