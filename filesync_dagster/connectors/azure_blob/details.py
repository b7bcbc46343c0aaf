"""What a user may say about a container."""

from typing import Annotated, Any, Final, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr, model_validator

from filesync_dagster.connectors.rest.details import Seconds, address_like

Address = Annotated[str, AfterValidator(address_like("https://account.blob.core.windows.net"))]

AUTHORITY_URL: Final = "https://login.microsoftonline.com"
EMULATOR_ACCOUNT: Final = "devstoreaccount1"
EMULATOR_PORTS: Final = {"blob": 10000, "queue": 10001}
# Published by Microsoft for the emulator, the same for everybody.
EMULATOR_KEY: Final = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="
APP_PARTS: Final = ("tenant_id", "client_id", "client_secret")


class AzureBlobDetails(BaseModel):
    """`endpoint_details` of an endpoint of type azure_blob."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    container: str = Field(min_length=1, pattern=r"^[^/\s]+$", description="Name of the container.")
    prefix: str = Field(
        default="",
        description="Only names that begin with this text. `drawings/` is a folder; `draw` also takes `drawer.pdf`.",
    )
    account: str | None = Field(
        default=None,
        pattern=r"^[a-z0-9-]+$",
        description="Name of the storage account. Default: the one that `connection_string` names.",
    )
    connection_string: SecretStr | None = Field(
        default=None, description="As the portal shows it under Access keys, or with a shared access signature."
    )
    account_key: SecretStr | None = Field(default=None, description="One of the two keys of the account.")
    sas_token: SecretStr | None = Field(
        default=None, description="A shared access signature of the container or the account: may read and list."
    )
    tenant_id: str | None = Field(
        default=None,
        pattern=r"^[A-Za-z0-9.-]+$",
        description="Directory (tenant) of an app registration, with `client_id` and `client_secret`.",
    )
    client_id: str | None = Field(default=None, min_length=1, description="Application (client) id.")
    client_secret: SecretStr | None = Field(default=None, description="Secret of `client_id`.")
    anonymous: bool = Field(default=False, description="Ask without credentials, for public containers.")
    base_url: Address | None = Field(
        default=None,
        description="Address of the blob service, such as that of a sovereign cloud; a path is kept. "
        "Default: `https://ACCOUNT.blob.core.windows.net`.",
    )
    authority_url: Address = Field(
        default=AUTHORITY_URL, description="Where tokens come from: `/TENANT/oauth2/v2.0/token` is appended."
    )
    list_workers: int = Field(
        default=8,
        ge=1,
        le=64,
        description="Ranges of names listed at once, where the service can begin a listing anywhere. 1: none.",
    )
    page_size: int = Field(default=5000, ge=1, le=5000, description="Blobs to ask for in one request.")
    verify_tls: bool = Field(default=True, description="Check the certificate of the service.")
    ca_bundle: str | None = Field(default=None, description="File of certificate authorities to trust.")
    connect_timeout: Seconds = Field(default=10.0, description="Seconds to wait for a connection.")
    read_timeout: Seconds = Field(default=60.0, description="Seconds to wait for data of an answer.")

    @model_validator(mode="before")
    @classmethod
    def _named_by_the_connection_string(cls, given: Any) -> Any:
        return with_named_account(given)

    @model_validator(mode="after")
    def _agree(self) -> Self:
        app = [name for name in APP_PARTS if getattr(self, name) is not None]
        if app and len(app) < len(APP_PARTS):
            raise ValueError(f"{' and '.join(app)} also need {' and '.join(n for n in APP_PARTS if n not in app)}")
        single = [n for n in ("connection_string", "account_key", "sas_token") if getattr(self, n) is not None]
        ways = [*single, *(["client_secret"] if app else []), *(["anonymous"] if self.anonymous else [])]
        if len(ways) > 1:
            raise ValueError(f"{' and '.join(ways)} exclude each other: give one kind of credentials")
        if not ways:
            raise ValueError(
                "no credentials: give connection_string, account_key, sas_token, or tenant_id, client_id and "
                "client_secret; or anonymous: true for a public container"
            )
        if self.connection_string is None and self.account is None and (self.base_url is None or self.account_key):
            raise ValueError("account is missing: the name of the storage account")
        return self

    @property
    def blob_url(self) -> str:
        """The address of the blob service."""
        return self.base_url or f"https://{self.account}.blob.core.windows.net"


def with_named_account(given: Any, service: str = "blob") -> Any:
    """Return settings with the account and the address that their connection string names. Raises ValueError.

    They decide what is asked, so they are told beside the secret that holds them.
    """
    text = given.get("connection_string") if isinstance(given, dict) else None
    text = text.get_secret_value() if isinstance(text, SecretStr) else text
    if not isinstance(text, str) or text.startswith("secret:"):  # fetched when it is needed
        return given
    parts = connection_parts(text, service)
    named = {"account": parts.get("account"), "base_url": parts.get("base_url")}
    return {**{name: value for name, value in named.items() if value}, **given}


def connection_parts(text: str, service: str = "blob") -> dict[str, str]:
    """Return what a connection string names: account, account_key, sas_token, base_url. Raises ValueError.

    `service`: "blob" or "queue", whose address is asked for.
    """
    pairs = [part.partition("=") for part in text.strip().split(";") if part.strip()]
    told = {name.strip().lower(): value.strip() for name, _, value in pairs}
    if told.get("usedevelopmentstorage", "").lower() == "true":
        address = f"http://127.0.0.1:{EMULATOR_PORTS[service]}/{EMULATOR_ACCOUNT}"
        return {"account": EMULATOR_ACCOUNT, "account_key": EMULATOR_KEY, "base_url": address}
    account, address = told.get("accountname", ""), told.get(f"{service}endpoint", "").rstrip("/")
    if not address and account:
        suffix = told.get("endpointsuffix") or "core.windows.net"
        address = f"{told.get('defaultendpointsprotocol') or 'https'}://{account}.{service}.{suffix}"
    found = {
        "account": account or (urlsplit(address).hostname or "").partition(".")[0],
        "account_key": told.get("accountkey", ""),
        "sas_token": told.get("sharedaccesssignature", ""),
        "base_url": address,
    }
    if not address or not (found["account_key"] or found["sas_token"]):
        raise ValueError(
            "this is no connection string: it names no account with a key, nor an address with a signature"
        )
    return {name: value for name, value in found.items() if value}
