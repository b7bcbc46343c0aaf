"""Whatever Python's csv writes is read cell for cell, or refused: never fewer rows without saying."""

import csv
import io
import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from filesync_dagster.core.errors import TableError
from filesync_dagster.tables.reading import ReadOptions, read_tables
from filesync_dagster_tests.sizes import size
from filesync_dagster_tests.tables.reading.test_corpus import rows_of

MEANT_OTHERWISE = st.text("ab1.,;|\"' \t\n\r-/:éß日0", max_size=4)
ANY = st.text(st.characters(codec="utf-8", exclude_categories=("Cs", "Cc")), max_size=4)
LETTERS = st.lists(MEANT_OTHERWISE | ANY, max_size=3).map("".join)  # one text() of both has few of the first


@st.composite
def written(draw):
    """Return rows of texts, and what csv writes of them in some dialect."""
    width = draw(st.integers(2, 5))
    rows = draw(st.lists(st.lists(LETTERS, min_size=width, max_size=width), min_size=1, max_size=12))
    dialect = {
        "delimiter": draw(st.sampled_from(",;\t|")),
        "lineterminator": draw(st.sampled_from(["\n", "\r\n"])),
        "quoting": draw(st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL, csv.QUOTE_NONNUMERIC])),
    }
    if dialect["lineterminator"] == "\n" and any("\r" in cell for row in rows for cell in row):
        dialect["quoting"] = csv.QUOTE_ALL  # before Python 3.13, csv writes it without: then nobody can tell
    out = io.StringIO(newline="")
    header = [f"name {number}" for number in range(width)]
    csv.writer(out, **dialect).writerows([header, *rows])
    return header, rows, out.getvalue(), dialect["delimiter"], draw(st.sampled_from(["utf-8", "utf-8-sig", "utf-16"]))


def check(case, *, said):
    """Read it as texts; compare cell for cell."""
    header, rows, text, delimiter, encoding = case
    options = {
        "types": dict.fromkeys(header, "text"),
        "header_row": 1,
        **({"delimiter": delimiter, "quote": '"'} if said else {}),
    }
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "x.csv")
        path.write_bytes(text.encode(encoding))
        try:
            [table] = read_tables(path, "x", ReadOptions(**options), Path(folder, "out"))
        except TableError as error:
            refusal = error
            table = None
        if table is None:
            assert not said or refusal.code in {"mixed_line_ends", "empty"}, (refusal, text)
            return
        null = {"", "NULL", "\\N"}  # NULL where they are not quoted
        found = [tuple("" if cell is None or cell in null else cell for cell in row) for row in rows_of(table)]
        wanted = [tuple("" if cell in null else cell for cell in row) for row in rows]
        assert found == wanted, (text, table.schema.warnings)
        assert "trailing_delimiters" not in {warning.code for warning in table.schema.warnings}, text


@settings(max_examples=size(60, 20_000), deadline=None, suppress_health_check=list(HealthCheck))
@given(written())
def test_what_csv_writes_is_read(case):
    """With the delimiter and the quote said."""
    check(case, said=True)


@pytest.mark.slow
@settings(max_examples=size(150, 20_000), deadline=None, suppress_health_check=list(HealthCheck))
@given(written())
def test_what_csv_writes_is_read_or_refused_when_nobody_says_how(case):
    """The dialect is found out, or a column that is said to be there is not: never other cells."""
    check(case, said=False)
