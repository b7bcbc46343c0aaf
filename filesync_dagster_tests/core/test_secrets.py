import json

import boto3
import pytest
from moto.server import ThreadedMotoServer
from pydantic import BaseModel, SecretStr

from filesync_dagster.core.errors import ConfigError
from filesync_dagster.core.secrets import secrets_manager, with_secrets


class Details(BaseModel):
    """The details of some store."""

    bucket: str
    access_key_id: SecretStr | None = None
    secret_access_key: SecretStr | None = None


@pytest.fixture
def client():
    """Run a Secrets Manager and return a client of it."""
    server = ThreadedMotoServer(port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield boto3.client(
        "secretsmanager",
        endpoint_url=f"http://{host}:{port}",
        region_name="eu-central-1",
        aws_access_key_id="test",
        aws_secret_access_key="test",
    )
    server.stop()


def test_references_are_replaced(client):
    """`secret:NAME` becomes the secret, `secret:NAME#KEY` a key of it, and other values stay as they are."""
    client.create_secret(Name="prod/plain", SecretString="hunter2")
    client.create_secret(Name="prod/s3", SecretString=json.dumps({"key": "AKIA"}))
    details = Details(bucket="b", access_key_id="secret:prod/s3#key", secret_access_key="secret:prod/plain")

    found = with_secrets(details, secrets_manager(lambda: client))

    assert found.access_key_id.get_secret_value() == "AKIA"
    assert found.secret_access_key.get_secret_value() == "hunter2"
    assert found.bucket == "b"
    assert "hunter2" not in repr(found)


def test_nothing_is_asked_without_references():
    """Details without references never reach for the secrets manager."""
    details = Details(bucket="b", access_key_id="AKIA")

    assert with_secrets(details, secrets_manager(lambda: 1 / 0)) is details


@pytest.mark.parametrize(
    ("name", "stored", "key", "expected"),
    [
        ("absent", None, "", "The secret 'absent' could not be read from AWS Secrets Manager"),
        ("text", "hunter2", "#key", "The secret 'text' has no key 'key'"),
        ("object", '{"key": "hunter3"}', "#other", "The secret 'object' has no key 'other'"),
    ],
)
def test_what_cannot_be_resolved(client, name, stored, key, expected):
    """A secret or key that is not there gives a sentence with its name, and no value."""
    if stored:
        client.create_secret(Name=name, SecretString=stored)
    reference = f"secret:{name}{key}"

    with pytest.raises(ConfigError, match=expected) as caught:
        with_secrets(Details(bucket="b", access_key_id=reference), secrets_manager(lambda: client))

    assert "hunter" not in str(caught.value)
