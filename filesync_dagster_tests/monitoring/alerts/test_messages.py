"""Alerts in words: what a message says, how it is cut, and what it must never let through."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from filesync_dagster.core.errors import ConfigError
from filesync_dagster.monitoring.alerts import messages, open_channels
from filesync_dagster.monitoring.alerts.messages import MAX_LINES, MAX_SENTENCE_LETTERS, AlertMessage
from filesync_dagster.storage.database import AlertRecord

NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)
UI = "https://dagster.company.com"


def alert(subject="a", kind="failed", sentence="Denied.", **others):
    """Return an alert."""
    return AlertRecord(subject, kind, NOON, sentence, "Ask for access.", **others)


def test_a_message_says_all_that_is_known():
    """Word for word."""
    [message] = messages([alert(run_id="r1")], UI)
    assert message.title == "filesync: a: failed"
    assert message.body == (
        "a: Denied.\nWhat to do: Ask for access.\nSince 2026-06-01 12:00 UTC.\n\nRun: https://dagster.company.com/runs/r1"
    )


def test_what_is_over_says_what_it_was():
    """And from when to when."""
    [message] = messages([alert(cleared_at=NOON + timedelta(hours=2))], None)
    assert (message.title, message.level) == ("filesync: a: recovered (failed)", "success")
    assert "from 2026-06-01 12:00 UTC to 2026-06-01 14:00 UTC.\nIt said: Denied." in message.body


@pytest.mark.parametrize(
    ("what", "given", "link"),
    [
        ("a run", alert(run_id="r1"), f"Run: {UI}/runs/r1"),
        ("an endpoint without a run", alert(kind="stale"), f"Asset: {UI}/assets/filesync/a"),
        ("a queue", alert("q", "dead_messages"), None),
        ("the file", alert("configuration", "configuration"), None),
    ],
)
def test_links(what, given, link):
    """They lead to the run, or else to the asset."""
    [message] = messages([given], UI)
    assert message.body.splitlines()[-1] == (link or "Since 2026-06-01 12:00 UTC."), what


def test_one_message_for_one_subject():
    """What broke together, and what is over, are two; another subject is a third."""
    over = alert(kind="held", cleared_at=NOON)
    made = messages([alert(), alert(kind="breaker_open"), over, alert("b")], UI)
    assert [message.title for message in made] == [
        "filesync: a: failed, breaker open",
        "filesync: a: recovered (held)",
        "filesync: b: failed",
    ]


def test_who_knows_already_is_not_mixed_with_who_does_not():
    """A channel is told of one of two, the other knows it."""
    made = messages([alert(told=("1 mailto",)), alert(kind="held")], UI)
    assert [message.told for message in made] == [frozenset({"1 mailto"}), frozenset()]


def test_too_many_are_one_that_is_not_endless():
    """It names the first ones, and how many more there are."""
    many = [alert(f"e{i}") for i in range(1000)]
    [message] = messages([*many, replace(many[0], subject="x", cleared_at=NOON)], UI)
    assert message.title == "filesync: 1,000 new and 1 recovered alerts"
    assert len(message.body.splitlines()) == MAX_LINES + 3
    assert "- and 951 more" in message.body
    assert len(message.alerts) == 1001


@pytest.mark.parametrize(("kind", "level"), [("failed", "failure"), ("crashed", "failure"), ("held", "warning"),
                                             ("stale", "warning")])  # fmt: skip
def test_levels(kind, level):
    """A channel may colour them."""
    [message] = messages([alert(kind=kind)], None)
    assert message.level == level


def test_a_hostile_name_stays_a_name():
    """It cannot add a header, a line or a control character; it cannot fill a screen."""
    hostile = "x\r\nBcc: everybody@company.com\x1b[31m\u202e" + "y" * 5000
    for given in (alert(sentence=hostile), alert(subject=hostile), alert(sentence=hostile, cleared_at=NOON)):
        [message] = messages([given], UI)
        assert "\n" not in message.title
        assert message.body.replace("\n", "").isprintable()
        assert not [line for line in message.body.splitlines() if line.startswith("Bcc")]
    [message] = messages([alert(sentence=hostile)], UI)
    assert len(message.body) < MAX_SENTENCE_LETTERS + 200


@pytest.mark.parametrize(
    "url",
    [
        "json://adam:hunter2@127.0.0.1:1/services/T0KEN?x-key=s3cret",
        "mailtos://adam:hunter2@127.0.0.1:1?to=T0KEN@company.com&from=s3cret@company.com",
        "slack://T0KENhunter2/s3cret",
        "s3cret://hunter2T0KEN",
    ],
)
def test_what_a_url_holds_is_shown_nowhere(url):
    """Not in its name, not in what went wrong, not in a repr."""
    [channel] = open_channels([url])
    said = channel.send(AlertMessage("t", "b", "failure"))
    assert said
    shown = repr(channel) + said + channel.name
    assert not [word for word in ("hunter2", "T0KEN", "adam") if word in shown]
    if not url.startswith("s3cret"):
        assert "s3cret" not in shown


def test_a_secret_that_cannot_be_fetched_says_so():
    """In its place in the list."""
    [first, second] = open_channels([ConfigError(["The secret 'x' could not be read."]), "json://127.0.0.1:1"])
    assert (first.name, second.name) == ("1 secret", "2 json")
    assert first.send(AlertMessage("t", "b", "failure")) == "The secret 'x' could not be read."


def test_what_a_plugin_says_about_a_url_is_masked():
    """Its host may be said: without it nobody knows what to mend."""
    [channel] = open_channels(["mailto://adam:hunter2@mail.company.com:25?to=bob%40company.com"])
    said = channel._hidden("mail.company.com:25 refused adam with hunter2 for bob@company.com\n")
    assert said == "mail.company.com:25 refused *** with *** for ***"
