"""Tokens and JSON, as a store of bearer tokens gives them."""

import httpx
import pytest

from filesync_dagster.connectors.rest.client import pooled_client
from filesync_dagster.connectors.rest.errors import ErrorTable
from filesync_dagster.connectors.rest.json_api import JsonApi, fetch_token
from filesync_dagster.connectors.rest.limits import Tenant
from filesync_dagster.connectors.rest.oauth import AuthorizedCalls, access_token_in
from filesync_dagster.core.errors import AuthenticationFailed, NotFound, ProtocolViolation, TemporarilyDown
from filesync_dagster.core.model import Meter
from filesync_dagster.testing import IMPATIENT

ERRORS = ErrorTable(
    codes={}, statuses={401: (AuthenticationFailed, "secret"), 404: (NotFound, "look")}, unknown_hint="report"
)


class Store:
    """A store that gives numbered tokens, of which some are good."""

    def __init__(self, lifetime=3600):
        self.lifetime = lifetime
        self.minted = 0
        self.good = {1, 2, 3, 4}
        self.answers = []  # what comes before the truth
        self.tenant = Tenant("t")

    def open(self):
        client = pooled_client(connections=2, wire=httpx.MockTransport(self.answer))
        self.meter = Meter()

        def mint():
            return fetch_token(client, "http://x/token", {"secret": "s"}, "Box", errors=ERRORS, read_refusal=self.read)

        return JsonApi(
            client, AuthorizedCalls(self.meter, self.tenant, mint, "me", policy=IMPATIENT), ERRORS, self.read
        )

    @staticmethod
    def read(body):
        return body["code"], body["message"]

    def answer(self, request):
        if request.url.path == "/token":
            self.minted += 1
            token = {"access_token": str(self.minted), "expires_in": self.lifetime}
            return httpx.Response(200, json=token)
        if int(request.headers["authorization"].removeprefix("Bearer ")) not in self.good:
            return httpx.Response(401)
        return self.answers.pop(0) if self.answers else httpx.Response(200, json={"at": request.url.path})


def test_one_token_serves_all_sources_of_a_credential():
    """It is minted when the first call is made."""
    store = Store()
    first, second = store.open(), store.open()
    assert store.minted == 0

    assert first.get("http://x/a", "Box") == second.post("http://x/a", "Box", {}) == {"at": "/a"}
    assert store.minted == 1


def test_a_refused_token_is_replaced_once():
    """By another source too; one that is never good is an error, and is not tried first the next time."""
    store = Store()
    first, second = store.open(), store.open()
    first.get("http://x/a", "Box")
    store.good = {2}
    first.get("http://x/a", "Box")
    second.get("http://x/a", "Box")
    assert store.minted == 2

    store.good = set()
    with pytest.raises(AuthenticationFailed):
        first.get("http://x/a", "Box")
    assert store.minted == 3
    store.good = {4}
    second.get("http://x/a", "Box")
    assert store.minted == 4


def test_a_token_is_replaced_before_it_expires():
    """No call is refused for its age."""
    store = Store(lifetime=0)
    api = store.open()
    for _ in range(3):
        api.get("http://x/a", "Box")

    assert store.minted == 3
    assert store.meter.retries == 0


@pytest.mark.parametrize("answer", [httpx.Response(503), httpx.Response(200, text="{"), httpx.Response(429)])
def test_what_passes_is_asked_again(answer):
    """Whatever the body is."""
    store = Store()
    store.answers = [answer]

    assert store.open().get("http://x/a", "Box") == {"at": "/a"}
    assert store.meter.retries == 1


@pytest.mark.parametrize(
    ("answer", "kind", "message"),
    [
        (httpx.Response(404, json={"code": "gone", "message": "Away."}), NotFound, "Box answered gone: Away."),
        (httpx.Response(404, json=["gone"]), NotFound, "Box answered HTTP 404."),
        (httpx.Response(200, json=[]), ProtocolViolation, "Box sent an answer of another kind than was asked for."),
        (httpx.Response(302), ProtocolViolation, "Box answered HTTP 302."),
    ],
)
def test_what_does_not_is_an_error(answer, kind, message):
    """With what the store says."""
    store = Store()
    store.answers = [answer]

    with pytest.raises(kind) as error:
        store.open().get("http://x/a", "Box")
    assert error.value.message == message


def test_no_secret_is_shown():
    """Neither by what keeps it nor by what fails."""
    store = Store()
    api = store.open()
    store.answers = [httpx.Response(500)] * 9

    with pytest.raises(TemporarilyDown) as error:
        api.get("http://x/a", "Box")
    assert "Bearer" not in f"{error.value!r}{api!r}{api.calls._cache!r}"
    assert "'1'" not in repr(api.calls._cache)


@pytest.mark.parametrize("seconds", [-1, float("nan"), float("inf"), -(10**400), "3600", None, []])
def test_a_lifetime_that_is_none_is_refused(seconds):
    """A token that is good for no time, or whose time cannot be told, is no token."""
    with pytest.raises(ProtocolViolation, match="The service sent"):
        access_token_in({"access_token": "t", "expires_in": seconds}, "The service")


def test_a_lifetime_beyond_all_numbers_is_a_day():
    """It is minted anew before that matters."""
    assert access_token_in({"access_token": "t", "expires_in": 10**400}, "The service").lifetime_seconds == 86_400
