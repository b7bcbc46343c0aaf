"""Bugs in the queues of storage events."""

from filesync_dagster_tests.planted_bugs.bug import Bug

ENVELOPES = "filesync_dagster_tests/sync/events/test_envelopes.py"
RECEIVING = "filesync_dagster_tests/sync/events/test_receive.py"

BUGS = (
    Bug(
        "the keys of events are taken as they are encoded",
        "sync/events/envelopes.py",
        'yield unquote_to_bytes(key.replace("+", " "))',
        "yield key.encode()",
        ENVELOPES,
    ),
    Bug(
        "messages are acknowledged whatever became of their endpoints",
        "sync/events/receive.py",
        "finished = [one.message for one in read if one.concerns <= done | run.failed]",
        "finished = [one.message for one in read]",
        RECEIVING,
        "another_sync_runs and sqs",
    ),
    Bug(
        "a listing that went on is taken for one that began after the events",
        "sync/events/receive.py",
        "if result.status in SETTLED and not result.resumed}",
        "if result.status in SETTLED}",
        RECEIVING,
        "went_on and sqs",
    ),
    Bug(
        "what came while an endpoint was switched off is never looked at",
        "sync/events/receive.py",
        "metadata.endpoints.expire_proofs(failed | (metadata.endpoints.ids().keys() - found - followed))",
        "metadata.endpoints.expire_proofs(failed)",
        RECEIVING,
        "cannot_hear and sqs",
    ),
    Bug(
        "what is wrong in a message is acknowledged and forgotten",
        "sync/events/receive.py",
        "    metadata.queues.dead_letter(queue.name, dead)",
        "    metadata.queues.dead_letter(queue.name, [])",
        RECEIVING,
        "poison and sqs",
    ),
    Bug(
        "a tag of a lost connection acknowledges a message of the next one",
        "sync/events/rabbitmq.py",
        "if opened == self._opened and self._channel is not None",
        "if self._channel is not None",
        RECEIVING,
        "lost_connection",
    ),
    Bug(
        "a broker that only sends heartbeats is waited for",
        "sync/events/rabbitmq.py",
        "loop._adapter_call_later(seconds, ",
        "loop._adapter_call_later(seconds + 3600, ",
        "filesync_dagster_tests/sync/events/test_silent_broker.py",
        "only_lives",
    ),
)
