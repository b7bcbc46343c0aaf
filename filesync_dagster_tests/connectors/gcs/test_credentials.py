import json

import httpx
import orjson
import pytest
from google.auth import jwt

from filesync_dagster.connectors.gcs.credentials import ACLS, READ, CloudTokenMint
from filesync_dagster.connectors.gcs.details import GcsDetails
from filesync_dagster.core.errors import AuthenticationFailed, SourceError
from filesync_dagster.simulators.gcs import GcsSimulator

TOKEN = {"access_token": "t", "expires_in": 3600, "token_type": "Bearer"}


@pytest.fixture(scope="module")
def key():
    """Return the key of a service account."""
    return json.loads(GcsSimulator().credentials("http://storage")["service_account_json"])


def mint(details, answer, scope=READ):
    """Return what is minted from one answer, and the requests that were sent for it."""
    requests = []

    def wire(request):
        requests.append(request)
        return answer

    with httpx.Client(transport=httpx.MockTransport(wire)) as client:
        return CloudTokenMint(GcsDetails(bucket="b", **details), client, scope).mint(), requests


@pytest.mark.parametrize("scope", [READ, ACLS])
def test_a_key_asks_its_own_token_uri_for_one_scope(key, tmp_path, scope):
    """From a file, which is read each time."""
    file = tmp_path / "key.json"
    file.write_text(json.dumps(key))

    token, [request] = mint({"service_account_file": str(file)}, httpx.Response(200, json=TOKEN), scope)

    assert (token.value, str(request.url)) == ("t", key["token_uri"])
    assertion = request.content.decode().partition("assertion=")[2].partition("&")[0]
    claims = jwt.decode(assertion, verify=False)
    assert (claims["iss"], claims["scope"]) == (key["client_email"], scope)


@pytest.mark.parametrize(
    ("status", "body", "kind", "retryable"),
    [
        (400, {"error": "invalid_grant", "error_description": "account not found"}, AuthenticationFailed, False),
        (503, {"error": "unavailable"}, SourceError, True),
        (429, {"error": "rate_limit_exceeded"}, SourceError, True),
        (200, "<html>Sign in</html>", SourceError, True),
    ],
)
def test_a_refusal_says_what_to_do(key, status, body, kind, retryable):
    """What may pass is asked again; nothing of the key is told."""
    content = orjson.dumps(body) if isinstance(body, dict) else body
    with pytest.raises(kind) as error:
        mint({"service_account_json": key}, httpx.Response(status, content=content))
    assert error.value.retryable is retryable
    assert error.value.hint
    assert key["private_key"] not in f"{error.value!r} {error.value.__cause__!r}"


@pytest.mark.parametrize("kind", ["authorized_user", "external_account"])
def test_the_json_of_something_else_is_no_key(key, kind):
    """It is told before anything is asked."""
    with pytest.raises(ValueError, match=kind):
        GcsDetails(bucket="b", service_account_json={**key, "type": kind})


def test_a_machine_without_credentials(tmp_path, monkeypatch):
    """They are looked for only when that was asked for, and their absence is a sentence."""
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(tmp_path / "nothing.json"))
    with pytest.raises(AuthenticationFailed, match="machine's own") as error:
        mint({"use_default_credentials": True}, httpx.Response(200, text="computeMetadata"))
    assert "gcloud" in error.value.hint


def test_the_credentials_of_a_machine(key, tmp_path, monkeypatch):
    """A file that the environment names, as gcloud writes it."""
    file = tmp_path / "adc.json"
    file.write_text(json.dumps({**key, "type": "service_account"}))
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(file))
    monkeypatch.setenv("GOOGLE_CLOUD_PROJECT", "p")

    token, requests = mint({"use_default_credentials": True}, httpx.Response(200, json=TOKEN))

    assert (token.value, str(requests[-1].url)) == ("t", key["token_uri"])
