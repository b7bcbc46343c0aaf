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
    Bug(
        "a message of Azure that was held is deleted by its old receipt",
        "sync/events/azure_queue.py",
        "message.receipt[1] = answer.headers.get(RECEIPT_HEADER, receipt)",
        "answer.headers.get(RECEIPT_HEADER, receipt)",
        "filesync_dagster_tests/sync/events/test_cloud_queues.py",
        "held_is_acknowledged",
    ),
    Bug(
        "what Event Grid writes is not decoded",
        "sync/events/azure_queue.py",
        "return b64decode(text, validate=True)",
        'return text.encode("utf-8", "surrogatepass")',
        "filesync_dagster_tests/sync/events/test_cloud_queues.py",
        "event_grid_tells or held_is_acknowledged",
    ),
    Bug(
        "messages of Pub/Sub are hidden for as long as the subscription says",
        "sync/events/pubsub.py",
        'self._each("modifyAckDeadline", some, ackDeadlineSeconds=self._queue.ack_seconds)',
        "pass",
        "filesync_dagster_tests/sync/events/test_cloud_queues.py",
        "is_hidden_for_as_long",
    ),
    Bug(
        "who looks whether messages wait takes one",
        "sync/events/pubsub.py",
        'self._each("modifyAckDeadline", taken, ackDeadlineSeconds=0)',
        "pass",
        "filesync_dagster_tests/sync/events/test_cloud_queues.py",
        "takes_none",
    ),
    Bug(
        "the old name of a blob that was renamed is not looked up",
        "sync/events/envelopes.py",
        "for address in AZURE_ADDRESSES if isinstance(data, dict) else ():",
        "for address in ():",
        "filesync_dagster_tests/sync/events/test_envelopes.py",
        "name_of_azure",
    ),
)
