"""Values as a person reads them, and tables that neither a hostile name nor a pipe can break."""

from __future__ import annotations

import os
import sys
import unicodedata
from dataclasses import dataclass
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime, tzinfo

    from rich.console import Console

UNITS = ("B", "KiB", "MiB", "GiB", "TiB", "PiB")

LEAST_WIDTH = 6
"""Characters of a cell that a table has room for, at the least."""

JOINERS = "\u200c\u200d"  # part of Persian words and of emoji: invisible, harmless


def printable(text: str) -> str:
    r"""Return text with everything escaped that could move a cursor, ring, colour or reorder.

    >>> printable("a\x1b[31mb\n\u202ec")
    'a\\x1b[31mb\\n\\u202ec'
    """
    if text.isprintable():
        return text
    return "".join(c if _harmless(c) else c.encode("unicode_escape").decode() for c in text)


def _harmless(character: str) -> bool:
    return character.isprintable() or character in JOINERS or unicodedata.category(character) == "Zs"


def announce(sentence: str, *, err: bool = False) -> None:
    """Print what a service has to say, if anybody still reads it: a service does not end with its reader."""
    try:
        click.echo(sentence, err=err)
    except BrokenPipeError:
        # Or what is buffered would raise again when it is flushed, at the latest when the process ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), (sys.stderr if err else sys.stdout).fileno())


def size(count: int | None) -> str:
    """Return a number of bytes with at most four digits.

    >>> size(0), size(1023), size(1536), size(10**9), size(None)
    ('0 B', '1023 B', '1.5 KiB', '954 MiB', '-')
    """
    if count is None:
        return "-"
    power = min((max(count, 1).bit_length() - 1) // 10, len(UNITS) - 1)
    number = count / 1024**power
    return f"{number:.0f} {UNITS[power]}" if power == 0 or number >= 100 else f"{number:.1f} {UNITS[power]}"  # noqa: PLR2004 - digits


def moment(at: datetime | None, zone: tzinfo | None = None) -> str:
    """Return a moment to the minute, in a time zone."""
    return "-" if at is None else at.astimezone(zone).strftime("%Y-%m-%d %H:%M")


def iso(at: datetime | None) -> str | None:
    """Return a moment as JSON carries it: ISO 8601 in UTC with a `Z`."""
    from datetime import UTC

    return None if at is None else at.astimezone(UTC).replace(tzinfo=None).isoformat() + "Z"


def duration(seconds: float) -> str:
    """Return a duration with the units that matter.

    >>> duration(0.81), duration(75), duration(7322)
    ('0.8 s', '1 min 15 s', '2 h 2 min')
    """
    if seconds < 60:  # noqa: PLR2004 - a minute
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:  # noqa: PLR2004 - an hour
        return f"{minutes} min {rest} s"
    return f"{minutes // 60} h {minutes % 60} min"


def plural(count: int, noun: str) -> str:
    """Return a count and its noun.

    >>> plural(1, "file"), plural(1200, "file")
    ('1 file', '1,200 files')
    """
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


def on_terminal() -> bool:
    """Whether a person looks at standard output."""
    return sys.stdout.isatty()


def console(*, stderr: bool = False) -> Console:
    """Return rich's console; it respects NO_COLOR."""
    from rich.console import Console

    return Console(stderr=stderr, highlight=False)


@dataclass(frozen=True)
class Column:
    """A column of a table."""

    title: str
    right: bool = False
    style: str = ""


@dataclass(frozen=True)
class Cell:
    """A value and how a terminal shows it."""

    text: str
    style: str = ""


def print_table(columns: Sequence[Column], rows: Iterable[Sequence[Cell | str]], *, title: str = "") -> None:
    """Print rows: as a table on a terminal, elsewhere as aligned lines without colours, one a row."""
    cells = [[cell if isinstance(cell, Cell) else Cell(cell) for cell in row] for row in rows]
    cells = [[Cell(printable(cell.text), cell.style) for cell in row] for row in cells]
    if on_terminal() and _fits(columns, cells):
        _print_rich(columns, cells, title)
    else:
        _print_plain(columns, cells)


def _fits(columns: Sequence[Column], rows: Sequence[Sequence[Cell]]) -> bool:
    """Tell whether a terminal is wide enough for a table: in a very narrow one it would have no room for a letter."""
    texts = zip([column.title for column in columns], *([cell.text for cell in row] for row in rows), strict=True)
    return console().width >= sum(min(max(map(len, column)), LEAST_WIDTH) + 2 for column in texts)


def _print_rich(columns: Sequence[Column], rows: Sequence[Sequence[Cell]], title: str) -> None:
    from rich import box
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD, title=title or None, title_justify="left", pad_edge=False)
    for column in columns:
        table.add_column(
            column.title,
            justify="right" if column.right else "left",
            style=column.style or None,
            overflow="fold",
        )
    for row in rows:
        table.add_row(*(Text(cell.text, style=cell.style) for cell in row))
    console().print(table)


def _print_plain(columns: Sequence[Column], rows: Sequence[Sequence[Cell]]) -> None:
    lines = [[column.title for column in columns], *([cell.text for cell in row] for row in rows)]
    widths = [max(len(line[i]) for line in lines) for i in range(len(columns))]
    for line in lines:
        padded = [
            text.rjust(width) if column.right else text.ljust(width)
            for text, width, column in zip(line, widths, columns, strict=True)
        ]
        click.echo("  ".join(padded).rstrip())
