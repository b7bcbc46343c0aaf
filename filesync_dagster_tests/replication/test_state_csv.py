"""States as CSV: what is written, what is refused, and what is different, told by a dictionary too."""

import csv
import random
from datetime import UTC, datetime, timedelta, timezone

import pyarrow as pa
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from filesync_dagster.core.errors import ProtocolViolation
from filesync_dagster.replication.state_csv import STATE_SCHEMA, StateChangeKind, diff_states, read_state, write_state
from filesync_dagster.replication.state_csv_lines import COLUMNS, find_problem, read_header
from filesync_dagster_tests.cli.conftest import shell  # noqa: F401 - a fixture

HEADER = ",".join(COLUMNS)
DAY = datetime(2026, 1, 5, 8, tzinfo=UTC)
ROW = {
    "file_path": "a", "permissions": "rw-r--r--", "size": 5, "file_type": "text/plain", "last_modified": DAY,
    "internal_id": "1",
}  # fmt: skip


def row(path="a", **values):
    """Return a row."""
    return {**ROW, "file_path": path, **values}


def batches(rows, each=3):
    """Return rows in batches."""
    for start in range(0, len(rows), each):
        yield pa.RecordBatch.from_pylist(rows[start : start + each], schema=STATE_SCHEMA)


@pytest.fixture
def keep(tmp_path):
    """Return what writes rows, or a text, as a state."""

    def write(name, content):
        path = tmp_path / name
        if isinstance(content, str):
            path.write_text(content, newline="")
        else:
            write_state(path, batches(content), tmp_path / "temp")
        return path

    return write


def differences(old, new, temp, **options):
    """Return what is different."""
    with diff_states(old, new, temp, **options) as diff:
        found = list(diff.changes())
        assert sum(diff.counts.values()) == len(found)
        return found


def test_what_is_written(keep):
    """A header, quotes where they are needed, nothing for what is not known, sorted by bytes."""
    rows = [
        row("é"),
        row('say "hi", twice', size=None, last_modified=None),
        row("line\nbreak", permissions=None, file_type=None, internal_id=None),
        row("=1+1", last_modified=DAY.replace(microsecond=120)),
        row("B", permissions=""),
    ]
    path = keep("state.csv", rows)
    assert path.read_bytes().decode() == (
        "file_path,permissions,size,file_type,last_modified,internal_id\n"
        "=1+1,rw-r--r--,5,text/plain,2026-01-05T08:00:00.000120+00:00,1\n"
        "B,,5,text/plain,2026-01-05T08:00:00+00:00,1\n"
        '"line\nbreak",,5,,2026-01-05T08:00:00+00:00,\n'
        '"say ""hi"", twice",rw-r--r--,,text/plain,,1\n'
        "é,rw-r--r--,5,text/plain,2026-01-05T08:00:00+00:00,1\n"
    )
    assert keep("none.csv", []).read_text() == f"{HEADER}\n"


def test_a_state_appears_whole_or_not_at_all(tmp_path, keep):
    """What was there before stays when writing fails."""
    path = keep("state.csv", [row()])

    def broken():
        yield from batches([row("b")])
        raise OSError("the source broke")

    with pytest.raises(Exception, match="the source broke"):
        write_state(path, broken(), tmp_path / "temp")
    assert "\na," in path.read_text()


