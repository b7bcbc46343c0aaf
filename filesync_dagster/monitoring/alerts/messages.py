"""Alerts in words: one message for what became wrong with a subject at once, one for what is over. Pure."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import quote

from filesync_dagster.config import AlertKind
from filesync_dagster.storage.database import AlertRecord

MAX_NAMED_SUBJECTS = 10
"""Messages at a time. More than that is one event, such as a network that is down, and becomes one message."""

MAX_LINES = 50
"""Alerts that one message names."""

MAX_SENTENCE_LETTERS = 700
"""Of one sentence: a channel such as Slack refuses a message of some thousand."""

ABOUT_ENDPOINTS = frozenset(
    {AlertKind.FAILED, AlertKind.HELD, AlertKind.STALE, AlertKind.BREAKER_OPEN, AlertKind.FEED_DRIFT}
)
"""Kinds whose subject is an endpoint, always."""

ABOUT_REPLICATIONS = frozenset(
    {
        AlertKind.REPLICATION_FAILED,
        AlertKind.REPLICATION_HELD,
        AlertKind.REPLICATION_LAG,
        AlertKind.REPLICATION_PROBLEMS,
    }
)
"""Kinds whose subject is a replication, always."""

ABOUT_TABLES = frozenset({AlertKind.TABLES_FAILED, AlertKind.TABLES_HELD, AlertKind.TABLES_STALE})
"""Kinds whose subject is a source of tables, always: `tables/NAME`."""

MAX_NAME_LETTERS = 80
"""Letters of a subject: that of an entry that cannot be used is whatever somebody wrote."""

URGENT = frozenset(
    {
        AlertKind.FAILED,
        AlertKind.BREAKER_OPEN,
        AlertKind.REPLICATION_FAILED,
        AlertKind.TABLES_FAILED,
        AlertKind.CRASHED,
        AlertKind.QUEUE,
        AlertKind.CHANNEL,
    }
)
"""Kinds that are failures; the others are warnings."""

LABELS = {
    AlertKind.BREAKER_OPEN: "breaker open",
    AlertKind.FEED_DRIFT: "feed drift",
    AlertKind.REPLICATION_FAILED: "replication failed",
    AlertKind.REPLICATION_HELD: "plan held",
    AlertKind.REPLICATION_LAG: "replica behind",
    AlertKind.REPLICATION_PROBLEMS: "files not replicated",
    AlertKind.TABLES_FAILED: "tables not read",
    AlertKind.TABLES_HELD: "read held",
    AlertKind.TABLES_STALE: "tables stale",
    AlertKind.DEAD_MESSAGES: "dead messages",
    AlertKind.QUEUE: "queue unreachable",
    AlertKind.CONFIGURATION: "wrong configuration",
    AlertKind.CHANNEL: "channel fails",
}


@dataclass(frozen=True)
class AlertMessage:
    """What a channel is given."""

    title: str
    body: str
    level: str  # failure, warning, success: the words of Apprise
    alerts: tuple[AlertRecord, ...] = ()
    told: frozenset[str] = frozenset()  # channels that know it already


def messages(alerts: Iterable[AlertRecord], link_base: str | None) -> list[AlertMessage]:
    """Return what is to be said about these alerts, oldest first."""
    groups: dict[tuple[str, bool, frozenset[str]], list[AlertRecord]] = {}
    for alert in alerts:
        groups.setdefault((alert.subject, alert.stands, frozenset(alert.told)), []).append(alert)
    if len(groups) <= MAX_NAMED_SUBJECTS:
        return [_message(group, link_base) for group in groups.values()]
    digests: dict[frozenset[str], list[AlertRecord]] = {}
    for (_, _, told), group in groups.items():
        digests.setdefault(told, []).extend(group)
    return [_digest(group, link_base) for group in digests.values()]


def label(kind: str) -> str:
    """Return the kind of an alert as people say it.

    >>> label("held"), label("feed_drift")
    ('held', 'feed drift')
    """
    return LABELS.get(AlertKind(kind), kind)


def _message(group: Sequence[AlertRecord], link_base: str | None) -> AlertMessage:
    subject, kinds = _line(group[0].subject, MAX_NAME_LETTERS), ", ".join(label(alert.kind) for alert in group)
    stands = group[0].stands
    paragraphs = [_paragraph(alert) for alert in group]
    link = _link(group, link_base)
    return AlertMessage(
        title=_line(f"filesync: {subject}: {kinds}" if stands else f"filesync: {subject}: recovered ({kinds})"),
        body="\n\n".join([*paragraphs, *([link] if link else [])]),
        level=_level(group),
        alerts=tuple(group),
        told=frozenset(group[0].told),
    )


def _paragraph(alert: AlertRecord) -> str:
    subject, sentence = _line(alert.subject, MAX_NAME_LETTERS), _line(alert.sentence, MAX_SENTENCE_LETTERS)
    if alert.cleared_at is not None:
        return (
            f"{subject} is no longer {_state(alert.kind)}: it was from {_moment(alert.raised_at)} "
            f"to {_moment(alert.cleared_at)}.\nIt said: {sentence}"
        )
    lines = [f"{subject}: {sentence}"]
    if alert.hint:
        lines.append(f"What to do: {_line(alert.hint)}")
    lines.append(f"Since {_moment(alert.raised_at)}.")
    return "\n".join(lines)


def _state(kind: str) -> str:
    return f"in the state “{label(kind)}”"


def _digest(group: Sequence[AlertRecord], link_base: str | None) -> AlertMessage:
    wrong, over = [a for a in group if a.stands], [a for a in group if not a.stands]
    parts = [f"{len(found):,} {word}" for found, word in ((wrong, "new"), (over, "recovered")) if found]
    lines = [
        f"- {_line(alert.subject, MAX_NAME_LETTERS)}: "
        f"{label(alert.kind) if alert.stands else f'recovered ({label(alert.kind)})'}: "
        f"{_line(alert.sentence, MAX_SENTENCE_LETTERS // 7)}"
        for alert in (wrong + over)[:MAX_LINES]
    ]
    if len(group) > MAX_LINES:
        lines.append(f"- and {len(group) - MAX_LINES:,} more")
    lines.append("`filesync alerts` lists what stands, with what to do.")
    return AlertMessage(
        title=f"filesync: {' and '.join(parts)} alerts",
        body="\n".join([*lines, *([link_base] if link_base else [])]),
        level=_level(group),
        alerts=tuple(group),
        told=frozenset(group[0].told),
    )


def _level(group: Iterable[AlertRecord]) -> str:
    wrong = [alert.kind for alert in group if alert.stands]
    return "failure" if URGENT.intersection(wrong) else "warning" if wrong else "success"


def _link(group: Sequence[AlertRecord], link_base: str | None) -> str | None:
    run_id = next((alert.run_id for alert in reversed(group) if alert.run_id), None)
    if link_base and run_id:
        return f"Run: {link_base}/runs/{run_id}"
    subject, kinds = quote(group[0].subject[:MAX_NAME_LETTERS]), {alert.kind for alert in group}
    folder = "filesync" if kinds & ABOUT_ENDPOINTS else "filesync_replica" if kinds & ABOUT_REPLICATIONS else None
    return f"Asset: {link_base}/assets/{folder}/{subject}" if link_base and folder else None


def _moment(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M} UTC"


def _line(text: str, most: int | None = None) -> str:
    r"""Return text as one line that no channel can take for anything else, cut where it is too long.

    >>> _line("a\r\nBcc: b\x1b", 99), _line("abcdef", 4)
    ('a Bcc: b', 'abc…')
    """
    words = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    return words if most is None or len(words) <= most else words[: most - 1] + "…"
