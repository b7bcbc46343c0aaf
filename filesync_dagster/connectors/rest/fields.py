"""The fields of an entry, as stores spell them: one rule for all of them. Pure: no I/O.

A size, a time, an owner is data: where a store sent something that cannot be read it is null, and the entry is listed
all the same. An id or a key is identity: without it there is no row, and `gap_without` says so and names the entry, so
that nothing of its scope counts as gone. No function here raises, whatever it is given.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc

from filesync_dagster.core.model import ListingGap, to_storable_text
from filesync_dagster.core.schemas import TIMESTAMP

INT64_MAX: Final = 2**63 - 1
INT64_DIGITS: Final = 19
INSTANT_CHARACTERS: Final = 100  # longer ones are no times
SHOWN_CHARACTERS: Final = 300  # of an entry, in a message

HTTP_DATE_CHARACTERS: Final = 29
MONTHS: Final = {
    month: f"{number:02}"
    for number, month in enumerate(
        ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"), start=1
    )
}

EARLIEST: Final = datetime.min.replace(tzinfo=UTC)
LATEST: Final = datetime.max.replace(tzinfo=UTC)


def size_of(value: object) -> int | None:
    """Return a size in bytes, given as a number or as its digits; None for what is none, or no int64.

    >>> [size_of(value) for value in (0, "15", " 15 ", "", "1.5", 1.5, -1, 2**63, True, None)]
    [0, 15, 15, None, None, None, None, None, None, None]
    """
    if isinstance(value, str):
        digits = value.strip()
        # Digits of other scripts are none of a protocol's, and very long numbers are slow to read.
        readable = digits.isascii() and digits.isdigit() and len(digits.lstrip("0")) <= INT64_DIGITS
        value = int(digits) if readable else None
    if not isinstance(value, int) or isinstance(value, bool):
        return None
    return value if 0 <= value <= INT64_MAX else None


def sizes_of(values: Sequence[object]) -> "pa.Array[Any]":
    """Return `size_of` of each value as a column."""
    try:
        texts: pa.Array[Any] = pa.array(values, pa.string())
        if (
            pc.all(pc.ascii_is_decimal(texts)).as_py() is not False
        ):  # Arrow would read signs and hexadecimal digits, too
            return texts.cast(pa.int64())
    except (pa.ArrowException, TypeError, ValueError, OverflowError):
        pass  # not all of them are plain digits
    return pa.array([size_of(value) for value in values], pa.int64())


def instant_of(value: object) -> datetime | None:
    """Return a time in UTC, given as ISO 8601 or as in HTTP (RFC 1123); None for anything else.

    One outside the years 1 to 9999 is none, one without a zone is meant in UTC. Digits beyond microseconds are cut off.

    >>> str(instant_of("Sat, 28 Feb 2026 10:00:00 GMT"))
    '2026-02-28 10:00:00+00:00'
    >>> instant_of("2026-02-30T00:00:00Z"), instant_of("")
    (None, None)
    """
    if not isinstance(value, str) or len(value) > INSTANT_CHARACTERS:
        return None
    for parse in (datetime.fromisoformat, parsedate_to_datetime):
        try:
            found = parse(value.strip())
            return found.astimezone(UTC) if found.tzinfo else found.replace(tzinfo=UTC)
        except (ValueError, TypeError, OverflowError, IndexError):
            continue
    return None


def instants_of(values: Sequence[object]) -> "pa.Array[Any]":
    """Return `instant_of` of each value as a column."""
    try:
        column: pa.Array[Any] = pa.array(_in_iso_8601(values), pa.string()).cast(TIMESTAMP)
        if _within_years(column):
            return column
    except (pa.ArrowException, TypeError, ValueError, OverflowError, KeyError):
        pass  # another precision, offset or spelling than usual
    return pa.array([instant_of(value) for value in values], TIMESTAMP)


def _in_iso_8601(values: Sequence[object]) -> Sequence[object]:
    """Return times as they are; if the first is as in HTTP, all of them in ISO 8601. Raises for what is neither."""
    first = next((value for value in values if value is not None), None)
    if not (isinstance(first, str) and first.endswith(" GMT")):
        return values
    return [None if value is None else _http_date(value) for value in values]


def _http_date(value: Any) -> str:
    """Return an HTTP date, such as `Sat, 28 Feb 2026 10:00:00 GMT`, in ISO 8601. Raises for any other spelling."""
    if len(value) != HTTP_DATE_CHARACTERS or value[3:5] != ", " or not value.endswith(" GMT"):
        raise ValueError
    return f"{value[12:16]}-{MONTHS[value[8:11]]}-{value[5:7]}T{value[17:25]}Z"


def text_of(value: object) -> str | None:
    """Return a text as it can be stored, halves of surrogate pairs included; None for what is none, or empty."""
    if not isinstance(value, str) or not value:
        return None
    if "\\" not in value and value.isprintable():
        return value
    return to_storable_text(value.encode("utf-8", "surrogatepass"))


def texts_of(values: Sequence[object]) -> list[str | None]:
    """Return `text_of` of each value of a column in which few differ."""
    try:
        known = {value: text_of(value) for value in set(values)}
    except TypeError:
        return [text_of(value) for value in values]  # lists and objects among them
    return [known[value] for value in values]


def gap_without(name: str, entry: Mapping[str, object], *, scope: str, path: str = "") -> ListingGap:
    """Return the gap that an entry leaves which lacks what it is identified by; `path` is what was listed."""
    told = ", ".join(f"{key} {value!r}" for key, value in entry.items() if value is not None)
    shown = f"{told[:SHOWN_CHARACTERS]}…" if len(told) > SHOWN_CHARACTERS else told
    return ListingGap(scope, path, f"The store listed an entry without {name} ({shown or 'nothing is told of it'}).")


def _within_years(column: "pa.Array[Any]") -> bool:
    """Whether all times are such that Python and every database have them."""
    moments = column.cast(pa.int64())
    least, most = pc.min(moments).as_py(), pc.max(moments).as_py()
    return least is None or (_microseconds(EARLIEST) <= least and most <= _microseconds(LATEST))


def _microseconds(moment: datetime) -> int:
    microseconds: int = pa.scalar(moment, TIMESTAMP).cast(pa.int64()).as_py()
    return microseconds
