"""Files that are looked for, on both databases, compared with looking at every file."""

import unicodedata
from datetime import UTC, datetime
from fnmatch import fnmatchcase

import pytest

from filesync_dagster.core.path_filter import PathFilter
from filesync_dagster.storage.database import EndpointRecord
from filesync_dagster.storage.database.search import FileKey, FileQuery, key_of
from filesync_dagster_tests.storage.database.builders import at, batch, changes, commit, entry

DAY = datetime(2026, 2, 1, tzinfo=UTC)
MD5 = "md5:0cc175b9c0f1b6a831c399e269772661"
FILES = [
    entry("drawings", kind="folder"),
    entry("drawings/A-1.dwg", size=5, owner="Anna@example.com", content_hash=MD5),
    entry("drawings/a_1.DWG", size=2**40, modified_at=DAY),
    entry("drawings/x/y/z.pdf", size=0, modified_at=DAY.replace(day=2)),
    entry("drawings0", size=1),
    entry("drawings-old/A-1.dwg", size=7),
    entry("100%_[a].txt", size=9),
    entry(unicodedata.normalize("NFD", "Süd/Größe.txt"), size=3),
    entry("twice#1", path="twice", name="twice", size=1),
    entry("twice#2", path="twice", name="twice", size=1),
    entry("back\\slash.txt", owner="bob"),
    entry("new\nline.txt"),
]


@pytest.fixture
def endpoints(metadata, monkeypatch):
    """Two endpoints with these files, one of them with some that are gone; pages of three rows."""
    monkeypatch.setattr("filesync_dagster.storage.database.search.PAGE_ROWS", 3)
    first, second = (metadata.endpoints.register(EndpointRecord(name, "s3")) for name in ("first", "second"))
    for number in (first, second):
        commit(metadata, number, f"import{number}", imported=[batch(*FILES)])
    commit(metadata, second, "later", 1, changes=[changes(("removed", entry("drawings0", size=1), None))])
    return first, second


def fold(text):
    """Return text as it is compared."""
    return unicodedata.normalize("NFC", text).lower()


def is_name(pattern):
    """Return what tells whether a file's name has a text."""
    return lambda row: fold(pattern) in fold(row["name"])


QUERIES = {
    "everything": (FileQuery(), lambda row: True),
    "part of a name": (FileQuery(text="a-1"), is_name("a-1")),
    "no wildcard of LIKE": (FileQuery(text="_1"), is_name("_1")),
    "nor another": (FileQuery(text="%"), is_name("%")),
    "nor the escape": (FileQuery(text="back\\s"), is_name("back\\s")),
    "letters that are no ASCII": (FileQuery(text="GRÖSSE"), is_name("GRÖSSE")),
    "in any form": (FileQuery(text="größe"), is_name("größe")),
    "a line break": (FileQuery(text="w\nl"), is_name("w\nl")),
    "part of a path": (FileQuery(text="SÜD/g"), lambda row: "süd/g" in fold(row["path"])),
    "a pattern of names": (FileQuery(text="*.dwg"), lambda row: fnmatchcase(fold(row["name"]), "*.dwg")),
    "one character": (FileQuery(text="a?1.dwg"), lambda row: fnmatchcase(fold(row["name"]), "a?1.dwg")),
    "a class": (FileQuery(text="a[_x]1.dwg"), lambda row: row["name"] == "a_1.DWG"),
    "a bracket": (FileQuery(text="*[[]a].txt"), lambda row: row["name"] == "100%_[a].txt"),
    "any depth": (FileQuery(text="**/z.pdf"), lambda row: row["name"] == "z.pdf"),
    "no depth": (FileQuery(text="drawings/*"), lambda row: row["path"] in {"drawings/A-1.dwg", "drawings/a_1.DWG"}),
    "a folder": (
        FileQuery(path=PathFilter("drawings/")),
        lambda row: row["path"] == "drawings" or row["path"].startswith("drawings/"),
    ),
    "a place by pattern": (FileQuery(path=PathFilter("drawings/**/*.pdf")), lambda row: row["name"] == "z.pdf"),
    "letter by letter": (FileQuery(path=PathFilter("**/*.dwg")), lambda row: row["path"].endswith(".dwg")),
    "an owner": (FileQuery(owner="anna@"), lambda row: "Anna@" in (row["owner"] or "")),
    "a hash": (FileQuery(content_hash=MD5), lambda row: row["content_hash"] == MD5),
    "the digits of a hash": (FileQuery(content_hash=MD5[4:]), lambda row: row["content_hash"] == MD5),
    "a size": (FileQuery(min_size=5, max_size=7), lambda row: 5 <= (row["size"] or 0) <= 7),
    "a day": (
        FileQuery(modified_after=DAY, modified_before=DAY.replace(day=2)),
        lambda row: row["modified_at"] == DAY,
    ),
    "all that is said": (FileQuery(text="a-1", min_size=6), lambda row: row["path"] == "drawings-old/A-1.dwg"),
    "nothing": (FileQuery(text="zebra"), lambda row: False),
}


@pytest.mark.parametrize("name", QUERIES)
def test_what_is_looked_for_is_found(metadata, endpoints, name):
    """All of it, nothing else, by endpoint, path and id; page by page, and up to a limit."""
    query, expected = QUERIES[name]
    inventory = {
        number: [row for part in metadata.files.inventory(number) for row in part.to_pylist()] for number in endpoints
    }
    wanted = [
        (number, row["path"], row["external_id"]) for number in endpoints for row in inventory[number] if expected(row)
    ]

    def keys(batches):
        return [tuple(key_of(part.slice(at, 1))) for part in batches for at in range(part.num_rows)]

    assert keys(metadata.search.find(endpoints, query)) == wanted
    assert keys(metadata.search.find(endpoints, query, limit=2)) == wanted[:2]
    assert keys(metadata.search.find(endpoints[1:], query)) == [key for key in wanted if key[0] == endpoints[1]]
    for at_, key in enumerate(wanted):
        assert keys(metadata.search.find(endpoints, query, after=FileKey(*key))) == wanted[at_ + 1 :]


@pytest.mark.parametrize("text", ["[a", "/*", "a[z-a]"])
def test_what_is_no_pattern_is_refused(text):
    """Before anything is asked."""
    with pytest.raises(ValueError, match=r"bracket|slash|pattern"):
        FileQuery(text=text)
    with pytest.raises(ValueError, match=r"bracket|slash|pattern"):
        PathFilter(text)


def test_the_journal_is_read_behind_a_place(metadata, endpoints):
    """Of one endpoint, within times, so many at once."""
    _, second = endpoints
    [removed] = metadata.search.changes(second, limit=9).to_pylist()
    assert (removed["change"], removed["path"]) == ("removed", "drawings0")
    assert metadata.search.changes(second, after_seq=removed["seq"], limit=9).num_rows == 0
    assert metadata.search.changes(second, since=at(2), limit=9).num_rows == 0
    assert metadata.search.changes(second, until=at(1), limit=9).num_rows == 0
