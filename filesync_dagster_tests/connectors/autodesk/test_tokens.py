import base64
import time

import httpx
import orjson
import pytest
from pydantic import SecretStr

from filesync_dagster.connectors.autodesk import api
from filesync_dagster.core.errors import AuthenticationFailed, ProtocolViolation
from filesync_dagster.simulators.kit.faults import Fault
from filesync_dagster.simulators.kit.wire import InProcess
from filesync_dagster_tests.connectors.autodesk.site import sizes


def service_account(site):
    """Return the details that make a source act as the service account."""
    given = site.simulator.credentials(site.address, service_account=True)
    named = {name: given[name] for name in ("service_account_id", "key_id")}
    return {**named, "private_key": SecretStr(given["private_key"])}


def listed(source):
    """Return the sizes of the only project's files."""
    return sizes(source.list(*source.scopes()))


def test_an_app_proves_itself_with_its_secret(site):
    """Client id and secret go into the Basic header, never into the body; only reading is asked for."""
    sent = []

    class Watched(InProcess):
        def handle_request(self, request):
            sent.append(request)
            return super().handle_request(request)

    listed(site.open(wire=Watched(site.simulator)))

    [asked] = [request for request in sent if request.url.path == api.PATH]
    pair = f"{site.simulator.application.client_id}:{site.simulator.application.client_secret}"
    assert asked.headers["authorization"] == f"Basic {base64.b64encode(pair.encode()).decode()}"
    assert asked.content.decode() == "grant_type=client_credentials&scope=data%3Aread"
    assert {r.headers["authorization"].partition(" ")[0] for r in sent if r is not asked} == {"Bearer"}


def test_a_service_account_proves_itself_with_its_key(site):
    """An assertion signed with the key is exchanged for a token that counts as a person's."""
    site.fill(2)
    site.store.hide(site.store.folder(site.project, "Old top"))

    assert len(listed(site.open(**service_account(site)))) == 6
    assert len(listed(site.open())) == 6
    assert site.calls["fetch-token"] == 2  # the app's token is another one


def test_a_key_on_one_line(site):
    r"""A PEM key that came through an environment variable may have `\n` for its line ends."""
    account = service_account(site)
    account["private_key"] = SecretStr(account["private_key"].get_secret_value().replace("\n", "\\n"))

    assert listed(site.open(**account)) == {}


@pytest.mark.parametrize("change", [{"key_id": "other"}, {"service_account_id": "other"}])
def test_a_key_of_somebody_else(site, change):
    """A refused assertion says what to check, and is not sent again and again."""
    with pytest.raises(AuthenticationFailed, match="assertion is invalid") as caught:
        listed(site.open(**service_account(site) | change))
    assert "private_key" in caught.value.hint
    assert site.calls == {"fetch-token": 1}


def test_a_key_that_is_none(site):
    """A key that cannot be read is told without a request, and without the key."""
    with pytest.raises(AuthenticationFailed, match="no RSA key in PEM form") as caught:
        listed(site.open(**service_account(site) | {"private_key": SecretStr("hush")}))
    assert "hush" not in str(caught.value)
    assert site.calls == {}


def test_a_token_is_minted_before_it_expires(site):
    """A token that is about to expire is not used any more: no call is refused for it."""

    class Brief(InProcess):
        def handle_request(self, request):
            answer = super().handle_request(request)
            if request.url.path != api.PATH:
                return answer
            body = orjson.loads(answer.content) | {"expires_in": 0.4}
            return httpx.Response(200, content=orjson.dumps(body), request=request)

    source = site.open(wire=Brief(site.simulator))
    source.cursor()
    time.sleep(0.25)
    source.cursor()

    assert site.calls["fetch-token"] == 2
    assert site.meter.retries == 0


def test_a_token_service_that_stumbles(site):
    """Errors that pass are waited for where the token is fetched, too."""
    site.simulator.plan.add(Fault.SERVER_ERROR, "fetch-token", times=2, status=503)

    assert listed(site.open()) == {}
    assert site.calls["fetch-token"] == 3


@pytest.mark.parametrize("body", [b"{}", b'{"access_token": "x"}', b'{"access_token": "", "expires_in": 1}', b"[]"])
def test_an_answer_without_a_token(site, body):
    """An answer that holds no token is not taken for one."""

    class Silent(httpx.BaseTransport):
        def handle_request(self, request):
            return httpx.Response(200, content=body, request=request)

    with pytest.raises(ProtocolViolation):
        site.open(wire=Silent()).cursor()
