from datetime import UTC, datetime

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from filesync_dagster.connectors.rest.errors import retry_after_seconds
from filesync_dagster.connectors.rest.fields import (
    INT64_MAX,
    gap_without,
    instant_of,
    instants_of,
    size_of,
    sizes_of,
    text_of,
)

MOMENT = datetime(2026, 2, 28, 10, 0, 0, tzinfo=UTC)

ANY_JSON = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(),
    st.lists(st.none()),
    st.dictionaries(st.text(), st.none()),
)
ODD_TEXT = st.one_of(
    st.text("0123456789-+:TZ. ", max_size=30),
    st.datetimes().map(lambda moment: moment.isoformat() + "Z"),
    st.builds("{}{:02}:{:02}".format, st.datetimes().map(datetime.isoformat), st.integers(-99, 99), st.integers(0, 99)),
)


@pytest.mark.parametrize(
    ("value", "size"),
    [
        (0, 0),
        ("0", 0),
        ("15", 15),
        (" 15\n", 15),
        (str(INT64_MAX), INT64_MAX),
        (INT64_MAX, INT64_MAX),
        (INT64_MAX + 1, None),
        (str(INT64_MAX + 1), None),
        ("9" * 5000, None),
        (-5, None),
        ("-5", None),
        ("+5", None),
        (1.5, None),
        ("1.5", None),
        ("1e3", None),
        ("0x10", None),
        ("", None),
        (" ", None),
        ("many", None),
        ("\u0661\u0665", None),
        ("1_000", None),
        (True, None),
        (None, None),
        ([], None),
        ({}, None),
    ],
)
def test_a_size(value, size):
    """A size is what an int64 can hold, as a number or its digits; else it is not known, alone and in a column."""
    assert size_of(value) == size
    assert sizes_of(["7", value]).to_pylist() == [7, size]
    assert sizes_of([value]).to_pylist() == [size]


@pytest.mark.parametrize(
    ("value", "moment"),
    [
        ("2026-02-28T10:00:00Z", MOMENT),
        ("2026-02-28T10:00:00.000Z", MOMENT),
        ("2026-02-28T10:00:00.0000000Z", MOMENT),
        ("2026-02-28T10:00:00.123456789Z", MOMENT.replace(microsecond=123456)),
        ("2026-02-28T12:00:00+02:00", MOMENT),
        ("2026-02-28T10:00:00", MOMENT),
        ("2026-02-28 10:00:00", MOMENT),
        (" 2026-02-28T10:00:00Z\n", MOMENT),
        ("Sat, 28 Feb 2026 10:00:00 GMT", MOMENT),
        ("Sat, 28 Feb 2026 10:00:00 -0000", MOMENT),
        ("Sat, 28 Feb 2026 12:00:00 +0200", MOMENT),
        ("0001-01-01T00:00:00Z", datetime(1, 1, 1, tzinfo=UTC)),
        ("9999-12-31T23:59:59.9999999Z", datetime.max.replace(tzinfo=UTC)),
        ("0000-12-31T00:00:00Z", None),
        ("10000-01-01T00:00:00Z", None),
        ("0001-01-01T00:00:00+05:00", None),
        ("9999-12-31T23:59:59-05:00", None),
        ("2026-02-30T00:00:00Z", None),
        ("2026-02-28T10:00:00+99:00", None),
        ("Sat, 28 Feb 2026 10:00:00 +99999999", None),
        ("Sat, 28 Feb 2026 10:00:00 +" + "9" * 5000, None),
        ("Sat, 28 Feb 99999 10:00:00 GMT", None),
        ("", None),
        ("yesterday", None),
        (1772272800, None),
        (None, None),
        ([], None),
    ],
)
def test_an_instant(value, moment):
    """A time is read as ISO 8601 or as in HTTP; one that nobody can store is not known, alone and in a column."""
    assert instant_of(value) == moment
    assert instants_of(["2026-02-28T10:00:00Z", value]).to_pylist() == [MOMENT, moment]
    assert instants_of([value]).to_pylist() == [moment]
    assert instants_of([None, "Sat, 28 Feb 2026 10:00:00 GMT", value]).to_pylist() == [None, MOMENT, moment]


@given(st.lists(ANY_JSON | ODD_TEXT))
def test_columns_of_anything(values):
    """Whatever a store sends, a column is that of the single values, and can be read back."""
    assert sizes_of(values).to_pylist() == [size_of(value) for value in values]
    times = instants_of(values)
    assert times.to_pylist() == [instant_of(value) for value in values]
    assert pa.compute.cast(times, pa.int64()).cast(times.type).equals(times)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("plan.pdf", "plan.pdf"),
        ("a\x00b", r"a\x00b"),
        ("half \ud83d", r"half \xed\xa0\xbd"),
        ("", None),
        (None, None),
        (7, None),
    ],
)
def test_a_text(value, text):
    """A text comes as every database can store it."""
    assert text_of(value) == text


@given(st.text(st.characters()))
def test_any_text(value):
    """Whatever a text holds, it can be stored."""
    stored = text_of(value)

    assert (stored is None) == (not value)
    assert "\x00" not in (stored or "").encode().decode()


def test_a_gap_names_its_entry():
    """Who reads of an entry without identity can find it: all that is told of it is shown, at bounded length."""
    gap = gap_without("a key", {"size": "5", "etag": None, "modified": "2026"}, scope="s", path="in/here")
    long = gap_without("a key", {"name": "x" * 10_000}, scope="s")

    assert (gap.scope, gap.path) == ("s", "in/here")
    assert gap.reason == "The store listed an entry without a key (size '5', modified '2026')."
    assert len(long.reason) < 400


@pytest.mark.parametrize(
    "header",
    [
        "Wed, 21 Oct 2015 07:28:00 +99999999",
        "Wed, 21 Oct 2015 07:28:00 +99999999999999",
        "Wed, 21 Oct 2015 07:28:00 +" + "9" * 5000,
        "0001-01-01T00:00:00+23:00",
        "soon",
        "²",
    ],
)
def test_a_retry_after_that_says_nothing(header):
    """A header that is no number and no time of this world says nothing; it ends no sync."""
    assert retry_after_seconds(header) is None


def test_a_retry_after_date():
    """A date in the past is now, whatever its zone."""
    assert retry_after_seconds("Wed, 21 Oct 2015 07:28:00 -0000") == 0
    assert retry_after_seconds("Wed, 21 Oct 2015 07:28:00 GMT") == 0
    assert retry_after_seconds(" 7 ") == 7
