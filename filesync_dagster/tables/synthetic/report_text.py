"""Reports as plain text for a terminal: the same JSON that is stored, so that an old one can be read again."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

BAR_CELLS = 24
_MISSING = "–"  # noqa: RUF001  # a dash
_BLOCKS = " ▁▂▃▄▅▆▇█"

Json = Mapping[str, Any]


def quality_text(report: Json) -> str:
    """Return a quality report, as its `as_json` gives it, as lines for a terminal."""
    return "\n".join(_quality_lines(report)) + "\n"


def privacy_text(report: Json) -> str:
    """Return a privacy report, as its `as_json` gives it, as lines for a terminal."""
    return "\n".join(_privacy_lines(report)) + "\n"


def _quality_lines(report: Json) -> Iterator[str]:
    headline = report["headline"]
    if headline is None:
        yield "Quality: nothing can be compared."
    else:
        ends = f"reality {_share(headline['ceiling_headline'])}, naive {_share(headline['naive_headline'])}"
        yield f"Quality {_share(headline['score'])}  ({ends})"
        yield f"The worst group: {headline['title']}, in {headline['place']}."
        yield ""
        yield from _table(
            ("group", "score", "reality", "naive", "", "where it is lowest"),
            [
                (
                    group["title"],
                    _share(group["score"]),
                    _share(group["ceiling"]),
                    _share(group["floor"]),
                    _bar(group["score"]),
                    group["place"] + ("" if group["judged"] else " (few rows)"),
                )
                for group in report["groups"]
            ],
        )
    for table in report["tables"]:
        yield from _table_lines(table)
    for relation in report["relations"]:
        yield from _relation_lines(relation)
    yield from _rule_lines(report["rules"])
    if useful := report["usefulness"]:
        yield ""
        of_synthetic, of_real = _share(useful["trained_on_synthetic"]), _share(useful["trained_on_real"])
        target = f"{useful['table']}.{useful['column']}"
        yield f"Usefulness: synthetic rows predict {target} by {of_synthetic}, real ones by {of_real}."
    if report["notes"]:
        yield ""
        yield from (f"Note: {note}" for note in report["notes"])


def _table_lines(table: Json) -> Iterator[str]:
    yield ""
    yield f"{table['name']}: {table['rows']['real']:,} real rows, {table['rows']['synthetic']:,} synthetic"
    yield from _table(
        ("column", "score", "reality", "naive", "real", "synthetic"),
        [
            (
                column["name"],
                _share(column["score"]),
                _share(column["ceiling"]),
                _share(column["floor"]),
                _sparkline(column["plot"]["real"], column["plot"]),
                _sparkline(column["plot"]["synthetic"], column["plot"]),
            )
            for column in table["columns"]
        ],
    )
    if table["worst_pairs"]:
        worst = table["worst_pairs"][0]
        yield f"  worst pair: {' and '.join(worst['columns'])}, {_share(worst['score'])}"


def _relation_lines(relation: Json) -> Iterator[str]:
    yield ""
    yield relation["label"] + ("" if relation["judged"] else " (too few to judge)")
    plot = relation["children_per_parent"]
    real, synthetic = (_sparkline(plot[side], plot) for side in ("real", "synthetic"))
    yield f"  children per parent: real {real}, synthetic {synthetic}"
    yield from _table(
        ("measure", "score", "reality", "naive"),
        [
            (name.replace("_", " "), _share(score["score"]), _share(score["ceiling"]), _share(score["floor"]))
            for name, score in relation["scores"].items()
            if score
        ],
    )


def _rule_lines(rules: Sequence[Json]) -> Iterator[str]:
    if not rules:
        return
    broken = [rule for rule in rules if rule["score"] < 1]
    yield ""
    yield f"Rules: {len(rules) - len(broken)} of {len(rules)} are satisfied by every row."
    for rule in broken:
        what = rule["expression"] or f"{rule['kind']} {', '.join(rule['columns'])}"
        yield f"  {rule['table']}: {what} is satisfied by {rule['score']:.4%}"


def _privacy_lines(report: Json) -> Iterator[str]:
    yield "Privacy"
    yield from (f"  {sentence}" for sentence in report["statements"])
    yield from _table(
        ("table", "exact rows", "by chance", "nearer to the fit", "members told"),
        [
            (
                table["name"],
                f"{table['exact_rows']['synthetic']:.2%}",
                f"{table['exact_rows']['holdout']:.2%}",
                _interval(table["nearer_to_training"]),
                f"{table['membership_auc']:.2f}",
            )
            for table in report["tables"]
        ],
    )
    if report["not_measured"]:
        yield f"  Too small to be measured: {', '.join(report['not_measured'])}."
    yield from (f"  Note: {note}" for note in report["notes"])


def _interval(found: Json | None) -> str:
    return _MISSING if found is None else f"{found['value']:.0%} ({found['low']:.0%} to {found['high']:.0%})"


def _share(value: float | None) -> str:
    return _MISSING if value is None else f"{value:.2f}"


def _bar(value: float) -> str:
    return "█" * round(value * BAR_CELLS)


def _sparkline(shares: Sequence[float], plot: Json) -> str:
    """Return a histogram in one line, as high as the highest bar of both sides."""
    highest = max((*plot["real"], *plot["synthetic"]), default=0)
    steps = len(_BLOCKS) - 1
    # What is there, however little, is seen.
    return (
        "".join(_BLOCKS[max(round(share / highest * steps), 1) if share else 0] for share in shares) if highest else ""
    )


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """Yield lines of columns as wide as what is in them."""
    if not rows:
        return
    widths = [max(len(row[place]) for row in (head, *rows)) for place in range(len(head))]
    for row in (head, *rows):
        yield "  " + "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
