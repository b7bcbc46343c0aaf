"""`secret:` references: values that live in a secrets manager and are fetched when a store is opened, never before.

`secret:NAME` is the whole secret; `secret:NAME#KEY` is one key of a secret that holds a JSON object.
"""

import json
from collections.abc import Callable
from typing import Any, TypeVar

from pydantic import BaseModel, SecretStr

from filesync_dagster.core.errors import ConfigError
from filesync_dagster.core.redaction import note_secret

PREFIX = "secret:"
Resolve = Callable[[str], str]
"""Takes the name of a secret, returns its value; raises ConfigError."""

OF_MANY_LINES = ("{", "-----BEGIN ")
"""How secrets begin that have lines: a JSON key file, a PEM block."""

Details = TypeVar("Details", bound=BaseModel)


def with_secrets(details: Details, resolve: Resolve) -> Details:
    """Return the details with every `secret:` reference replaced by its value."""
    found = {
        name: SecretStr(_value(secret.get_secret_value().removeprefix(PREFIX), resolve))
        for name in type(details).model_fields
        if isinstance(secret := getattr(details, name), SecretStr) and secret.get_secret_value().startswith(PREFIX)
    }
    return details.model_copy(update=found) if found else details


def resolve_secret(secret: SecretStr, resolve: Resolve) -> str:
    """Return what a secret says, fetched if it is a `secret:` reference. Raises ConfigError."""
    text = secret.get_secret_value()
    return _value(text.removeprefix(PREFIX), resolve) if text.startswith(PREFIX) else text


def clean_secret(text: str) -> str:
    """Return a secret without the white space around it, which a file or `$(…)` often leaves there.

    Raises ValueError when there is a line break or another control character inside: it would break out of the header
    that it is sent in, and end up in messages.
    """
    clean = text.strip()
    if not clean.startswith(OF_MANY_LINES) and any(ord(character) < 32 or ord(character) == 127 for character in clean):  # noqa: PLR2004 - ASCII's control characters
        raise ValueError("has a line break or another control character inside; it was not copied as it is")
    return clean


def _value(reference: str, resolve: Resolve) -> str:
    name, _, key = reference.partition("#")
    text = resolve(name)
    if key:
        try:
            text = str(json.loads(text)[key])
        except (ValueError, TypeError, KeyError, RecursionError) as exc:
            raise ConfigError([f"The secret {name!r} has no key {key!r}."], hint="It must be a JSON object.") from exc
    note_secret(text)
    try:
        return clean_secret(text)
    except ValueError as exc:
        raise ConfigError([f"The secret {reference!r} {exc}."]) from None


def secrets_manager(client: Callable[[], Any] | None = None) -> Resolve:
    """Return a resolver over AWS Secrets Manager; `client` makes the boto3 client on first use."""
    connected: list[Any] = []

    def resolve(name: str) -> str:
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            if not connected:
                connected.append(client() if client else _default_client())
            return str(connected[0].get_secret_value(SecretId=name)["SecretString"])
        except (BotoCoreError, ClientError, KeyError) as exc:
            raise ConfigError(
                [f"The secret {name!r} could not be read from AWS Secrets Manager: {exc}."],
                hint="Check the name, the region and the permission secretsmanager:GetSecretValue.",
            ) from exc

    return resolve


def _default_client() -> Any:
    import boto3.session
    from botocore.config import Config

    from filesync_dagster.core.aws import default_http, send_through

    # Who waits for a secret holds others up: an alert, or the sync of the next endpoint.
    patience = Config(connect_timeout=5, read_timeout=10, retries={"total_max_attempts": 3, "mode": "standard"})
    client = boto3.session.Session().client("secretsmanager", config=patience)
    send_through(default_http(connect_seconds=5, read_seconds=10), client)
    return client
