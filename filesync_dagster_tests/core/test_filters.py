"""Filters: what is selected, what need not be entered, and what they say about a mistake."""

from datetime import UTC, date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from filesync_dagster.core.filters import Filters
from filesync_dagster.core.schemas import build_batch


def listing(*entries):
    """Return rows of (path, kind, size, mime_type, modified_at), later values defaulting."""
    rows = [(*entry, *("", "file", 10, None, None)[len(entry) :]) for entry in entries]
    paths, kinds, sizes, types, times = zip(*rows, strict=True) if rows else ([], [], [], [], [])
    columns = {
        "external_id": paths,
        "scope": [""] * len(rows),
        "name": [path.rstrip("/").rpartition("/")[2] for path in paths],
        "path": paths,
        "kind": kinds,
        "size": sizes,
        "mime_type": types,
        "modified_at": times,
        "trashed": [False] * len(rows),
    }
    return build_batch(columns, len(rows))


def selected(filters, *entries):
    """Return the paths of the entries that the filters select."""
    batch = listing(*entries)
    return [
        path for path, keep in zip(batch["path"].to_pylist(), filters.select(batch).to_pylist(), strict=True) if keep
    ]


TREE = [
    ("a.pdf",),
    ("A.PDF",),
    ("drawings", "folder", None),
    ("drawings/plan.dwg",),
    ("drawings/old", "folder", None),
    ("drawings/old/plan.dwg",),
    ("drawings/~$lock.docx",),
    (".hidden/x.pdf",),
    ("a//b.pdf",),
    ("../up.pdf",),
    ("/lead.pdf",),
    ("line\nbreak.pdf",),
    ("{a,b}.pdf",),
    ("trail/",),
]
EVERYTHING = [entry[0] for entry in TREE]


@pytest.mark.parametrize(
    ("patterns", "expected"),
    [
        (["**"], EVERYTHING),
        (["*"], ["a.pdf", "A.PDF", "drawings", "line\nbreak.pdf", "{a,b}.pdf"]),
        (["drawings/**"], [path for path in EVERYTHING if path.startswith("drawings")]),
        (["drawings/"], [path for path in EVERYTHING if path.startswith("drawings")]),
        (["drawings/*.dwg"], ["drawings", "drawings/plan.dwg"]),
        (["**/plan.dwg"], ["drawings", "drawings/plan.dwg", "drawings/old", "drawings/old/plan.dwg"]),
        (["drawings/**/plan.dwg"], ["drawings", "drawings/plan.dwg", "drawings/old", "drawings/old/plan.dwg"]),
        (["?.pdf"], ["a.pdf"]),
        (["[!a]?pdf", "[a-b].pdf"], ["a.pdf"]),
        (["{a,b}.pdf"], ["{a,b}.pdf"]),
        (["**/lead.pdf", "**/b.pdf", "**/up.pdf"], ["drawings", "drawings/old", "a//b.pdf", "../up.pdf", "/lead.pdf"]),
    ],
)
def test_include(patterns, expected):
    """Files that match are selected, and the folders that match or can hold a match."""
    assert expected == selected(Filters(include=patterns), *TREE)


@pytest.mark.parametrize(
    ("patterns", "gone"),
    [
        (["**/~$*"], ["drawings/~$lock.docx"]),
        (["drawings"], [path for path in EVERYTHING if path.startswith("drawings")]),
        (["drawings/"], [path for path in EVERYTHING if path.startswith("drawings")]),
        (["drawings/**"], [path for path in EVERYTHING if path.startswith("drawings/")]),
        (["**/old"], ["drawings/old", "drawings/old/plan.dwg"]),
        (["**/.*"], [".hidden/x.pdf", "../up.pdf"]),
        (["**"], EVERYTHING),
    ],
)
def test_exclude(patterns, gone):
    """What matches goes, and so does everything below it."""
    assert [path for path in EVERYTHING if path not in gone] == selected(Filters(exclude=patterns), *TREE)


def test_case():
    """Patterns tell case apart unless told not to; file types never do."""
    assert selected(Filters(include=["a.pdf"]), ("a.pdf",), ("A.PDF",)) == ["a.pdf"]
    assert selected(Filters(include=["a.pdf"], case_sensitive=False), ("a.pdf",), ("A.PDF",)) == ["a.pdf", "A.PDF"]
    assert selected(Filters(file_types=["Pdf"]), ("a.pdf",), ("A.PDF",), ("a.doc",)) == ["a.pdf", "A.PDF"]


def test_file_types():
    """Extensions and MIME types select files; folders pass."""
    tree = [
        ("d.x", "folder", None),
        ("a.tar.gz",),
        ("b.gz",),
        ("c", "file", 1, "image/png"),
        ("d", "file", 1, "image/svg+xml"),
        ("e", "file", 1, "text/plain"),
        ("pdf",),
    ]

    assert selected(Filters(file_types=[".tar.gz"]), *tree) == ["d.x", "a.tar.gz"]
    assert selected(Filters(file_types=["image/*"]), *tree) == ["d.x", "c", "d"]
    assert selected(Filters(file_types=["pdf", "TEXT/plain"]), *tree) == ["d.x", "e"]


