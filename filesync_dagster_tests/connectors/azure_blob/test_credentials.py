"""Tests of who asks a container."""

import time
from datetime import UTC, datetime, timedelta

import httpx
import pytest
from pydantic import ValidationError

from filesync_dagster.connectors.azure_blob import AzureBlobDetails
from filesync_dagster.connectors.azure_blob.source import AzureBlobSource
from filesync_dagster.core.errors import AuthenticationFailed, SourceError
from filesync_dagster.core.model import Meter
from filesync_dagster.testing import IMPATIENT
from filesync_dagster_tests.connectors.azure_blob.fake_service import blob, listed_ids, listing

KEY = "c2VjcmV0LWtleS1vZi10aGUtYWNjb3VudA=="
PARTS = {"account": "acme", "container": "eng"}


def listed(**details):
    """Return what a source of such details lists."""
    source = AzureBlobSource(AzureBlobDetails(**details), Meter(), policy=IMPATIENT)
    try:
        return listed_ids(source)
    finally:
        source.close()


@pytest.mark.slow
def test_every_way_that_the_emulator_knows(azure_server):
    """A key, a connection string and both kinds of signatures open the same container; a wrong key does not."""
    from azure.storage.blob import ContainerSasPermissions, generate_container_sas

    name = azure_server.container()
    azure_server.client(name).upload_blob("drawings/é +&%.txt", b"1")
    place = {"container": name, "base_url": azure_server.url}
    secret = {"account_name": azure_server.account, "container_name": name, "account_key": azure_server.key}
    allowed = ContainerSasPermissions(read=True, list=True)
    sas = generate_container_sas(**secret, permission=allowed, expiry=datetime.now(UTC) + timedelta(hours=1))
    text = f"DefaultEndpointsProtocol=http;AccountName={azure_server.account};BlobEndpoint={azure_server.url}"

    for way in (
        {"account": azure_server.account, "account_key": azure_server.key},
        {"connection_string": f"{text};AccountKey={azure_server.key};"},
        {"connection_string": f"BlobEndpoint={azure_server.url};SharedAccessSignature={sas}"},
        {"sas_token": f"?{sas}"},
    ):
        assert listed(**place, prefix="drawings/", **way) == ["drawings/é +&%.txt"]
    with pytest.raises(SourceError) as raised:
        listed(**place, account=azure_server.account, account_key=KEY)
    assert raised.value.hint
    assert KEY not in str(raised.value)


def test_a_token_of_an_app_registration():
    """It is minted at the authority, goes with each request, and is minted anew when it is refused."""
    minted, asked = [], []

    def answer(request):
        if request.url.path.endswith("/token"):
            minted.append((str(request.url), request.content.decode()))
            return httpx.Response(200, json={"access_token": f"token-{len(minted)}", "expires_in": 3600})
        asked.append(request.headers["authorization"])
        if asked[-1] == "Bearer token-1":
            return httpx.Response(401, headers={"x-ms-error-code": "InvalidAuthenticationInfo"})
        return httpx.Response(200, text=listing(blob("a")))

    app = {"tenant_id": "t-1", "client_id": "app", "client_secret": "hush-hush", "authority_url": "https://login.test"}
    details = AzureBlobDetails(**PARTS, **app)
    source = AzureBlobSource(details, Meter(), policy=IMPATIENT, wire=httpx.MockTransport(answer))

    assert listed_ids(source) == ["a"]
    source.close()

    assert asked == ["Bearer token-1", "Bearer token-2"]
    assert minted[0][0] == "https://login.test/t-1/oauth2/v2.0/token"
    assert "scope=https%3A%2F%2Fstorage.azure.com%2F.default" in minted[0][1]


def test_a_refused_app_registration():
    """It says what to check, and not the secret."""
    refusal = {"error": "invalid_client", "error_description": "AADSTS7000215: Invalid client secret.\r\nTrace: 1"}
    wire = httpx.MockTransport(lambda request: httpx.Response(401, json=refusal))
    app = {"tenant_id": "t-1", "client_id": "app", "client_secret": "hush-hush"}
    source = AzureBlobSource(AzureBlobDetails(**PARTS, **app), Meter(), policy=IMPATIENT, wire=wire)

    with pytest.raises(AuthenticationFailed, match="AADSTS7000215") as raised:
        listed_ids(source)
    source.close()

    assert "client_secret" in raised.value.hint
    assert "hush" not in str(raised.value)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({}, "no credentials"),
        ({"account_key": KEY, "sas_token": "sv=1"}, "exclude each other"),
        ({"tenant_id": "t", "client_id": "c"}, "also need client_secret"),
        ({"account_key": KEY, "anonymous": True}, "exclude each other"),
        ({"connection_string": "nonsense"}, "this is no connection string"),
        ({"anonymous": True, "base_url": "ftp://acme"}, "this is not an address"),
        ({"anonymous": True, "base_url": "https://user:pass@acme"}, "this is not an address"),
    ],
)
def test_details_that_do_not_fit(given, message):
    """Each problem is named, no secret is."""
    with pytest.raises(ValidationError, match=message) as raised:
        AzureBlobDetails(**PARTS, **given)
    assert KEY not in str(raised.value)


def test_what_a_connection_string_names():
    """Account and address are known without the secret, so that another one is another place."""
    text = f"DefaultEndpointsProtocol=https;AccountName=acme;AccountKey={KEY};EndpointSuffix=core.chinacloudapi.cn"
    details = AzureBlobDetails(container="eng", connection_string=text)
    local = AzureBlobDetails(container="eng", connection_string="UseDevelopmentStorage=true")

    assert (details.account, details.blob_url) == ("acme", "https://acme.blob.core.chinacloudapi.cn")
    assert local.blob_url == "http://127.0.0.1:10000/devstoreaccount1"
    assert KEY not in repr(details)
    assert AzureBlobDetails.model_validate(details.model_dump()) == details


def test_no_network_before_it_is_needed():
    """A source of an address that leads nowhere is made at once."""
    began = time.monotonic()
    AzureBlobSource(AzureBlobDetails(**PARTS, anonymous=True), Meter()).close()
    assert time.monotonic() - began < 1
