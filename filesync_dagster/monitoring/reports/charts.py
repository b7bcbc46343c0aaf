"""Small charts as SVG text, readable on a light and on a dark page. No library is worth its import here."""

import base64
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape

WIDTH, HEIGHT = 720, 240
LEFT, RIGHT, TOP, BOTTOM = 70, 16, 34, 28
COLOURS = ("#2f6f4f", "#3b7dd8", "#e0a030", "#c8504b", "#8a63b8", "#4f9da6", "#a2725a", "#7a7f87")
ALARMING = ("#c8504b", "#e0a030", "#a9b0b8")
STEPS, LABELS = 4, 12
BAR, NAME, AMOUNT = 20, 200, 70
"""Of a ranking: the height of a row, the width of its name, and the room for its amount."""
CELL, DAYS = 24, 44
"""Of a grid: the height of a row, and the width of its name."""
NAME_LETTERS, LETTER = 30, 7


@dataclass(frozen=True)
class Frame:
    """Everything around the shapes of a chart: `top` is the value at the upper edge."""

    title: str
    names: tuple[str, ...]
    labels: tuple[str, ...]
    top: float
    unit: str = ""

    @property
    def slot(self) -> float:
        """Width that one label has."""
        return (WIDTH - LEFT - RIGHT) / max(1, len(self.labels))


def stacked_bars(title: str, labels: Sequence[str], series: Mapping[str, Sequence[float]], unit: str = "") -> str:
    """Return bars, one for each label, stacked from the series (each as long as `labels`).

    `unit` is "B" for bytes, "" for counts.
    """
    top = _rounded(max((sum(column) for column in zip(*series.values(), strict=True)), default=0))
    slot = (WIDTH - LEFT - RIGHT) / max(1, len(labels))
    bars = []
    for i, label in enumerate(labels):
        base = 0.0
        for colour, (name, values) in zip(COLOURS, series.items(), strict=False):
            if values[i]:
                y, height = _y(base + values[i], top), _y(base, top) - _y(base + values[i], top)
                box = (LEFT + i * slot + slot * 0.1, y, slot * 0.8, max(height, 1))
                bars.append(_box(box, colour, f"{label} {name}: {amount(values[i], unit)}"))
            base += values[i]
    return _page(Frame(title, tuple(series), tuple(labels), top, unit), bars)


def ranked_bars(
    title: str,
    names: Sequence[str],
    series: Mapping[str, Sequence[float]],
    unit: str = "",
    colours: Sequence[str] = COLOURS,
) -> str:
    """Return horizontal bars, one for each name, stacked from the series (each as long as `names`)."""
    sums = [sum(column) for column in zip(*series.values(), strict=True)] if names else []
    top = max(sums, default=0) or 1
    room = WIDTH - NAME - AMOUNT
    shapes = [] if names else [_text(NAME, TOP + 15, "Nothing.")]
    for i, name in enumerate(names):
        y, x = TOP + 4 + i * BAR, float(NAME)
        shapes.append(_text(NAME - 8, y + 13, _short(name), "end", name))
        for colour, (part, values) in zip(colours, series.items(), strict=False):
            width = room * values[i] / top
            if values[i]:
                hint = f"{name} {part}: {amount(values[i], unit)}".replace(" :", ":")
                shapes.append(_box((x, y + 2, max(width, 1), BAR - 4), colour, hint))
            x += width
        shapes.append(_text(x + 6, y + 13, amount(sums[i], unit)))
    return _sheet(title, [name for name in series if name], shapes, TOP + 14 + BAR * max(1, len(names)), colours)


def heat_map(
    title: str, rows: Sequence[str], columns: Sequence[str], values: Sequence[Sequence[float]], unit: str = ""
) -> str:
    """Return a grid of cells, the darker the more."""
    top = max((value for row in values for value in row), default=0) or 1
    width = (WIDTH - DAYS - RIGHT) / max(1, len(columns))
    shapes = [_text(DAYS + (i + 0.5) * width, TOP + 10, name, "middle") for i, name in enumerate(columns)]
    for i, (name, row) in enumerate(zip(rows, values, strict=True)):
        y = TOP + 16 + i * CELL
        shapes.append(_text(DAYS - 8, y + 16, name, "end"))
        for j, value in enumerate(row):
            # The root lets small numbers be seen beside a large one.
            strength = math.sqrt(value / top)
            box = (DAYS + j * width + 1, y + 1, width - 2, CELL - 2)
            colour = COLOURS[0] if value else "#eef0f2"
            opacity = 0.15 + 0.85 * strength if value else 1.0
            shapes.append(_box(box, colour, f"{name} {columns[j]}: {amount(value, unit)}", opacity))
    return _sheet(title, [], shapes, TOP + 26 + CELL * len(rows))