@pytest.mark.parametrize(
    ("size", "expected"),
    [
        (5, 5),
        ("5", 5),
        ("5 B", 5),
        ("5GB", 5_000_000_000),
        ("5gib", 5 * 2**30),
        ("10 MiB", 10 * 2**20),
        ("1.5kB", 1_500),
        ("2TB", 2 * 10**12),
    ],
)
def test_size_units(size, expected):
    """Decimal and binary units are told apart."""
    assert expected == Filters(max_size=size).max_size


def test_size_limits():
    """Both limits are inclusive; folders and unknown sizes pass."""
    tree = [("f", "folder", None), ("null", "document", None), ("0", "file", 0), ("5", "file", 5), ("9", "file", 9)]

    assert selected(Filters(min_size=5), *tree) == ["f", "null", "5", "9"]
    assert selected(Filters(max_size=5), *tree) == ["f", "null", "0", "5"]


def test_times():
    """From the first moment on, up to but without the second; a date is its midnight in UTC."""
    first, second = datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 2, 1, tzinfo=UTC)
    tree = [("f", "folder"), ("null",), ("first", "file", 1, None, first), ("second", "file", 1, None, second)]

    assert selected(Filters(modified_after=date(2026, 1, 1)), *tree) == ["f", "null", "first", "second"]
    assert selected(Filters(modified_after="2026-01-01T00:00:01"), *tree) == ["f", "null", "second"]
    assert selected(Filters(modified_before="2026-02-01T01:00:00+01:00"), *tree) == ["f", "null", "first"]


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({"max_size": "5 bananas"}, "is not a size"),
        ({"min_size": -1}, "greater than or equal to 0"),
        ({"min_size": 2, "max_size": 1}, "min_size is larger than max_size"),
        ({"modified_after": "yesterday"}, "is not a date"),
        ({"modified_after": "2026-01-02", "modified_before": "2026-01-01"}, "is not before"),
        ({"file_types": ["*.pdf"]}, "is not a file type"),
        ({"include": ["/a"]}, "begins with a slash"),
        ({"include": [""]}, "is not a pattern"),
        ({"include": []}, "at least 1 item"),
        ({"exclude": ["[z-a]"]}, "is not a pattern"),
        ({"exclude": "tmp"}, "valid list"),
        ({"includes": ["a"]}, "Extra inputs"),
    ],
)
def test_mistakes(values, sentence):
    """A mistake is named, and how to write it right."""
    with pytest.raises(ValidationError, match=sentence):
        Filters.model_validate(values)


def test_fingerprint():
    """It is empty for everything, the same for the same selection and different for a different one."""
    assert Filters().is_default
    assert Filters(include=["**", "a"], case_sensitive=False).fingerprint() == ""
    assert Filters(file_types=["pdf", ".DWG"]).fingerprint() == Filters(file_types=["dwg", "PDF"]).fingerprint()
    different = [
        Filters(file_types=["pdf"]),
        Filters(include=["pdf"]),
        Filters(include=["pdf"], case_sensitive=False),
        Filters(exclude=["pdf"]),
        Filters(min_size=1),
        Filters(max_size=1),
        Filters(modified_after=date(2026, 1, 1)),
        Filters(modified_before=date(2026, 1, 1)),
    ]
    assert len(different) == len({filters.fingerprint() for filters in different} - {""})


def test_empty_batch():
    """No rows, no answers."""
    assert selected(Filters(include=["a"], exclude=["b"], file_types=["c"], min_size=1)) == []


segments = st.text(st.sampled_from("ab.~"), min_size=1, max_size=3)
paths = st.lists(segments, min_size=1, max_size=4).map("/".join)
patterns = st.lists(
    st.one_of(st.just("**"), st.text(st.sampled_from("ab.*?~"), min_size=1, max_size=3)),
    min_size=1,
    max_size=4,
).map("/".join)


@given(st.lists(patterns, min_size=1, max_size=3), st.lists(patterns, max_size=2), paths, paths)
def test_an_excluded_tree_holds_nothing_selected(include, exclude, folder, below):
    """Whatever is not entered would not have been selected."""
    filters = Filters(include=include, exclude=exclude)
    if filters.excludes_tree(folder):
        inside = f"{folder}/{below}"
        assert selected(filters, (inside,), (inside, "folder")) == []


@given(st.lists(patterns, min_size=1, max_size=3), paths)
def test_the_folders_of_a_selected_file_are_selected(include, path):
    """A path can be derived from its folders, so they come with the file."""
    filters = Filters(include=include)
    parts = path.split("/")
    folders = ["/".join(parts[:depth]) for depth in range(1, len(parts))]
    if selected(filters, (path,)):
        assert folders == selected(filters, *[(folder, "folder") for folder in folders])
        assert not any(filters.excludes_tree(folder) for folder in folders)


def test_one_answer_from_both_engines():
    """A path is excluded as a tree exactly when its row is excluded by its pattern."""
    filters = Filters(exclude=["**/[a-c&&]x", "**/ü?", "q~~[!|^]", "a b#*"])
    for path in ["bx", "&x", "d/üö", "q~~-", "q~~|", "q~~^", "a b#1", "plain", "a\\b"]:
        assert filters.excludes_tree(path) == (selected(filters, (path, "folder")) == [])


def test_root_is_always_entered():
    """The endpoint's own folder is never pruned."""
    assert not Filters(include=["nothing"], exclude=["**"]).excludes_tree("")
