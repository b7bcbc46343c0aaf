"""What a report shows as a picture, as data: how it is drawn is decided elsewhere.

`unit` is "B" for bytes, "" for counts.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Ranking:
    """Named amounts, the largest first: of one series (called ""), or of several that add up.

    `alarming`: the first series is the worst, and should look so.
    """

    names: tuple[str, ...]
    series: dict[str, tuple[float, ...]]
    unit: str = ""
    alarming: bool = False


@dataclass(frozen=True)
class Stacks:
    """Amounts by label, each stacked from the same series."""

    labels: tuple[str, ...]
    series: dict[str, tuple[float, ...]]
    unit: str = ""


@dataclass(frozen=True)
class Grid:
    """Amounts by row and column: `values` has one tuple for each row."""

    rows: tuple[str, ...]
    columns: tuple[str, ...]
    values: tuple[tuple[float, ...], ...]
    unit: str = ""


Picture = Ranking | Stacks | Grid