def amount(value: float, unit: str = "") -> str:
    """Return a number for people: 1.5 GB, 12k, 7."""
    for size, letter in ((1e15, "P"), (1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k")):
        if abs(value) >= size:
            return f"{value / size:.3g} {letter}{unit}" if unit else f"{value / size:.3g}{letter}"
    return f"{value:.3g} {unit}".strip()


def as_markdown(svg: str, alternative: str) -> str:
    """Return a chart as an image that needs no server: the Dagster UI shows it in place."""
    return f"![{alternative}](data:image/svg+xml;base64,{base64.b64encode(svg.encode()).decode()})"


def _rounded(value: float) -> float:
    """Return the least 1, 2, 4 or 8 times a power of ten that is no less: its quarters are round as well."""
    power = 10 ** math.floor(math.log10(value)) if value > 0 else 1
    return float(next(step * power for step in (1, 2, 4, 8, 10) if step * power >= value)) if value > 0 else 4.0


def _y(value: float, top: float) -> float:
    return HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * value / top


def _page(frame: Frame, shapes: Sequence[str]) -> str:
    lines = []
    for step in range(STEPS + 1):
        value = frame.top * step / STEPS
        y = _y(value, frame.top)
        lines.append(
            f'<line x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y:.1f}" y2="{y:.1f}" stroke="#d5d9de"/>'
            f'<text x="{LEFT - 8}" y="{y + 4:.1f}" text-anchor="end">{amount(value, frame.unit)}</text>'
        )
    every = max(1, math.ceil(len(frame.labels) / LABELS))
    lines += [
        f'<text x="{LEFT + (i + 0.5) * frame.slot:.1f}" y="{HEIGHT - 9}" text-anchor="middle">{_escaped(label)}</text>'
        for i, label in enumerate(frame.labels)
        if i % every == 0
    ]
    return _sheet(frame.title, frame.names, [*lines, *shapes], HEIGHT)


def _sheet(
    title: str, names: Sequence[str], shapes: Sequence[str], height: float, colours: Sequence[str] = COLOURS
) -> str:
    """Return a page with a title and the colours of the names; names that do not fit beside it move the rest down."""
    keys = [(colour, _short(name)) for colour, name in zip(colours, names, strict=False)]
    widths = [LETTER * len(name) + 22 for _, name in keys]
    beside = WIDTH - RIGHT - sum(widths)
    fits = beside > 12 + LETTER * 1.2 * len(title)
    x, y = (beside, 18.0) if fits else (12.0, 38.0)
    legend = []
    for (colour, name), width in zip(keys, widths, strict=True):
        if not fits and x + width > WIDTH - RIGHT:
            x, y = 12.0, y + 16
        legend.append(_box((x, y - 9, 10, 10), colour, name) + _text(x + 14, y, name))
        x += width
    down = 0.0 if fits else y - 18
    height += down
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height:.0f}" width="{WIDTH}" '
        f'height="{height:.0f}" font-family="system-ui, sans-serif" font-size="11" fill="#3c434b">'
        f'<rect width="{WIDTH}" height="{height:.0f}" rx="6" fill="#ffffff"/>'
        f'<text x="12" y="19" font-size="13" font-weight="600">{_escaped(title)}</text>'
        f'{"".join(legend)}<g transform="translate(0 {down:.0f})">{"".join(shapes)}</g></svg>'
    )


def _box(box: tuple[float, float, float, float], colour: str, hint: str, opacity: float = 1.0) -> str:
    x, y, width, height = box
    return (
        f'<rect x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:.1f}" fill="{colour}" '
        f'fill-opacity="{opacity:.2f}"><title>{_escaped(hint)}</title></rect>'
    )


def _text(x: float, y: float, text: str, anchor: str = "start", hint: str = "") -> str:
    more = f"<title>{_escaped(hint)}</title>" if hint else ""
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{_escaped(text)}{more}</text>'


def _short(name: str) -> str:
    """Return a name that fits: of a longer one its beginning and its end."""
    half = NAME_LETTERS // 2
    return name if len(name) <= NAME_LETTERS else f"{name[: half - 1]}…{name[-half:]}"


def _escaped(text: str) -> str:
    """Return text as XML has it: a file may have a name that XML forbids."""
    return escape("".join(c if c.isprintable() else "\ufffd" for c in text))
