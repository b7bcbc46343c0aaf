"""Every report about files against the same answer by hand, on random files of every kind of store."""

import json
import re
from collections import Counter, defaultdict
from datetime import timedelta

import pytest

from filesync_dagster.monitoring.reports.grants import exposure
from filesync_dagster_tests.monitoring.reports.world import DAY_END, OWN, World, written


@pytest.fixture(scope="module", params=range(3))
def world(request, tmp_path_factory):
    """Random endpoints, their snapshots, and a place for temporary files."""
    folder = tmp_path_factory.mktemp("world")
    made = World(request.param)
    return made, made.stored(folder), folder


def size_of(rows):
    """Return the bytes of some rows."""
    return sum(row["size"] or 0 for row in rows)


def written_at(row):
    """Return the later of two dates."""
    dates = [at for at in (row["modified_at"], row["created_at"]) if at]
    return max(dates) if dates else None


def days_old(row):
    """Return whole days before the end of the day."""
    return max((DAY_END - written_at(row)) // timedelta(days=1), 0) if written_at(row) else None


def shares(files, called, value_of):
    """Return {value: row} as the reports about storage have it."""
    groups = defaultdict(list)
    for row in files:
        groups[value_of(row)].append(row)
    return {
        value: {
            called: value,
            "files": len(rows),
            "bytes": size_of(rows),
            "percent": pytest.approx(100 * size_of(rows) / size_of(files), abs=0.051),
            "endpoints": len({row["endpoint"] for row in rows}),
        }
        for value, rows in groups.items()
    }


def test_storage_by_type(world):
    """The extension counts; without one, the MIME type."""
    made, held, folder = world

    def type_of(row):
        if row["kind"] == "shortcut":
            return "(shortcut)"
        found = re.fullmatch(r"[^.].*\.([a-z0-9_]{1,10})", row["name"].lower(), re.DOTALL)
        return found[1] if found and row["kind"] == "file" else row["mime_type"] or "(none)"

    expected = shares(made.files(), "type", type_of)
    numbers, rows, picture = written("storage_by_type", held, folder)
    assert {row["type"]: row for row in rows} == expected
    assert [row["bytes"] for row in rows] == sorted((row["bytes"] for row in rows), reverse=True)
    assert numbers == {"files_total": len(made.files()), "bytes_total": size_of(made.files()), "types": len(expected)}
    assert picture.names == tuple(row["type"] for row in rows)
    assert picture.series[""] == tuple(row["bytes"] for row in rows)


def test_storage_by_owner(world):
    """Files without an owner are there, and are nobody's."""
    made, held, folder = world
    numbers, rows, _ = written("storage_by_owner", held, folder)
    assert {row["owner"]: row for row in rows} == shares(made.files(), "owner", lambda row: row["owner"] or "(unknown)")
    owners = {row["owner"] for row in made.files()} - {None}
    assert numbers["owners"] == len(owners)
    assert numbers["files_without_owner"] == sum(row["owner"] is None for row in made.files())


def test_storage_by_age(world):
    """The later of the two dates counts, and what claims to come from tomorrow is new."""
    made, held, folder = world

    def age_of(row):
        days = days_old(row)
        if days is None:
            return "no date"
        limits = {30: "under 30 days", 90: "30-90 days", 365: "90 days-1 year", 730: "1-2 years", 1825: "2-5 years"}
        return next((label for limit, label in limits.items() if days < limit), "over 5 years")

    expected = shares(made.files(), "age", age_of)
    numbers, rows, picture = written("storage_by_age", held, folder)
    assert {row["age"]: row for row in rows} == expected
    old = [row for row in made.files() if (days_old(row) or 0) >= 365]
    assert (numbers["files_over_a_year"], numbers["bytes_over_a_year"]) == (len(old), size_of(old))
    assert numbers["files_without_date"] == expected["no date"]["files"]
    columns = zip(*picture.series.values(), strict=True)
    drawn = {label: sum(column) for label, column in zip(picture.labels, columns, strict=True)}
    assert drawn == {label: expected.get(label, {"bytes": 0})["bytes"] for label in picture.labels}


def test_stale_files(world):
    """Nobody has written them for as long as the settings say."""
    made, held, folder = world
    stale = [row for row in made.files() if (days_old(row) or 0) >= OWN.stale_after_days and row["kind"] != "shortcut"]
    numbers, rows, _ = written("stale_files", held, folder)
    assert {(row["endpoint"], row["path"], row["days_old"]) for row in rows} == {
        (row["endpoint"], row["path"], days_old(row)) for row in stale
    }
    assert len(rows) == len(stale) == numbers["files_stale"]
    known = sorted((row["size"] for row in stale if row["size"] is not None), reverse=True)
    assert [row["size"] for row in rows] == known + [None] * (len(stale) - len(known)), "unknown, not empty"
    assert numbers["bytes_stale"] == size_of(stale)
    assert numbers["files_total"] == len(made.files())


def test_biggest_files(world):
    """The largest first; what has no size is not among them."""
    made, held, folder = world
    known = [row for row in made.files() if row["size"] is not None]
    numbers, rows, picture = written("biggest_files", held, folder)
    assert Counter((row["size"], row["endpoint"], row["path"]) for row in rows) == Counter(
        (row["size"], row["endpoint"], row["path"]) for row in known
    )
    assert [row["size"] for row in rows] == sorted((row["size"] for row in known), reverse=True)
    assert numbers["bytes_biggest"] == 2_000_000_000
    assert numbers["files_over_1_gb"] == sum(row["size"] > 10**9 for row in known)
    assert picture.series[""] == tuple(row["size"] for row in rows[:12])


def content_of(row, bridge):
    """Return what is equal when the content is, None when nothing is known of it."""
    told = row["content_hash"]
    if row["kind"] != "file" or not row["size"] or not told:
        return None
    if told.startswith("etag:") and not re.fullmatch(r"etag:[0-9a-f]{32}-\d+", told):
        return None
    own = json.loads(row["metadata"] or "{}").get("md5")
    return f"md5:{own}" if own else bridge.get((told, row["size"]), told)


def test_duplicates(world):
    """The same content and size at several places: one object that is seen twice is none."""
    made, held, folder = world
    files = made.files()
    bridge = {
        (row["content_hash"], row["size"]): f"md5:{json.loads(row['metadata'])['md5']}"
        for row in files
        if row["metadata"] and row["content_hash"] and row["size"]
    }
    groups = defaultdict(dict)
    for row in sorted(files, key=lambda row: (row["endpoint"].encode(), row["path"].encode())):
        content = content_of(row, bridge)
        if content:
            groups[content, row["size"]].setdefault(row["object"], (row["endpoint"], row["path"]))
    groups = {key: list(copies.values()) for key, copies in groups.items() if len(copies) > 1}
    assert any(len({endpoint for endpoint, _ in copies}) > 1 for copies in groups.values())
    assert any("sha256:" in content for content, _ in groups)
    expected = {
        (content, size): {
            "wasted": size * (len(copies) - 1),
            "size": size,
            "copies": len(copies),
            "endpoints": sorted({endpoint for endpoint, _ in copies}),
            "files": [f"{endpoint}: {path}" for endpoint, path in copies],
            "content": content,
        }
        for (content, size), copies in groups.items()
    }
    numbers, rows, picture = written("duplicates", held, folder)
    assert {(row["content"], row["size"]): row for row in rows} == expected
    across = [row for row in expected.values() if len(row["endpoints"]) > 1]
    assert numbers == {
        "files_total": len(files),
        "files_hashed": sum(content_of(row, {}) is not None for row in files),
        "groups": len(expected),
        "files_duplicate": sum(row["copies"] for row in expected.values()),
        "bytes_wasted": sum(row["wasted"] for row in expected.values()),
        "groups_across_endpoints": len(across),
        "bytes_wasted_across_endpoints": sum(row["wasted"] for row in across),
    }
    again, elsewhere = Counter(), Counter()
    for (_, size), copies in groups.items():
        places = Counter(endpoint for endpoint, _ in copies)
        for endpoint, count in places.items():
            again[endpoint] += size * (count - 1)
            elsewhere[endpoint] += size if len(places) > 1 else 0
    drawn = dict(zip(picture.names, zip(*picture.series.values(), strict=True), strict=True))
    assert drawn == {name: (again[name], elsewhere[name]) for name in elsewhere}


def test_exposure(world):
    """The furthest reach of each entry; what is in a folder without permissions of its own is as open as the folder."""
    made, held, folder = world
    entries = list(made.live())
    folders = {(row["endpoint"], row["external_id"]): row for row in entries if row["kind"] == "folder"}
    expected, untold = {}, 0
    for row in entries:
        above = folders.get((row["endpoint"], row["parent_id"]))
        permissions = row["permissions"] or (above and above["permissions"])
        untold += permissions is None and row["kind"] != "folder"
        found = exposure(permissions, row["kind"], OWN) if permissions else None
        if found:
            expected[row["endpoint"], row["path"]] = (found.reach, found.who, found.may, row)
    numbers, rows, picture = written("exposure", held, folder)
    assert {(row["endpoint"], row["path"]): (row["reach"], row["who"], row["may"]) for row in rows} == {
        key: value[:3] for key, value in expected.items()
    }
    assert len(rows) == len(expected)
    assert any(row["endpoint"] == "acc" and row["kind"] == "file" for row in rows)
    order = ["public", "external", "machine"]
    assert [row["reach"] for row in rows] == sorted((row["reach"] for row in rows), key=order.index)
    for reach in order:
        those = [row for found, _, _, row in expected.values() if found == reach]
        files = [row for row in those if row["kind"] != "folder"]
        assert numbers[f"files_{reach}"] == len(files)
        assert numbers[f"bytes_{reach}"] == size_of(files)
        assert numbers[f"folders_{reach}"] == len(those) - len(files)
        drawn = dict(zip(picture.names, picture.series[reach], strict=True))
        assert drawn == {name: Counter(row["endpoint"] for row in files)[name] for name in drawn}
    assert numbers["files_untold"] == untold
    assert numbers["files_total"] == len(made.files())


@pytest.mark.parametrize(
    "name",
    ["duplicates", "storage_by_type", "storage_by_owner", "storage_by_age", "exposure", "stale_files", "biggest_files"],
)
def test_nothing_at_all_has_the_same_numbers(world, name, tmp_path):
    """No endpoint, no snapshot: the same names, all zero, so that a plot has no holes."""
    _, held, folder = world
    numbers, rows, _ = written(name, [], tmp_path)
    assert numbers == dict.fromkeys(written(name, held, folder)[0], 0) | (
        {"stale_after_days": OWN.stale_after_days} if name == "stale_files" else {}
    )
    assert rows == []
