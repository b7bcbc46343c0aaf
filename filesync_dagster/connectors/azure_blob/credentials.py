"""Who asks: the key of the account signs requests, or a shared access signature or a token of Entra goes with them."""

import hmac
from base64 import b64decode, b64encode
from binascii import Error as Base64Error
from collections.abc import Mapping
from dataclasses import dataclass, field
from email.utils import formatdate
from hashlib import sha256
from typing import Final, Protocol
from urllib.parse import parse_qsl

import httpx
from pydantic import SecretStr

from filesync_dagster.connectors.azure_blob.details import connection_parts
from filesync_dagster.connectors.rest.answers import Answer
from filesync_dagster.connectors.rest.errors import ErrorTable
from filesync_dagster.connectors.rest.json_api import fetch_token
from filesync_dagster.connectors.rest.oauth import AccessToken, credential_hash
from filesync_dagster.core.errors import AuthenticationFailed
from filesync_dagster.core.redaction import note_secrets

STORAGE_SCOPE: Final = "https://storage.azure.com/.default"
CHECK_APP: Final = "Check tenant_id, client_id and client_secret (a secret expires), and authority_url."
CHECK_KEY: Final = "Check account and account_key, or the connection string."
TOKEN_SERVICE: Final = "Microsoft's token service"  # noqa: S105 - its name
TOKEN_ERRORS: Final = ErrorTable(
    {"temporarily_unavailable": (AuthenticationFailed, CHECK_APP)},
    {400: (AuthenticationFailed, CHECK_APP), 401: (AuthenticationFailed, CHECK_APP)},
    CHECK_APP,
    names_status=True,
)
SIGNED: Final = (
    "content-encoding", "content-language", "content-length", "content-md5", "content-type", "date",
    "if-modified-since", "if-match", "if-none-match", "if-unmodified-since", "range",
)  # fmt: skip
"""Headers whose values a signature has without their names, in this order."""


class AccountDetails(Protocol):
    """What the details of a service of a storage account say of who asks."""

    @property
    def account(self) -> str | None:
        """The name of the account."""
        ...

    @property
    def connection_string(self) -> SecretStr | None:
        """Address and key, or signature, in one."""
        ...

    @property
    def account_key(self) -> SecretStr | None:
        """A key of the account."""
        ...

    @property
    def sas_token(self) -> SecretStr | None:
        """A shared access signature."""
        ...

    @property
    def tenant_id(self) -> str | None:
        """The directory of an app registration."""
        ...

    @property
    def client_id(self) -> str | None:
        """The app registration."""
        ...

    @property
    def client_secret(self) -> SecretStr | None:
        """Its secret."""
        ...

    @property
    def authority_url(self) -> str:
        """Where its tokens come from."""
        ...


@dataclass(frozen=True, slots=True)
class Credential:
    """What proves who asks. One of the fields is set, or none: anonymous."""

    account: str
    key: bytes | None = field(default=None, repr=False)
    sas: str | None = field(default=None, repr=False)  # parameters of a query

    @classmethod
    def of(cls, details: AccountDetails) -> "Credential":
        """Return the credential of the details, but for a token. Raises AuthenticationFailed for an unreadable one."""
        parts: Mapping[str, str] = {}
        if details.connection_string is not None:
            try:
                parts = connection_parts(details.connection_string.get_secret_value())
            except ValueError as exc:
                raise AuthenticationFailed(f"connection_string cannot be used: {exc}.", hint=CHECK_KEY) from None
        key = parts.get("account_key") or _open(details.account_key)
        sas = parts.get("sas_token") or _open(details.sas_token)
        note_secrets((key, sas))
        account = details.account or parts.get("account") or ""
        if not key:
            return cls(account, sas=sas and sas.strip().lstrip("?"))
        try:
            return cls(account, key=b64decode(key, validate=True))
        except (Base64Error, ValueError):
            raise AuthenticationFailed("The account key cannot be read: it is no Base64.", hint=CHECK_KEY) from None

    def address(self, target: str) -> str:
        """Return what is asked for, with a shared access signature where that is the credential."""
        if self.sas is None:
            return target
        return f"{target}{'&' if '?' in target else '?'}{self.sas}"

    def headers(self, method: str, target: str, headers: Mapping[str, str]) -> dict[str, str]:
        """Return the headers of a request with those that sign it."""
        given = {"x-ms-date": formatdate(usegmt=True), **headers}
        if self.key is None:
            return given
        digest = hmac.new(self.key, self._to_sign(method, target, given).encode(), sha256).digest()
        return {**given, "authorization": f"SharedKey {self.account}:{b64encode(digest).decode()}"}

    def _to_sign(self, method: str, target: str, headers: Mapping[str, str]) -> str:
        path, _, query = target.partition("?")
        told = {name.lower(): value.strip() for name, value in headers.items()}
        if told.get("content-length") == "0":
            del told["content-length"]
        own = "".join(f"{name}:{told[name]}\n" for name in sorted(told) if name.startswith("x-ms-"))
        asked = sorted(parse_qsl(query, keep_blank_values=True, errors="surrogateescape"))
        resource = f"/{self.account}{path}" + "".join(f"\n{name.lower()}:{value}" for name, value in asked)
        return "\n".join([method, *(told.get(name, "") for name in SIGNED), own + resource])


def mint_token(details: AccountDetails, client: httpx.Client) -> AccessToken:
    """Return a token of the app registration: one request. Raises SourceError."""
    assert details.client_secret is not None
    form = {
        "grant_type": "client_credentials",
        "client_id": details.client_id or "",
        "client_secret": details.client_secret.get_secret_value(),
        "scope": STORAGE_SCOPE,
    }
    url = f"{details.authority_url}/{details.tenant_id}/oauth2/v2.0/token"
    return fetch_token(client, url, form, TOKEN_SERVICE, errors=TOKEN_ERRORS, read_refusal=_token_refusal)


def tenant_key(details: AccountDetails, service_url: str) -> str:
    """Return what stands for the credential where throttling is shared: a hash, which tells no secret."""
    texts = map(_open, (details.connection_string, details.account_key, details.sas_token, details.client_secret))
    return credential_hash("azure_blob", service_url, details.tenant_id, details.client_id, *texts)


def _open(secret: SecretStr | None) -> str | None:
    return None if secret is None else secret.get_secret_value()


def _token_refusal(answer: Answer) -> tuple[str, str]:
    return str(answer["error"]), str(answer.get("error_description", "")).partition("\r\n")[0]
