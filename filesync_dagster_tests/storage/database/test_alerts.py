"""The rows behind alerts, on both databases."""

from datetime import timedelta

import pytest
from sqlalchemy import insert

from filesync_dagster.storage.database import AlertRecord, Metadata, QueueTrouble
from filesync_dagster.storage.database.tables import dead_messages, queues


@pytest.fixture
def moment(metadata):
    """Return the time of the database."""
    return metadata.now()


def alert(moment, kind="failed", subject="drawings", sentence="Denied."):
    """Return an alert as it is raised."""
    return AlertRecord(subject, kind, moment, sentence)


def test_what_stands_is_not_raised_again(metadata, moment):
    """Once told, it is not told again, whoever looks."""
    metadata.alerts.raise_all([alert(moment)], moment)
    claimed = metadata.alerts.claim(60)
    metadata.alerts.note_told(claimed, ["1 mailto"])
    metadata.alerts.raise_all([alert(metadata.now(), sentence="Another reason.")], metadata.now())
    [stored] = metadata.alerts.read(standing=True)
    assert (stored.raised_at, stored.sentence, stored.told) == (moment, "Denied.", ("1 mailto",))
    assert stored.told_at is not None
    assert metadata.alerts.claim(60) == []


def test_what_is_over_is_told_and_can_come_again(metadata, moment):
    """Each transition is a new one to tell."""
    for sentence in ("Denied.", "Denied again."):
        now = metadata.now()
        metadata.alerts.raise_all([alert(now, sentence=sentence)], now)
        [claimed] = metadata.alerts.claim(60)
        assert (claimed.stands, claimed.sentence, claimed.attempts, claimed.told) == (True, sentence, 1, ())
        metadata.alerts.note_told([claimed], ["1 mailto"])
        metadata.alerts.clear([(claimed.key, "run-9")], metadata.now())
        assert metadata.alerts.read(standing=True) == []
        [over] = metadata.alerts.claim(60)
        assert (over.stands, over.told, over.attempts, over.run_id) == (False, (), 1, "run-9")
        metadata.alerts.note_told([over], ["1 mailto"])


def test_a_claim_is_for_one(url, metadata, moment):
    """Until it ends by itself, as when its process dies."""
    metadata.alerts.raise_all([alert(moment), alert(moment, "held")], moment)
    with Metadata.open(url) as other:
        assert len(metadata.alerts.claim(0)) == 2
        assert len(other.alerts.claim(60)) == 2, "the first claim is over"
        assert metadata.alerts.claim(60) == []


def test_who_looked_earlier_knows_less(metadata, moment):
    """A slow look neither raises what was cleared meanwhile, nor clears what was raised."""
    metadata.alerts.raise_all([alert(moment)], moment)
    metadata.alerts.clear([(("drawings", "failed"), None)], moment - timedelta(seconds=1))
    assert len(metadata.alerts.read(standing=True)) == 1
    metadata.alerts.clear([(("drawings", "failed"), None)], metadata.now())
    metadata.alerts.raise_all([alert(moment)], moment)
    assert metadata.alerts.read(standing=True) == []
    later = metadata.now()
    metadata.alerts.raise_all([alert(later)], later)
    assert [stored.raised_at for stored in metadata.alerts.read(standing=True)] == [later]


def test_what_changes_while_it_is_told_is_to_be_told(metadata, moment):
    """The note is about what was claimed."""
    metadata.alerts.raise_all([alert(moment)], moment)
    claimed = metadata.alerts.claim(60)
    metadata.alerts.clear([(("drawings", "failed"), None)], metadata.now())
    metadata.alerts.note_told(claimed, ["1 mailto"])
    [over] = metadata.alerts.claim(60)
    assert (over.stands, over.told) == (False, ())


def test_a_channel_that_failed_is_tried_later(metadata, moment):
    """The others are remembered."""
    metadata.alerts.raise_all([alert(moment)], moment)
    metadata.alerts.note_told(metadata.alerts.claim(60), ["1 mailto"], error="2 slack: no route", wait=60)
    [stored] = metadata.alerts.read()
    assert (stored.told, stored.told_at, stored.error) == (("1 mailto",), None, "2 slack: no route")
    assert metadata.alerts.claim(60) == []
    metadata.alerts.note_told([stored], stored.told, error=stored.error, wait=-1)
    [again] = metadata.alerts.claim(60)
    assert (again.told, again.attempts) == (("1 mailto",), 2)


def test_silence(metadata, moment):
    """What nobody needs to know is not claimed by anybody."""
    metadata.alerts.raise_all([alert(moment)], moment)
    metadata.alerts.clear([(("drawings", "failed"), None)], metadata.now(), silently=True)
    assert metadata.alerts.claim(60) == []


def test_what_is_over_and_told_is_pruned(metadata, moment):
    """What stands, and what is still to be told, is kept."""
    metadata.alerts.raise_all([alert(moment, kind) for kind in ("failed", "held", "stale")], moment)
    metadata.alerts.clear([(("drawings", "failed"), None)], metadata.now())
    metadata.alerts.clear([(("drawings", "held"), None)], metadata.now(), silently=True)
    assert metadata.alerts.prune(metadata.now() - timedelta(days=1)) == 0
    assert metadata.alerts.prune(metadata.now() + timedelta(days=1)) == 1
    assert {stored.kind for stored in metadata.alerts.read()} == {"failed", "stale"}


def test_queues_in_trouble(metadata, moment):
    """Those with dead messages, those that cannot be looked at; with the last reason."""
    bad = {"queue": "bad", "body": "{", "received_at": moment}
    with metadata._database.write_transaction() as connection:
        rows = [{**bad, "message_id": f"m{i}", "reason": f"reason {i}"} for i in range(3)]
        connection.execute(insert(dead_messages), rows)
        connection.execute(insert(queues), [{"name": "gone", "error": "No route."}, {"name": "well", "error": None}])
    troubles = {trouble.name: trouble for trouble in metadata.queues.troubles()}
    assert troubles == {
        "bad": QueueTrouble("bad", 3, "reason 2"),
        "gone": QueueTrouble("gone", 0, None, "No route."),
    }
