import sqlite3

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from filesync_dagster.core.model import from_storable_text, respell_key, to_storable_text

ODD = st.lists(st.sampled_from([b"\\", b"x", b"\\x", b"5c", b"00", b"ff", b"\x00", b"\xff", "é".encode(), b"a"])).map(
    b"".join
)


@given(st.binary() | ODD)
@example(rb"\x00")
@example(rb"\x5cxff")
@example(b"\xed\xa0\xbd")
def test_every_name_has_a_text_of_its_own(raw):
    """Text and back: the same bytes. Every database can store it."""
    text = to_storable_text(raw)

    assert from_storable_text(text) == raw
    assert "\x00" not in text
    assert sqlite3.connect(":memory:").execute("SELECT ?", (text,)).fetchone() == (text,)


@given(st.text())
def test_text_stays_as_it_is(text):
    """Unless something in it looks like a byte that is none."""
    if "\x00" not in text and "\\x" not in text:
        assert to_storable_text(text.encode("utf-8", "replace")) == text


@given(st.binary() | ODD)
def test_what_was_written_before_is_written_anew(raw):
    """The raw bytes beside it tell what it was; without them it is what it looks like."""
    before = raw.decode("utf-8", "backslashreplace").replace("\x00", "\\x00")
    metadata = None if before.encode() == raw else f'{{"key_hex":"{raw.hex()}"}}'

    assert respell_key(before, metadata) == to_storable_text(raw)


@pytest.mark.parametrize("name", ["plan.pdf", "C:\\x", "\\x4", "\\xFF", "\\y00", "a\\"])
def test_names_that_do_not_change(name):
    """What is not written as a byte would be stays."""
    assert to_storable_text(name.encode()) == name
