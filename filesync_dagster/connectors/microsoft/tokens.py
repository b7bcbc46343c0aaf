"""Access tokens of an application: it proves itself by a secret, or by what the key of a certificate signed."""

import hashlib
import time
from base64 import urlsafe_b64encode
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit
from uuid import uuid4

import httpx

from filesync_dagster.connectors.microsoft.details import GraphDetails
from filesync_dagster.connectors.microsoft.errors import CHECK_CREDENTIALS, TABLE, explain_clock, read_refusal
from filesync_dagster.connectors.rest.json_api import fetch_token
from filesync_dagster.connectors.rest.oauth import AccessToken, credential_hash
from filesync_dagster.core.errors import AuthenticationFailed

GRAPH: Final = "https://graph.microsoft.com"
CLOUDS: Final = {
    "login.microsoftonline.us": "https://graph.microsoft.us",
    "login.partner.microsoftonline.cn": "https://microsoftgraph.chinacloudapi.cn",
    "login.chinacloudapi.cn": "https://microsoftgraph.chinacloudapi.cn",
}
"""What tokens of sovereign clouds are for, by the host that gives them."""

GRAPHS: Final = frozenset({GRAPH, "https://dod-graph.microsoft.us", *CLOUDS.values()})
ASSERTION: Final = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
ASSERTION_SECONDS: Final = 300


class GraphTokenMint:
    """Asks for tokens of one application."""

    def __init__(self, details: GraphDetails, client: httpx.Client) -> None:
        self._details = details
        self._client = client
        self._url = f"{details.authority_url}/{details.tenant_id}/oauth2/v2.0/token"

    def mint(self) -> AccessToken:
        """Return a new token. Raises SourceError."""
        details = self._details
        form = {"grant_type": "client_credentials", "client_id": details.client_id, "scope": scope_of(details)}
        where = f"Microsoft, asked for a token of {details.client_id},"
        try:
            return fetch_token(
                self._client, self._url, {**form, **self._proof()}, where, errors=TABLE, read_refusal=read_refusal
            )
        except AuthenticationFailed as error:
            raise explain_clock(error) from None

    def _proof(self) -> dict[str, str]:
        secret = self._details.client_secret
        if secret is not None:
            return {"client_secret": secret.get_secret_value()}
        return {"client_assertion_type": ASSERTION, "client_assertion": self._assertion()}

    def _assertion(self) -> str:
        """Return claims that the key of the certificate signed."""
        from google.auth import crypt, jwt

        key, certificate = _key_and_certificate(self._details)
        now = int(time.time())
        who = self._details.client_id
        claims = {"aud": self._url, "iss": who, "sub": who, "jti": str(uuid4()), "nbf": now - 5}
        claims |= {"iat": now, "exp": now + ASSERTION_SECONDS}
        thumbprint = hashlib.sha1(certificate, usedforsecurity=False).digest()  # the name of a certificate, as it is
        header = {"x5t": urlsafe_b64encode(thumbprint).decode().rstrip("=")}
        signer = crypt.RSASigner(key)  # type: ignore[no-untyped-call]  # google-auth has types in part only
        signed: bytes = jwt.encode(signer, claims, header=header)  # type: ignore[no-untyped-call]  # likewise
        return signed.decode("ascii")


def scope_of(details: GraphDetails) -> str:
    """Return what tokens are asked for: Graph of the cloud that gives them, whatever stands in for it."""
    if details.base_url in GRAPHS:
        return f"{details.base_url}/.default"
    return f"{CLOUDS.get(urlsplit(details.authority_url).hostname or '', GRAPH)}/.default"


def identity_of(details: GraphDetails) -> str:
    """Return what stands for the application: a hash, so that no secret lingers in it."""
    given = (details.client_secret, details.certificate_password)
    secrets = [None if one is None else one.get_secret_value() for one in given]
    who = (details.base_url, details.authority_url, details.tenant_id, details.client_id, details.certificate_file)
    return credential_hash(*who, *secrets)


def _key_and_certificate(details: GraphDetails) -> tuple[Any, bytes]:
    """Return the private key of a certificate file, and the certificate in DER. Raises AuthenticationFailed."""
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

    password = details.certificate_password
    sealed = password.get_secret_value().encode() if password else None
    path = Path(str(details.certificate_file))
    try:
        key, certificate = _parse(path.read_bytes(), sealed)
    except OSError as exc:
        raise AuthenticationFailed(f"{path} cannot be read: {exc.strerror}.", hint=CHECK_CREDENTIALS) from exc
    except (ValueError, TypeError) as exc:
        raise AuthenticationFailed(
            f"{path} is no certificate with its private key, or certificate_password is not its password.",
            hint="It must be PEM with both in one file, or PKCS #12 (.pfx).",
        ) from exc
    if certificate is None or not isinstance(key, RSAPrivateKey):
        raise AuthenticationFailed(f"{path} lacks the certificate, or its RSA key.", hint=CHECK_CREDENTIALS)
    return key, certificate


def _parse(content: bytes, password: bytes | None) -> tuple[Any, bytes | None]:
    from cryptography import x509
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.serialization import pkcs12

    if b"-----BEGIN" in content:
        key: Any = serialization.load_pem_private_key(content, password)
        certificate: Any = x509.load_pem_x509_certificate(content)
    else:
        key, certificate, _ = pkcs12.load_key_and_certificates(content, password)
    return key, None if certificate is None else certificate.public_bytes(serialization.Encoding.DER)
