import inspect
import ssl
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import httpx
import pytest

from filesync_dagster.connectors.rest.calls import Calls, RetryPolicy, Tenant
from filesync_dagster.connectors.rest.client import HTTPX, ConnectionDefaults, httpx_border, pooled_client
from filesync_dagster.connectors.rest.errors import ErrorTable, error_for, retry_after_seconds
from filesync_dagster.connectors.rest.retry import CallClock
from filesync_dagster.connectors.s3.details import S3Details
from filesync_dagster.core.errors import SourceError, TemporarilyDown, Unreachable
from filesync_dagster.core.model import Meter


def test_every_exception_of_httpx_is_mapped():
    """When httpx grows an exception, somebody has to say what it means."""
    found = [getattr(httpx, name) for name in httpx.__all__]
    assert {c for c in found if inspect.isclass(c) and issubclass(c, Exception)} == set(HTTPX)


@pytest.mark.parametrize("kind", sorted(HTTPX, key=lambda kind: kind.__name__))
def test_errors_cross_the_border(kind):
    """Whatever httpx raises is ours afterwards, and says what was asked and what to do."""
    request = httpx.Request("GET", "https://x")
    given = {
        httpx.HTTPStatusError: {"request": request, "response": httpx.Response(500, request=request)},
        httpx.StreamConsumed: None,
        httpx.StreamClosed: None,
        httpx.ResponseNotRead: None,
        httpx.RequestNotRead: None,
    }.get(kind, {})
    error = kind() if given is None else kind("why", **given)

    with pytest.raises(SourceError, match="The store") as caught, httpx_border("The store"):
        raise error

    assert type(caught.value) is HTTPX[kind]
    assert caught.value.hint


def test_what_is_not_of_the_network_passes():
    """A mistake of ours is not blamed on the store."""
    with pytest.raises(ZeroDivisionError), httpx_border("The store"):
        raise ZeroDivisionError


def test_a_subclass_is_what_its_parents_are():
    """An exception that a transport derives is judged by the nearest one that is known."""
    new = type("NewTimeout", (httpx.ConnectTimeout,), {})
    with pytest.raises(Unreachable), httpx_border("The store"):
        raise new("why")


@pytest.mark.parametrize(
    ("header", "low", "high"),
    [
        ("7", 7, 7),
        (" 7 ", 7, 7),
        ("0", 0, 0),
        ("Wed, 21 Oct 2065 07:28:00 GMT", 1e9, 2e9),
        ("Wed, 21 Oct 2065 07:28:00", 1e9, 2e9),
        ("Wed, 21 Oct 2015 07:28:00 GMT", 0, 0),
    ],
)
def test_retry_after_is_seconds_or_a_date(header, low, high):
    """Both forms are understood; a past date is no wait."""
    assert low <= retry_after_seconds(header) <= high


ABSURD = [
    "Wed, 21 Oct 2065 07:28:00 +99999999999",
    "Wed, 21 Oct 2065 07:28:00 +2400",
    "Fri, 31 Dec 9999 23:59:59 -2300",
    "Wed, 99 Oct 2065 99:99:99 GMT",
    "nan",
    "inf",
    "1e999",
    "-9999999999999999999999",
]
"""What no calendar has."""


@pytest.mark.parametrize("header", [None, "", "soon", "-3", "1.5", "²", *ABSURD])
def test_a_retry_after_that_says_nothing(header):
    """It is left out."""
    assert retry_after_seconds(header) is None


def test_clients_share_the_certificates_that_are_loaded():
    """Loading them is most of what a client costs."""
    with pooled_client(connections=1) as one, pooled_client(connections=1) as two:
        contexts = [client._transport._pool._ssl_context for client in (one, two)]
    assert contexts[0] is contexts[1]
    assert contexts[0].get_ca_certs() != []


@pytest.mark.parametrize("checked", [True, False])
def test_certificates_are_checked_whatever_the_address_of_the_api_is(checked):
    """Tokens and contents may come from other hosts; only whoever says so is not asked who it is."""
    details = S3Details(bucket="b", endpoint_url="http://127.0.0.1:9", anonymous=True, verify_tls=checked)
    with pooled_client(details, connections=1) as client:
        found = client.verify
    assert (isinstance(found, ssl.SSLContext) and found.verify_mode is ssl.CERT_REQUIRED) is checked


def test_threads_take_turns_with_connections():
    """More threads than connections is no error, and the store never sees more than were asked for."""
    tally, together, most = threading.Lock(), 0, 0

    class Answers(BaseHTTPRequestHandler):
        def do_GET(self):
            nonlocal together, most
            with tally:
                together += 1
                most = max(most, together)
            time.sleep(0.02)
            with tally:
                together -= 1
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_):
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Answers) as server:
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}).start()
        with pooled_client(connections=2) as client, ThreadPoolExecutor(8) as pool:
            address = f"http://127.0.0.1:{server.server_port}"
            answers = list(pool.map(lambda _: client.get(address).status_code, range(12)))
        server.shutdown()

    assert (answers, most) == ([204] * 12, 2)


def test_a_slow_store_is_given_up():
    """The timeouts are those that were asked for."""
    with pooled_client(ConnectionDefaults(0.05, 0.05), connections=1) as client:
        assert (client.timeout.read, client.timeout.connect, client.timeout.pool) == (0.05, 0.05, None)
        with pytest.raises((TemporarilyDown, Unreachable)), httpx_border("The store"):
            client.get("http://192.0.2.1/")  # an address that no one has


@pytest.mark.parametrize("header", [*ABSURD, "9" * 400, "9" * 5000, "0" * 300])
@pytest.mark.parametrize("status", [429, 503])
def test_an_absurd_retry_after_ends_no_sync(header, status):
    """Whatever a store writes there, it is asked again, and soon enough."""
    clock, asked = ManualClock(), []

    def ask():
        asked.append(clock.now())
        if len(asked) < 3:
            raise error_for("The store", status, ErrorTable({}, {}, ""), retry_after=header)
        return "done"

    tenant = Tenant("test", clock=CallClock(clock.now, clock.sleep, lambda: 0.5))
    calls = Calls(Meter(), tenant, RetryPolicy(timeout=10_000))

    assert calls(ask) == "done"
    assert clock.now() < 3 * calls.policy.retry_after_max


class ManualClock:
    """A clock that moves when somebody sleeps."""

    def __init__(self):
        self.at = 0.0

    def now(self):
        return self.at

    def sleep(self, seconds):
        self.at += seconds
