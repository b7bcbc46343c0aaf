"""Two small charts as SVG text, readable on a light and on a dark page. No library is worth its import here."""

import base64
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape

WIDTH, HEIGHT = 720, 240
LEFT, RIGHT, TOP, BOTTOM = 70, 16, 34, 28
COLOURS = ("#2f6f4f", "#3b7dd8", "#e0a030", "#c8504b", "#8a63b8", "#4f9da6", "#a2725a", "#7a7f87")
STEPS, LABELS = 4, 12


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
                bars.append(
                    f'<rect x="{LEFT + i * slot + slot * 0.1:.1f}" y="{y:.1f}" width="{slot * 0.8:.1f}" '
                    f'height="{max(height, 1):.1f}" fill="{colour}">'
                    f"<title>{escape(f'{label} {name}: {amount(values[i], unit)}')}</title></rect>"
                )
            base += values[i]
    return _page(Frame(title, tuple(series), tuple(labels), top, unit), bars)


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
            f'<text x="{LEFT - 8}" y="{y + 4:.1f}" text-anchor="end">{escape(amount(value, frame.unit))}</text>'
        )
    every = max(1, math.ceil(len(frame.labels) / LABELS))
    lines += [
        f'<text x="{LEFT + (i + 0.5) * frame.slot:.1f}" y="{HEIGHT - 9}" text-anchor="middle">{escape(label)}</text>'
        for i, label in enumerate(frame.labels)
        if i % every == 0
    ]
    keys, x = [], WIDTH - RIGHT
    for colour, name in reversed(list(zip(COLOURS, frame.names, strict=False))):
        x -= 7 * len(name) + 22
        keys.append(
            f'<rect x="{x}" y="9" width="10" height="10" fill="{colour}"/>'
            f'<text x="{x + 14}" y="18">{escape(name)}</text>'
        )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" height="{HEIGHT}" '
        'font-family="system-ui, sans-serif" font-size="11" fill="#3c434b">'
        f'<rect width="{WIDTH}" height="{HEIGHT}" rx="6" fill="#ffffff"/>'
        f'<text x="12" y="19" font-size="13" font-weight="600">{escape(frame.title)}</text>'
        f"{''.join(keys)}{''.join(lines)}{''.join(shapes)}</svg>"
    )
