"""Who asks: access tokens for client credentials, or for an assertion that the key of a JWT app signs."""

import secrets
import time
from pathlib import Path
from typing import Any, Final

import httpx

from filesync_dagster.connectors.box.details import BoxDetails, config_parts
from filesync_dagster.connectors.box.errors import CHECK_KEY, TABLE, read_refusal, with_clock_hint
from filesync_dagster.connectors.rest.json_api import fetch_token
from filesync_dagster.connectors.rest.oauth import AccessToken, credential_hash
from filesync_dagster.core.errors import AuthenticationFailed, SourceError

JWT_BEARER: Final = "urn:ietf:params:oauth:grant-type:jwt-bearer"
AUDIENCE: Final = "https://api.box.com/oauth2/token"  # Box's own, whatever stands between
ASSERTION_SECONDS: Final = 45  # Box takes none that is good for more than a minute
WHERE: Final = "Box's token service"


class BoxTokenMint:
    """Fetches access tokens. The file of a JWT app is read each time, so a new one counts at once."""

    def __init__(self, details: BoxDetails, client: httpx.Client) -> None:
        self._details = details
        self._client = client

    def mint(self) -> AccessToken:
        """Return a new token. Raises SourceError when none is to be had."""
        details = self._details
        form = _credentials_form(details) if details.client_secret is not None else _assertion_form(details)
        try:
            return fetch_token(
                self._client, details.token_address, form, WHERE, errors=TABLE, read_refusal=read_refusal
            )
        except SourceError as error:
            raise with_clock_hint(error) from None


def tenant_key(details: BoxDetails) -> str:
    """Return what stands for whom Box counts the calls of: a hash, which tells no secret."""
    config = details.jwt_config_json
    return credential_hash(
        details.base_url,
        details.client_id,
        details.jwt_config_file,
        None if config is None else config.get_secret_value(),
        details.enterprise_id,
        details.box_user_id,
    )


def identity_of(details: BoxDetails) -> str:
    """Return what stands for the credential."""
    secret = details.client_secret
    return credential_hash(
        tenant_key(details), details.token_address, None if secret is None else secret.get_secret_value()
    )


def speaks_for_enterprise(details: BoxDetails) -> bool:
    """Whether the account is the service account of an app, which may read the enterprise's events."""
    return details.box_user_id is None


def _credentials_form(details: BoxDetails) -> dict[str, str]:
    assert details.client_secret is not None
    return {
        "grant_type": "client_credentials",
        "client_id": str(details.client_id),
        "client_secret": details.client_secret.get_secret_value(),
        "box_subject_type": "user" if details.box_user_id else "enterprise",
        "box_subject_id": str(details.box_user_id or details.enterprise_id),
    }


def _assertion_form(details: BoxDetails) -> dict[str, str]:
    config = _config(details)
    subject = details.box_user_id or config["enterpriseID"]
    if not subject:
        raise AuthenticationFailed(
            f"{_named(details)} names no enterprise.", hint="Add enterpriseID to it, or give box_user_id."
        )
    claims = {
        "iss": config["clientID"],
        "sub": subject,
        "box_sub_type": "user" if details.box_user_id else "enterprise",
        "aud": AUDIENCE,
        "jti": secrets.token_hex(32),
        "exp": int(time.time()) + ASSERTION_SECONDS,
    }
    return {
        "grant_type": JWT_BEARER,
        "client_id": config["clientID"],
        "client_secret": config["clientSecret"],
        "assertion": _sign(config, claims, _named(details)),
    }


def _sign(config: dict[str, Any], claims: dict[str, Any], named: str) -> str:
    """Return claims as a JWT that the key of a config signed. Raises AuthenticationFailed."""
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
    from cryptography.hazmat.primitives.serialization import load_pem_private_key
    from google.auth import crypt, jwt

    passphrase = config.get("passphrase") or None
    try:
        pem = config["privateKey"].replace("\\n", "\n").encode()
        key = load_pem_private_key(pem, passphrase and passphrase.encode())
    except (ValueError, TypeError, UnsupportedAlgorithm):  # what they say may hold a part of the key
        key = None
    if not isinstance(key, RSAPrivateKey):
        raise AuthenticationFailed(f"{named} cannot be used: its private key cannot be read.", hint=CHECK_KEY)
    signer = crypt.RSASigner(key, config["publicKeyID"])  # type: ignore[no-untyped-call]  # google-auth has types in part only
    signed: bytes = jwt.encode(signer, claims)  # type: ignore[no-untyped-call]  # likewise
    return signed.decode("ascii")


def _config(details: BoxDetails) -> dict[str, Any]:
    try:
        if details.jwt_config_json is not None:
            return config_parts(details.jwt_config_json.get_secret_value())
        return config_parts(Path(_named(details)).read_text(encoding="utf-8"))
    except OSError as exc:
        raise AuthenticationFailed(
            f"The file {_named(details)} cannot be read: {exc.strerror}.", hint="Check jwt_config_file."
        ) from exc
    except ValueError as exc:  # the text is in the cause of some, so it is left behind
        said = "this is not text" if isinstance(exc, UnicodeDecodeError) else str(exc)
        raise AuthenticationFailed(f"{_named(details)} cannot be used: {said}.", hint=CHECK_KEY) from None


def _named(details: BoxDetails) -> str:
    return details.jwt_config_file or "jwt_config_json"
