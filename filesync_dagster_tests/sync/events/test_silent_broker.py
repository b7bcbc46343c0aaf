"""A broker that keeps the connection alive and never answers."""

import threading
import time
from contextlib import suppress

import pika
import pika.frame
import pika.spec
import pytest

from filesync_dagster.config import RabbitQueue
from filesync_dagster.core.errors import TemporarilyDown
from filesync_dagster.sync.events.rabbitmq import RabbitInbox
from filesync_dagster_tests.odd_hosts import odd_host


def keep_alive(connection):
    """Open a connection as a broker does, then send heartbeats and nothing else, for longer than anybody waits."""
    start = pika.spec.Connection.Start(0, 9, {}, b"PLAIN", b"en_US")
    tune = pika.spec.Connection.Tune(10, 131_072, 60)
    for answer in (start, tune, pika.spec.Connection.OpenOk()):
        connection.sendall(pika.frame.Method(0, answer).marshal())
        connection.recv(65_536)
    threading.Thread(target=_swallow, args=(connection,), daemon=True).start()
    end = time.monotonic() + 5
    while time.monotonic() < end:
        for byte in pika.frame.Heartbeat().marshal():
            connection.sendall(bytes((byte,)))
            time.sleep(0.01)


def _swallow(connection):
    with suppress(OSError):
        while connection.recv(65_536):
            pass


@pytest.mark.parametrize("ask", [RabbitInbox.depth, lambda inbox: inbox.receive(10), lambda inbox: inbox.send(b"{}")])
def test_a_broker_that_only_lives_is_given_up(ask):
    """Its heartbeats prove that it lives; what is asked of it has a deadline all the same."""
    with odd_host(keep_alive, first=b"AMQP") as port:
        url = f"amqp://guest:hunter2@127.0.0.1:{port}/"
        inbox = RabbitInbox(RabbitQueue(name="q", type="rabbitmq", url=url, queue="q"), answer_seconds=0.3)
        with pytest.raises(TemporarilyDown, match="the broker does not answer"):
            ask(inbox)
        inbox.close()