VALUES = st.none() | st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\0"), min_size=1, max_size=6)
MOMENTS = st.none() | st.datetimes(datetime(1970, 1, 2), datetime(9000, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001
ROWS = st.lists(
    st.fixed_dictionaries(
        {
            "file_path": VALUES.filter(bool),
            "permissions": VALUES,
            "size": st.none() | st.integers(0, 2**63 - 1),
            "file_type": VALUES,
            "last_modified": MOMENTS,
            "internal_id": VALUES,
        }
    ),
    max_size=4,
    unique_by=lambda found: found["file_path"],
)


@settings(max_examples=12, deadline=None)
@given(ROWS)
def test_what_was_written_is_read(tmp_path_factory, rows):
    """By us and by Python's csv, whatever is in it; `unknown` alone is nothing."""
    folder = tmp_path_factory.mktemp("state")
    path = folder / "state.csv"
    write_state(path, batches(rows), folder / "temp")
    wanted = sorted(rows, key=lambda found: found["file_path"].encode())
    with path.open(newline="") as file:
        plain = list(csv.DictReader(file, strict=True))
    assert [found["file_path"] for found in plain] == [found["file_path"] for found in wanted]
    assert [found["permissions"] or None for found in plain] == [found["permissions"] for found in wanted]
    read = [found for batch in read_state(path, folder / "temp") for found in batch.to_pylist()]
    known = [
        {name: None if value == "unknown" and name != "file_path" else value for name, value in one.items()}
        for one in wanted
    ]
    assert read == known


@pytest.mark.parametrize(
    ("text", "line", "problem"),
    [
        ("", 1, "the columns file_path, permissions"),
        ("file_path,permissions,size,file_type,last_modified\n", 1, "no column internal_id"),
        (f"{HEADER},more\n", 1, "the columns are "),
        (f"{HEADER}\na,,,,,\na,,,,,\n", 3, "the file_path 'a' was in line 2 already"),
        (f'{HEADER}\n"a\nb",,,,,\nc,,-5,,,\n', 4, "the size '-5' is no whole number"),
        (f"{HEADER}\na,,5.5,,,\n", 2, "the size '5.5' is no whole number"),
        (f"{HEADER}\na,,99999999999999999999,,,\n", 2, "no whole number"),
        (f"{HEADER}\na,,9223372036854775808,,,\n", 2, "no whole number"),
        (f"{HEADER}\na,,,,yesterday,\n", 2, "the last_modified 'yesterday' is no ISO 8601 time"),
        (f"{HEADER}\na,,,,2026-02-30T00:00:00Z,\n", 2, "no ISO 8601 time"),
        (f"{HEADER}\na,,,,infinity,\n", 2, "no ISO 8601 time"),
        (f"{HEADER}\n,,5,,,\n", 2, "no file_path"),
        (f"{HEADER}\na,,,,,\nb,,,,\n", 3, "5 fields, and 6 are needed"),
        (f"{HEADER}\na,,,,,,x\n", 2, "7 fields, and 6 are needed"),
        (f'{HEADER}\na,,,,,\n"b,,,,,\n', 3, "this is not CSV"),
        (f'{HEADER}\n"a"b,,,,,\n', 2, "this is not CSV"),
    ],
)
def test_what_is_wrong_is_told_with_its_line(keep, tmp_path, text, line, problem):
    """In the file that has it."""
    good, bad = keep("good.csv", [row()]), keep("bad.csv", text)
    for old, new in ((good, bad), (bad, good)):
        with pytest.raises(ProtocolViolation) as refused:
            differences(old, new, tmp_path / "temp")
        assert str(refused.value).startswith(f"bad.csv:{line}: ")
        assert problem in str(refused.value)


def test_what_is_no_utf_8_is_told_with_its_line(keep, tmp_path):
    """The bytes of a name that nobody can read."""
    path = keep("bad.csv", "")
    path.write_bytes(f"{HEADER}\na,,,,,\n".encode() + b"\xff,,,,,\n")
    with pytest.raises(ProtocolViolation, match=r"bad\.csv:3: this is not UTF-8"):
        differences(path, path, tmp_path / "temp")


PIECES = st.sampled_from(
    ["a", "b", ",", '"', "\n", "\r\n", ",,,,,", "5", "unknown", "2026-01-05", "T08:00Z", "é", " ", "a,,5,,,\n"]
)


@settings(max_examples=30, deadline=None)
@given(st.lists(PIECES, max_size=14))
@example(["a", ",,,,,", ",,,,,"])
def test_the_quick_reader_takes_what_the_careful_one_takes(tmp_path_factory, pieces):
    """Only what is wrong is read line by line: the two must agree, but for ends of lines of two kinds in one file."""
    folder = tmp_path_factory.mktemp("state")
    path = folder / "state.csv"
    path.write_text(f"{HEADER}\n{''.join(pieces)}", newline="")
    careful = find_problem(path)
    try:
        rows = sum(batch.num_rows for batch in read_state(path, folder / "temp"))
    except ProtocolViolation:
        assert careful is not None or "\r\n" in pieces
    else:
        assert careful is None
        with path.open(newline="") as file:
            assert rows == sum(1 for fields in csv.reader(file) if fields) - 1


def test_reading_is_liberal_where_it_is_harmless(keep, tmp_path):
    """`unknown` and nothing, ends of lines of Windows, a mark of UTF-8, times in other zones or in none."""
    ours = keep("ours.csv", [row("a", size=None, permissions=None), row("b")])
    theirs = keep(
        "theirs.csv",
        f"\ufeff{HEADER}\r\n"
        "b,rw-r--r--,5,text/plain,2026-01-05T10:00:00+02:00,1\r\n"
        "a,unknown,unknown,text/plain,2026-01-05 08:00:00,1\r\n",
    )
    assert read_header(theirs) is None
    assert differences(ours, theirs, tmp_path / "temp") == []


def test_what_is_different(keep, tmp_path):
    """Every kind, with the columns that changed."""
    later = DAY + timedelta(hours=1)
    old = [
        row("same"),
        row("gone", size=7, internal_id="g"),
        row("grown"),
        row("shut"),
        row("from", internal_id="m"),
        row("null", size=None),
    ]
    new = [
        row("same", last_modified=DAY.astimezone(timezone(timedelta(hours=5)))),
        row("come", size=8, internal_id="c"),
        row("grown", size=6, last_modified=later),
        row("shut", permissions="rw-------"),
        row("to", internal_id="m", permissions=None),
        row("null", size=0),
    ]
    found = differences(keep("old.csv", old), keep("new.csv", new), tmp_path / "temp")
    assert [(one.kind.value, one.file_path, one.new_path, one.changed) for one in found] == [
        ("create", "come", None, ()),
        ("move", "from", "to", ("permissions",)),
        ("delete", "gone", None, ()),
        ("update", "grown", None, ("size", "last_modified")),
        ("update", "null", None, ("size",)),
        ("permissions", "shut", None, ("permissions",)),
    ]
    assert found[3].before["size"] == 5
    assert found[3].after["last_modified"] == later
    assert "size" not in found[4].before
    apart = differences(keep("old.csv", old), keep("new.csv", new), tmp_path / "temp", moves=False)
    assert [one.file_path for one in apart if one.kind in {"create", "delete"}] == ["come", "from", "gone", "to"]


def unique(paths, rows, key):
    """Return the paths by a value that none of the others has."""
    values = {}
    for path in paths:
        values.setdefault(key(rows[path]), []).append(path)
    return {value: found[0] for value, found in values.items() if value is not None and len(found) == 1}


def times(one):
    """Return size, time and type, where they say something."""
    known = one["size"] is not None and one["last_modified"] is not None
    return (one["size"], one["last_modified"], one["file_type"]) if known else None


def by_dictionary(old, new, *, moves):
    """Compare two states as anybody would: the second opinion."""
    before, after = ({one["file_path"]: one for one in rows} for rows in (old, new))
    pairs = {}
    for key in (lambda one: one["internal_id"], times) if moves else ():
        gone = unique([path for path in before if path not in after and path not in pairs], before, key)
        come = unique([path for path in after if path not in before and path not in pairs.values()], after, key)
        pairs |= {gone[value]: come[value] for value in gone.keys() & come.keys()}
    found = {("delete", path, None, ()) for path in before.keys() - after.keys() - pairs.keys()}
    found |= {("create", path, None, ()) for path in after.keys() - before.keys() - set(pairs.values())}
    for path, new_path in {**pairs, **dict.fromkeys(before.keys() & after.keys())}.items():
        changed = tuple(name for name in COLUMNS[1:] if before[path][name] != after[new_path or path][name])
        kind = "permissions" if changed == ("permissions",) else "update"
        if changed or new_path:
            found.add(("move" if new_path else kind, path, new_path, changed))
    return found


def random_states(chance, count):
    """Return two states of few paths and few values, so that everything happens, and one often."""

    def some(path):
        return row(
            path,
            permissions=chance.choice([None, "rw-r--r--", "rwx------"]),
            size=chance.choice([None, 0, 1, 2]),
            file_type=chance.choice([None, "a/b"]),
            last_modified=chance.choice([None, DAY, DAY + timedelta(microseconds=1)]),
            internal_id=chance.choice([None, *(f"i{number}" for number in range(count))]),
        )

    paths = [f"p{number}" for number in range(count)]
    old = [some(path) for path in paths if chance.random() < 0.7]
    new = [dict(one) if chance.random() < 0.4 else some(one["file_path"]) for one in old if chance.random() < 0.7]
    known = {one["file_path"] for one in new}
    return old, new + [some(path) for path in paths if path not in known and chance.random() < 0.4]


def test_a_dictionary_finds_the_same(tmp_path):
    """10,000 random pairs of states. They are compared side by side: a prefix for each pair is in every value."""
    chance = random.Random(20260105)
    pairs = [random_states(chance, chance.randint(1, 6)) for _ in range(10_000)]

    def apart(rows, number):
        """Return rows that no other pair has anything in common with: sizes and ids tell them apart."""
        return [
            {
                **one,
                "file_path": f"{number:05}/{one['file_path']}",
                "size": None if one["size"] is None else one["size"] + 10 * number,
                "internal_id": one["internal_id"] and f"{number}:{one['internal_id']}",
            }
            for one in rows
        ]

    sides = [[one for number, pair in enumerate(pairs) for one in apart(pair[side], number)] for side in (0, 1)]
    files = []
    for name, rows in zip(("old", "new"), sides, strict=True):
        files.append(tmp_path / name)
        write_state(files[-1], batches(rows, 10_000), tmp_path / "temp")
    for moves in (True, False):
        wanted = set()
        for number, (old, new) in enumerate(pairs):
            wanted |= by_dictionary(apart(old, number), apart(new, number), moves=moves)
        found = differences(*files, tmp_path / "temp", moves=moves)
        assert {(one.kind.value, one.file_path, one.new_path, one.changed) for one in found} == wanted
        assert {one.kind for one in found} == set(StateChangeKind) - (set() if moves else {StateChangeKind.MOVE})


def test_the_command(shell, tmp_path, keep):  # noqa: F811 - the fixture
    """Lines for people, objects for programs, and a sentence about a file that is wrong."""
    old = keep("old.csv", [row("a"), row("b", size=9), row("evil\x1b[31m")])
    new = keep("new.csv", [row("a", size=6), row("c/b", size=9)])
    told = shell.run("diff", str(old), str(new))
    assert told.exit_code == 0
    assert told.stdout.splitlines() == [
        "update      a (size)",
        "move        b -> c/b",
        "delete      evil\\x1b[31m",
        "1 delete, 1 move, 1 update",
    ]
    objects = shell.json("diff", str(old), str(new), "--json", "--no-moves")
    assert [(one["op"], one["file_path"]) for one in objects] == [
        ("update", "a"), ("delete", "b"), ("create", "c/b"), ("delete", "evil\x1b[31m")
    ]  # fmt: skip
    assert (objects[0]["before"]["size"], objects[0]["after"]["last_modified"]) == (5, "2026-01-05T08:00:00+00:00")
    assert shell.run("diff", str(old), str(old)).stdout == "The two states are the same.\n"
    wrong = shell.run("diff", str(old), str(keep("bad.csv", f"{HEADER}\na,,x,,,\n")))
    assert wrong.exit_code == 1
    assert wrong.stderr.startswith("Error: bad.csv:2: the size 'x' is no whole number of bytes.")
