"""Days and moments that Python's calendar has: years 1 to 9999. Databases and files have more."""

from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc

FIRST_DAY: Final = -719_162  # 0001-01-01, in days since 1970
LAST_DAY: Final = 2_932_896  # 9999-12-31
UNITS_A_DAY: Final = {"s": 86_400, "ms": 86_400_000, "us": 86_400_000_000, "ns": 86_400_000_000_000}
BEYOND: Final = "infinity, or a year that is not between 1 and 9999"


def within_calendar(array: Any) -> tuple[Any, int]:
    """Return dates or moments with NULL for those that the calendar has not, and how many these are.

    >>> within_calendar(pa.array([0, FIRST_DAY - 1, None], pa.date32()))[1]
    1
    """
    kind = array.type
    if pa.types.is_date32(kind):
        return keep_good(array, _between(array.view(pa.int32()), FIRST_DAY, LAST_DAY))
    if pa.types.is_timestamp(kind) and kind.unit != "ns":  # which ends before the calendar does
        a_day = UNITS_A_DAY[kind.unit]
        return keep_good(array, _between(array.view(pa.int64()), FIRST_DAY * a_day, (LAST_DAY + 1) * a_day - 1))
    return array, 0


def _between(values: Any, first: int, last: int) -> Any:
    kind = values.type
    return pc.and_(pc.greater_equal(values, pa.scalar(first, kind)), pc.less_equal(values, pa.scalar(last, kind)))


def keep_good(array: Any, good: Any) -> tuple[Any, int]:
    """Return values with NULL for those that are not good, and how many these are."""
    if pc.all(good).as_py() is not False:
        return array, 0
    return pc.if_else(good, array, pa.scalar(None, array.type)), int(pc.sum(pc.invert(good)).as_py())
