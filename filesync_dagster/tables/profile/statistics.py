"""Statistics of one column in memory: what is counted of its values, as JSON values.

Its values are sorted once as whole numbers, texts by their hash; all else follows from that.
"""

from collections import Counter
from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from filesync_dagster.tables.profile.masks import mask
from filesync_dagster.tables.profile.values import (
    Values,
    is_number,
    is_temporal,
    is_text,
    json_number,
    json_value,
    whole_numbers,
)

TOP_COUNT = 20
MASK_COUNT = 5
SHARES = np.linspace(0.0, 1.0, 21)
TEXT_SAMPLE_ROWS = 2_000
_MOST_DECIMALS = 9
_DECIMALS_SAMPLE_ROWS = 20_000

Tally = Callable[[Values], tuple[int, list[tuple[Any, int]]]]
"""Counts the distinct ones of some values, and says which are the most frequent."""


def column_statistics(values: Values, tally: Tally) -> dict[str, Any]:
    """Return what is counted of the values of a column.

    Of all: `count`, `nulls`, `distinct`, `top` (values with their counts), `min`, `max`, `order` of the rows. Of
    numbers and times: `quantiles` 0 to 100 by 5; of numbers `mean`, `sd`, `decimals`, `integral_share`. Of texts:
    lengths, `words`, and `masks` of the most frequent shapes.
    """
    found: dict[str, Any] = {"count": len(values), "nulls": values.null_count}
    filled = values.drop_null() if values.null_count else values
    if not len(filled) or pa.types.is_null(values.type):
        return {**found, "nulls": len(values), "distinct": 0, "top": []}
    if pa.types.is_floating(values.type):
        return {**found, **_of_floats(filled.to_numpy())}
    if (whole := whole_numbers(filled)) is not None:
        return {**found, **_of_whole(whole, filled)}
    distinct, frequent = tally(filled)
    found["distinct"] = distinct
    found["top"] = [{"value": json_value(value, filled.type), "count": count} for value, count in frequent]
    return {**found, **(_of_decimals(filled) if pa.types.is_decimal(filled.type) else _of_texts(filled, distinct))}


def _of_floats(values: np.ndarray) -> dict[str, Any]:
    """Return the statistics of floating-point numbers; what is not finite is counted, and no part of the others."""
    finite = values[np.isfinite(values)]
    outside = {"not_finite": len(values) - len(finite)} if len(finite) < len(values) else {}
    if not len(finite):
        return {"distinct": len(np.unique(values)), "top": [], **outside}
    ordered = np.sort(finite)
    starts, counts = _runs(ordered)
    decimals, integral = _decimals(finite)
    return {
        "distinct": len(starts) + len(np.unique(values[~np.isfinite(values)])),
        "top": [{"value": float(ordered[starts[i]]), "count": int(counts[i])} for i in _largest(counts)],
        "min": float(ordered[0]),
        "max": float(ordered[-1]),
        "order": _order(finite) if len(finite) == len(values) else None,
        "mean": float(finite.mean(dtype=np.float64)),
        "sd": float(finite.std(dtype=np.float64)),
        "quantiles": [float(ordered[i]) for i in _positions(len(ordered))],
        "decimals": decimals,
        "integral_share": integral,
        **outside,
    }


def _of_whole(whole: np.ndarray, values: Values) -> dict[str, Any]:
    """Return the statistics of what is a whole number inside: integers, times, booleans, decimals of 18 digits."""
    kind = values.type
    ordered = np.sort(whole)
    starts, counts = _runs(ordered)
    found = {
        "distinct": len(starts),
        "top": [{"value": json_value(ordered[starts[i]], kind), "count": int(counts[i])} for i in _largest(counts)],
        "min": json_value(ordered[0], kind),
        "max": json_value(ordered[-1], kind),
        "order": _order(whole),
    }
    if is_temporal(kind):
        found["quantiles"] = [json_value(ordered[i], kind) for i in _positions(len(ordered))]
    if is_number(kind):
        scale = kind.scale if pa.types.is_decimal(kind) else 0
        unit = 10.0**scale
        found |= {
            "mean": float(whole.mean(dtype=np.float64) / unit),
            "sd": float(whole.std(dtype=np.float64) / unit),
            "quantiles": [json_number(ordered[i], kind) for i in _positions(len(ordered))],
            "decimals": _scale_used(ordered, scale),
            "integral_share": 1.0 if scale == 0 else float(np.mean(whole % 10**scale == 0)),
        }
    return found


