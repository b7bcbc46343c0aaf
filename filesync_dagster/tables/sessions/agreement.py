"""Whether the tables of a request are those of its sources: by their names, never by their order."""

from typing import TYPE_CHECKING, Any, Final

import pyarrow as pa

from filesync_dagster.core.errors import TableError
from filesync_dagster.tables.model import DataSet, Table
from filesync_dagster.tables.sessions.description import type_of
from filesync_dagster.tables.sessions.request import GenerationRequest, RequestedTable

if TYPE_CHECKING:
    from collections.abc import Callable

DIFFERENCES_SHOWN_COUNT: Final = 10


class TablesDiffer(TableError):
    """What a request describes is not what its sources have."""


def require_agreement(request: GenerationRequest, read: DataSet) -> DataSet:
    """Return the tables of the sources that a request describes; all of them where it describes none.

    Raises TablesDiffer, which lists what is not as described.
    """
    if not request.tables:
        return read
    known = {table.name: table for table in read.tables}
    differences = [line for asked in request.tables for line in _differences(asked, known.get(asked.name))]
    if differences:
        more = len(differences) - DIFFERENCES_SHOWN_COUNT
        shown = "; ".join(differences[:DIFFERENCES_SHOWN_COUNT]) + (f"; and {more} more" if more > 0 else "")
        raise TablesDiffer(
            f"The tables of the request are not those of the sources: {shown}.",
            hint=f"The sources have: {', '.join(sorted(known)[:20]) or 'no table'}. Leave `tables` out to take all.",
            code="tables_differ",
            field="tables",
        )
    names = {table.name for table in request.tables}
    relations = tuple(one for one in read.relations if one.child in names and one.parent in names)
    return DataSet(tuple(table for table in read.tables if table.name in names), relations, read.rules)


def _differences(asked: RequestedTable, table: Table | None) -> list[str]:
    if table is None:
        return [f"there is no table {asked.name}"]
    if not asked.columns:
        return []
    wanted = {column.name: column for column in asked.columns}
    found = [f"there is no column {asked.name}.{name}" for name in wanted if name not in table.schema.names]
    found += [f"{asked.name}.{name} is not described" for name in table.schema.names if name not in wanted]
    for column in table.schema.columns:
        if column.name in wanted and not _fits(type_of(wanted[column.name].data_type), column.type):
            found.append(f"{asked.name}.{column.name} is {column.type} and not {wanted[column.name].data_type}")
    return found


def _fits(said: pa.DataType, is_type: pa.DataType) -> bool:
    """Tell whether values of a type may be called so: anything may be called text, and 0 and 1 a truth."""
    families = (_family(said), _family(is_type))
    return families[0] in {"text", families[1]} or families[1] == "nothing" or families == ("truth", "number")


def _family(kind: pa.DataType) -> str:
    tests: dict[str, Callable[[Any], bool]] = {
        "nothing": pa.types.is_null,
        "number": lambda one: pa.types.is_integer(one) or pa.types.is_floating(one) or pa.types.is_decimal(one),
        "truth": pa.types.is_boolean,
        "day": lambda one: pa.types.is_date(one) or pa.types.is_timestamp(one),
        "time": pa.types.is_time,
    }
    return next((name for name, test in tests.items() if test(kind)), "text")
