"""Queues, and messages that nobody could use."""

from filesync_dagster.storage.database import DeadMessage
from filesync_dagster.storage.database.queues import MOST_DEAD, PAGE
from filesync_dagster_tests.storage.database.builders import NOW, at


def dead(message_id, minutes=0, reason="It is not JSON."):
    """Return a message that could not be used."""
    return DeadMessage("events", message_id, reason, "{", at(minutes))


def test_a_queue_is_known_from_its_first_look(metadata):
    """What was counted stays when it is looked at again, and the error of the last look counts."""
    assert metadata.queues.records() == []

    metadata.queues.note_look("events", 7)
    metadata.queues.note_received("events", 5)
    metadata.queues.note_received("events", 2, unrouted=3)
    metadata.queues.note_look("events", None, "no connection")
    metadata.queues.note_received("other", 1)

    events, other = metadata.queues.records()
    assert (events.name, events.depth, events.received, events.error) == ("events", None, 7, "no connection")
    assert (events.unrouted, other.unrouted) == (3, 0)
    assert events.checked_at is not None
    assert (other.received, other.depth, other.checked_at) == (1, None, None)

    metadata.queues.note_look("events", 0)
    assert metadata.queues.records()[0].error is None


def test_a_message_is_set_aside_once(metadata):
    """It comes again when a process died before it could acknowledge."""
    assert metadata.queues.dead_letter("events", [dead("a"), dead("b", 1)]) == 2
    assert metadata.queues.dead_letter("events", [dead("b", 2), dead("c", 3)]) == 1

    found = list(metadata.queues.each_dead_message())
    assert [(m.message_id, m.received_at) for m in found] == [("a", NOW), ("b", at(1)), ("c", at(3))]
    assert metadata.queues.records()[0].dead == 3
    assert metadata.queues.dead_messages([found[1].id]) == [found[1]]


def test_what_is_decided_is_forgotten(metadata):
    """The count of what ever was stays."""
    metadata.queues.dead_letter("events", [dead("a"), dead("b", 1), dead("c", 2)])
    metadata.queues.dead_letter("other", [dead("d")])
    last = list(metadata.queues.each_dead_message())[-2]

    assert metadata.queues.drop_dead_messages([last.id, 999]) == 1
    assert [message.message_id for message in list(metadata.queues.each_dead_message())] == ["a", "b", "d"]
    assert [(queue.dead, queue.set_aside) for queue in metadata.queues.records()] == [(3, 2), (1, 1)]
    assert metadata.queues.drop_all_dead_messages(["events"]) == 2
    assert [(queue.dead, queue.set_aside) for queue in metadata.queues.records()] == [(3, 0), (1, 1)]


def test_of_a_flood_the_last_messages_are_kept(metadata):
    """Of this queue; they are read page by page, and no more of each than is asked for."""
    metadata.queues.dead_letter("other", [dead("first")])
    metadata.queues.dead_letter("events", [dead(str(number)) for number in range(MOST_DEAD)])
    metadata.queues.dead_letter("events", [dead(f"more {number}") for number in range(PAGE + 1)])

    kept = list(metadata.queues.each_dead_message(["events"], characters=0))
    assert len(kept) == MOST_DEAD
    assert (kept[0].message_id, kept[-1].message_id) == (str(PAGE + 1), f"more {PAGE}")
    assert {message.body for message in kept} == {""}
    assert [message.body for message in metadata.queues.each_dead_message(["other"])] == ["{"]
    assert metadata.queues.records()[0].dead == MOST_DEAD + PAGE + 1