def _of_texts(values: Values, distinct: int) -> dict[str, Any]:
    """Return the statistics of texts or bytes but for how many are distinct."""
    kind = values.type
    lengths = (pc.utf8_length if is_text(kind) else pc.binary_length)(values)
    bounds = pc.min_max(lengths)
    found: dict[str, Any] = {
        "length_min": bounds["min"].as_py(),
        "length_max": bounds["max"].as_py(),
        "length_mean": float(np.mean(lengths.to_numpy())),
    }
    if not is_text(kind):
        return found
    ends = pc.min_max(values)
    sample = spread(values, TEXT_SAMPLE_ROWS)
    return found | {
        "min": json_value(ends["min"].as_py(), kind),
        "max": json_value(ends["max"].as_py(), kind),
        "order": _text_order(values, distinct),
        "words": float(np.mean([len(text.split()) for text in sample])),
        "masks": _masks(sample),
    }


def _of_decimals(values: Values) -> dict[str, Any]:
    """Return the statistics of decimals of more than 18 digits; their quantiles are near, their ends exact."""
    ends, kind = pc.min_max(values), values.type
    near = np.sort(values.cast(pa.float64()).to_numpy())
    return {
        "min": json_value(ends["min"].as_py(), kind),
        "max": json_value(ends["max"].as_py(), kind),
        "mean": float(near.mean()),
        "sd": float(near.std()),
        "quantiles": [float(near[i]) for i in _positions(len(near))],
        "decimals": kind.scale,
        "integral_share": float(np.mean(near == np.floor(near))),
    }


def _runs(ordered: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return where each value of sorted ones begins, and how often it is there."""
    starts = np.flatnonzero(np.concatenate(([True], ordered[1:] != ordered[:-1])))
    return starts, np.diff(np.append(starts, len(ordered)))


def _largest(counts: np.ndarray) -> list[int]:
    """Return the positions of the largest counts; of equal ones those that come first. What is unique has none."""
    repeated = np.flatnonzero(counts > 1)
    if len(counts) <= TOP_COUNT:
        repeated = np.arange(len(counts))
    order = np.argsort(-counts[repeated], kind="stable")[:TOP_COUNT]
    return [int(i) for i in repeated[order]]


def _positions(count: int) -> list[int]:
    """Return the positions of the quantiles among sorted values."""
    return [int(i) for i in np.floor(SHARES * (count - 1) + 0.5)]


def _order(values: np.ndarray) -> str | None:
    """Return whether values only rise, or only fall, in the order of the rows: "rising", "falling"."""
    if len(values) < 2 or values[0] == values[1]:  # noqa: PLR2004 - one has no order
        return None
    if values[0] < values[1]:
        return "rising" if bool(np.all(values[1:] > values[:-1])) else None
    return "falling" if bool(np.all(values[1:] < values[:-1])) else None


def _text_order(values: Values, distinct: int) -> str | None:
    """Return whether texts only rise in the order of the rows."""
    if distinct < len(values) or distinct < 2 or values[0].as_py() > values[1].as_py():  # noqa: PLR2004 - likewise
        return None
    return "rising" if pc.all(pc.less(values[:-1], values[1:])).as_py() else None


def _decimals(values: np.ndarray) -> tuple[int | None, float]:
    """Return how many decimals numbers have, None for more than a person would write, and the share of whole ones."""
    integral = float(np.mean(values == np.floor(values)))
    if integral == 1.0:
        return 0, integral
    sample = values[:: max(1, len(values) // _DECIMALS_SAMPLE_ROWS)]
    for decimals in range(_MOST_DECIMALS + 1):
        if np.array_equal(np.round(sample, decimals), sample):
            is_all = len(sample) == len(values) or np.array_equal(np.round(values, decimals), values)
            if is_all:
                return decimals, integral
    return None, integral


def _scale_used(whole: np.ndarray, scale: int) -> int:
    """Return how many of the decimals of a type are used."""
    while scale > 0 and bool(np.all(whole % 10 == 0)):
        whole, scale = whole // 10, scale - 1
    return scale


def _masks(sample: list[str]) -> list[dict[str, Any]]:
    """Return the shapes of some texts, the most frequent first, with the share that has them."""
    found = Counter(mask(text) for text in sample)
    frequent = sorted(found.items(), key=lambda item: (-item[1], item[0]))[:MASK_COUNT]
    return [{"mask": shape, "share": count / len(sample)} for shape, count in frequent]


def spread(values: Values, count: int) -> list[Any]:
    """Return some values, evenly from all over a column."""
    if len(values) > count:
        values = values.take(np.linspace(0, len(values) - 1, count).astype(np.int64))
    found: list[Any] = values.to_pylist()
    return found
