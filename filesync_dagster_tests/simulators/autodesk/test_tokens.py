"""Tokens: who gets one, how long it is good, what it allows."""

import base64
import json
import time

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.hashes import SHA256

from filesync_dagster.simulators.autodesk import AutodeskSimulator
from filesync_dagster.simulators.kit.wire import InProcess
from filesync_dagster_tests.simulators.autodesk.conftest import ADDRESS, client_of, minted

JWT_BEARER = "urn:ietf:params:oauth:grant-type:jwt-bearer"


def encoded(part):
    """Return a part of a JWT."""
    raw = part if isinstance(part, bytes) else json.dumps(part).encode()
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def assertion(simulator, key=None, header=(), **claims):
    """Return what a secure service account signs."""
    known = simulator.credentials(ADDRESS, service_account=True)
    head = {"alg": "RS256", "kid": known["key_id"], "typ": "JWT"} | dict(header)
    claims = {
        "iss": known["client_id"],
        "sub": known["service_account_id"],
        "aud": "https://developer.api.autodesk.com/authentication/v2/token",
        "exp": int(time.time()) + 300,
        "scope": ["data:read", "data:write", "data:create"],
    } | claims
    signed = f"{encoded(head)}.{encoded(claims)}"
    key = key or simulator.application.key
    return f"{signed}.{encoded(key.sign(signed.encode(), padding.PKCS1v15(), SHA256()))}"


def exchange(simulator, given, scope="data:read data:write data:create"):
    """Exchange an assertion for a token."""
    with httpx.Client(transport=InProcess(simulator), base_url=ADDRESS) as client:
        return minted(client, simulator, scope, grant_type=JWT_BEARER, assertion=given)


def service_token(simulator):
    """Return the token of the service account."""
    return exchange(simulator, assertion(simulator)).raise_for_status().json()["access_token"]


@pytest.fixture
def simulator():
    """Return a simulator with nothing in it."""
    return AutodeskSimulator()


@pytest.mark.parametrize(
    ("form", "auth", "status", "code"),
    [
        ({"grant_type": "client_credentials"}, ("simulated-client", "wrong"), 401, "AUTH-003"),
        ({"grant_type": "client_credentials"}, None, 401, "AUTH-012"),
        ({"grant_type": "password"}, ("simulated-client", "simulated-secret"), 400, "AUTH-009"),
        ({"scope": "data:read"}, ("simulated-client", "simulated-secret"), 400, "AUTH-008"),
        (
            {"grant_type": "client_credentials", "scope": "data:reed"},
            ("simulated-client", "simulated-secret"),
            400,
            "AUTH-004",
        ),
        (
            {"grant_type": "client_credentials", "client_secret": "simulated-secret"},
            ("simulated-client", "simulated-secret"),
            400,
            "AUTH-008",
        ),
        ({"grant_type": JWT_BEARER}, ("simulated-client", "simulated-secret"), 400, "AUTH-008"),
    ],
)
def test_no_token_without_good_reason(simulator, form, auth, status, code):
    """What is wrong about a request for a token is said with the gateway's codes."""
    with httpx.Client(transport=InProcess(simulator), base_url=ADDRESS) as client:
        answer = client.post("/authentication/v2/token", data=form, auth=auth)

    assert (answer.status_code, answer.json()["errorCode"]) == (status, code)


def test_client_secret_in_the_form(simulator):
    """The client may authenticate in the form in place of the header."""
    form = {
        "grant_type": "client_credentials",
        "client_id": "simulated-client",
        "client_secret": "simulated-secret",
        "scope": "data:read",
    }
    with httpx.Client(transport=InProcess(simulator), base_url=ADDRESS) as client:
        assert client.post("/authentication/v2/token", data=form).is_success
        refused = client.post("/authentication/v2/token", json=form)

    assert refused.json()["errorCode"] == "AUTH-007"


def test_a_token_lasts_an_hour():
    """After 3600 seconds a token is refused with the body of an expired one; another one is good."""
    now = [1_000_000.0]
    simulator = AutodeskSimulator(now=lambda: now[0])
    with client_of(simulator) as client:
        assert client.get("/project/v1/hubs").is_success
        now[0] += 3600
        refused = client.get("/project/v1/hubs")
        again = client_of(simulator).get("/project/v1/hubs")

    assert (refused.status_code, refused.json()["errorCode"]) == (401, "AUTH-006")
    assert again.is_success


@pytest.mark.parametrize("header", [{}, {"authorization": "Basic eA=="}, {"authorization": "Bearer nonsense"}])
def test_nothing_without_a_token(simulator, header):
    """Without a token, or with an unknown one, nothing is to be seen."""
    with httpx.Client(transport=InProcess(simulator), base_url=ADDRESS, headers=header) as client:
        assert client.get("/project/v1/hubs").status_code == 401


def test_a_service_account(simulator):
    """A signed assertion of the service account is exchanged for a token."""
    answer = exchange(simulator, assertion(simulator))

    assert answer.is_success
    with client_of(simulator, token=answer.json()["access_token"]) as client:
        assert client.get("/project/v1/hubs").is_success


@pytest.mark.parametrize(
    ("change", "wrong"),
    [
        ({"iss": "somebody"}, "iss"),
        ({"sub": "somebody"}, "sub"),
        ({"aud": "https://example.org"}, "aud"),
        ({"exp": 1}, "exp"),
        ({"exp": int(time.time()) + 36000}, "exp"),
        ({"scope": ["data:read"]}, "scope"),
        ({"header": {"kid": "another"}}, "kid"),
        ({"key": rsa.generate_private_key(public_exponent=65537, key_size=2048)}, "signature"),
    ],
)
def test_a_wrong_assertion(simulator, change, wrong):
    """An assertion with a wrong claim, of another key or for more than it names is refused, and why is said."""
    answer = exchange(simulator, assertion(simulator, **change))

    assert answer.status_code == 400
    assert wrong in answer.json()["developerMessage"]


def test_a_broken_assertion(simulator):
    """Nonsense is refused too."""
    assert exchange(simulator, "a.b").status_code == 400
    assert exchange(simulator, "nonsense").status_code == 400
