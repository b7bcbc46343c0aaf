"""Access tokens: minted with the app's secret or a service account's key."""

import base64
import time
from typing import Any

import httpx

from filesync_dagster.connectors.autodesk.answers import CHECK_KEY, document, refusal_error
from filesync_dagster.connectors.autodesk.details import AutodeskDetails
from filesync_dagster.connectors.rest.client import httpx_border
from filesync_dagster.connectors.rest.oauth import AccessToken, access_token_in, credential_hash
from filesync_dagster.core.errors import AuthenticationFailed

SCOPE = "data:read"
PATH = "/authentication/v2/token"
JWT_BEARER = "urn:ietf:params:oauth:grant-type:jwt-bearer"
JWT_SECONDS = 240  # Autodesk takes assertions of up to five minutes


class AutodeskTokenMint:
    """Asks for tokens of one app or service account."""

    def __init__(self, details: AutodeskDetails, client: httpx.Client) -> None:
        self._details = details
        self._client = client

    def mint(self) -> AccessToken:
        """Return a new token. Raises SourceError."""
        return access_token_in(self._ask(), self._where)

    def _ask(self) -> dict[str, Any]:
        details = self._details
        call, form = "token", {"grant_type": "client_credentials", "scope": SCOPE}
        if details.service_account_id is not None:
            call, form = "assertion", {"grant_type": JWT_BEARER, "assertion": self._assertion(), "scope": SCOPE}
        pair = f"{details.client_id}:{details.client_secret.get_secret_value()}"
        headers = {"authorization": f"Basic {base64.b64encode(pair.encode()).decode()}", "accept": "application/json"}
        with httpx_border(self._where):
            answer = self._client.post(f"{details.base_url}{PATH}", data=form, headers=headers)
        if answer.status_code != httpx.codes.OK:
            raise refusal_error(self._where, call, answer)
        return document(answer, self._where)

    def _assertion(self) -> str:
        """Return what a service account proves itself with: claims signed with its key."""
        from google.auth import crypt, jwt

        details = self._details
        assert details.private_key is not None
        try:
            signer = crypt.RSASigner.from_string(  # type: ignore[no-untyped-call]  # google-auth has types in part only
                details.private_key.get_secret_value().replace("\\n", "\n"), details.key_id
            )
        except ValueError as exc:
            raise AuthenticationFailed(
                f"The private_key of service account {details.service_account_id} is no RSA key in PEM form.",
                hint=CHECK_KEY,
            ) from exc
        now = int(time.time())
        claims = {
            "iss": details.client_id,
            "sub": details.service_account_id,
            "aud": f"{details.base_url}{PATH}",
            "iat": now,
            "exp": now + JWT_SECONDS,
            "scope": [SCOPE],
        }
        signed: bytes = jwt.encode(signer, claims)  # type: ignore[no-untyped-call]  # likewise
        return signed.decode("ascii")

    @property
    def _where(self) -> str:
        return f"Autodesk, asked for a token of {self._details.client_id},"


def identity_of(details: AutodeskDetails) -> str:
    """Return what stands for an identity: a hash, so that no secret lingers in it."""
    parts = [details.base_url, details.client_id, details.client_secret.get_secret_value()]
    if details.private_key is not None:
        parts += [str(details.service_account_id), str(details.key_id), details.private_key.get_secret_value()]
    return credential_hash(*parts)
