"""Rows as a CSV file that is sent while it is written, and of which a spreadsheet takes nothing for a formula."""

from __future__ import annotations

import csv
import io
import json
from typing import TYPE_CHECKING, Any

from starlette.responses import StreamingResponse

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

FORMULA = ("=", "+", "-", "@", "\t", "\r", "＝", "＋", "－", "＠")  # noqa: RUF001 - full-width forms are formulas, too
"""With what begins what a spreadsheet would take for a formula."""


def csv_answer(name: str, columns: Sequence[str], pages: Iterable[Sequence[Mapping[str, Any]]]) -> StreamingResponse:
    """Return an answer that a browser keeps as a file of this name."""
    headers = {"content-disposition": f'attachment; filename="{name}"', "cache-control": "no-store"}
    return StreamingResponse(_lines(columns, pages), headers=headers, media_type="text/csv; charset=utf-8")


def _lines(columns: Sequence[str], pages: Iterable[Sequence[Mapping[str, Any]]]) -> Iterator[str]:
    yield ",".join(columns) + "\r\n"
    for rows in pages:
        text = io.StringIO()
        writer = csv.writer(text)
        for row in rows:
            writer.writerow([_plain(row[name]) for name in columns])
        yield text.getvalue()


def _plain(value: object) -> object:
    if isinstance(value, dict | list):
        return json.dumps(value, ensure_ascii=False, default=str)
    return f"'{value}" if isinstance(value, str) and value.startswith(FORMULA) else value
