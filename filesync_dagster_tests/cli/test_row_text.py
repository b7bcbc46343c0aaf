"""CSV and JSON lines made column by column are what Python's `csv` and `json` write, whatever is in the rows."""

import csv
import io
import json

import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from filesync_dagster.cli.row_text import csv_lines, json_lines

TEXT = (
    st.none()
    | st.text(st.characters(exclude_categories=("Cs",)))
    | st.sampled_from(['"', ",", "\r", "\n", "\\", "", "\x00", "\x1f", "é\u2028"])
)
ROWS = st.lists(
    st.tuples(TEXT, TEXT, st.none() | st.integers(-(2**63), 2**63 - 1), st.none() | st.booleans()), max_size=6
)
SCHEMA = pa.schema([("first", pa.string()), ("the second", pa.string()), ("size", pa.int64()), ("is", pa.bool_())])


def batch_of(rows):
    """Return rows as a record batch."""
    columns = list(zip(*rows, strict=True)) or [[]] * len(SCHEMA)
    return pa.record_batch([pa.array(list(c), f.type) for c, f in zip(columns, SCHEMA, strict=True)], schema=SCHEMA)


@settings(deadline=None)
@given(ROWS)
def test_csv_is_what_the_csv_module_writes(rows):
    """CRLF, quotes where they must be, null as nothing."""
    expected = io.StringIO()
    csv.writer(expected, lineterminator="\r\n").writerows(rows)
    assert csv_lines(batch_of(rows)) == expected.getvalue().encode()


@settings(deadline=None)
@given(st.lists(TEXT, max_size=6))
def test_csv_of_one_column(values):
    """An empty field alone is quoted: an empty line is no row."""
    expected = io.StringIO()
    csv.writer(expected, lineterminator="\r\n").writerows([value] for value in values)
    assert csv_lines(pa.record_batch([pa.array(values, pa.string())], names=["a"])) == expected.getvalue().encode()


@settings(deadline=None)
@given(ROWS)
def test_json_is_what_the_json_module_writes(rows):
    """An object a line, in the order of the columns, not escaped to ASCII."""
    lines = [json.dumps(dict(zip(SCHEMA.names, row, strict=True)), ensure_ascii=False) + "\n" for row in rows]
    assert json_lines(batch_of(rows)) == "".join(lines).encode()
