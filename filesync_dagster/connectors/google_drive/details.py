"""What a user may say about Google Drive."""

import json
from typing import Annotated, Any, Self
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator, model_validator

Seconds = Annotated[float, Field(gt=0, le=3600)]
Id = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]+$")]

TOKEN_URI = "https://oauth2.googleapis.com/token"  # noqa: S105 - an address
KEY_PARTS = ("client_email", "private_key", "token_uri")
USER_PARTS = ("client_id", "client_secret", "refresh_token")


class GoogleDriveDetails(BaseModel):
    """`endpoint_details` of an endpoint of type google_drive."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    folder_id: Id | None = Field(
        default=None,
        description="Only what is below this folder: the last part of its address in the browser. It may lie in My "
        "Drive, in a shared drive or in what others shared with the account.",
    )
    drive_id: Id | None = Field(
        default=None,
        description="Only this shared drive (with `folder_id`: the shared drive that the folder lies in).",
    )
    include_shared: bool = Field(
        default=False,
        description="My Drive, what others shared with the account, and every shared drive that it is a member of. "
        "Default: My Drive only. Excludes `folder_id` and `drive_id`.",
    )
    include_permissions: bool = Field(
        default=False,
        description="Record who may do what with every entry. In shared drives one request per entry: slow.",
    )
    service_account_file: str | None = Field(
        default=None, min_length=1, description="The JSON key file of a service account."
    )
    service_account_json: SecretStr | None = Field(
        default=None, description="The JSON key of a service account itself, in place of the file."
    )
    subject: str | None = Field(
        default=None,
        pattern=r"^[^@\s]+@[^@\s]+$",
        description="User in whose name the service account asks. Needs domain-wide delegation.",
    )
    client_id: str | None = Field(
        default=None, min_length=1, description="OAuth client, with `client_secret` and `refresh_token` of a user."
    )
    client_secret: SecretStr | None = Field(default=None, description="Secret of `client_id`.")
    refresh_token: SecretStr | None = Field(default=None, description="What the user's consent to `client_id` gave.")
    token_uri: str = Field(
        default=TOKEN_URI,
        description="Where access tokens for `refresh_token` come from. A service account's key names its own.",
    )
    base_url: str = Field(
        default="https://www.googleapis.com", description="Address of the API; another one is for simulators."
    )
    page_size: int = Field(default=1000, ge=1, le=1000, description="Entries to ask for in one request.")
    list_workers: int = Field(
        default=8, ge=1, le=64, description="Requests at once where one does not wait for the other, such as folders."
    )
    verify_tls: bool = Field(default=True, description="Check the certificate of the API.")
    ca_bundle: str | None = Field(default=None, description="File of certificate authorities to trust.")
    connect_timeout: Seconds = Field(default=10.0, description="Seconds to wait for a connection.")
    read_timeout: Seconds = Field(default=60.0, description="Seconds to wait for data of an answer.")

    @field_validator("base_url", "token_uri")
    @classmethod
    def _address_can_be_read(cls, value: str) -> str:
        # The value is not repeated: it might hold a password.
        try:
            parts = urlsplit(value)
            readable = parts.scheme in {"http", "https"} and parts.hostname and parts.port != 0
        except ValueError:
            readable = False
        if not readable or parts.username or parts.query or parts.fragment:
            raise ValueError("this is not an address such as https://www.googleapis.com")
        return value.rstrip("/")

    @field_validator("service_account_json", mode="before")
    @classmethod
    def _may_be_a_mapping(cls, value: object) -> object:
        return json.dumps(value) if isinstance(value, dict) else value  # JSON pasted into YAML is a mapping

    @field_validator("service_account_json")
    @classmethod
    def _is_a_key(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None and not value.get_secret_value().startswith("secret:"):  # fetched when it is needed
            key_parts(value.get_secret_value())
        return value

    @model_validator(mode="after")
    def _agree(self) -> Self:
        if self.include_shared and (self.folder_id or self.drive_id):
            raise ValueError("include_shared lists everything: leave out folder_id and drive_id")
        keys = [name for name in ("service_account_file", "service_account_json") if getattr(self, name) is not None]
        user = [name for name in USER_PARTS if getattr(self, name) is not None]
        if len(keys) > 1 or (keys and user):
            raise ValueError(f"{' and '.join([*keys, *user])} exclude each other: give one kind of credentials")
        if not keys and not user:
            raise ValueError(
                "no credentials: give service_account_file or service_account_json, "
                "or client_id, client_secret and refresh_token"
            )
        if user and len(user) < len(USER_PARTS):
            missing = [name for name in USER_PARTS if name not in user]
            raise ValueError(f"{' and '.join(user)} also need {' and '.join(missing)}")
        if self.subject and user:
            raise ValueError("subject needs a service account: a refresh_token already names its user")
        return self


def key_parts(text: str) -> dict[str, Any]:
    """Return what the JSON key of a service account holds. Raises ValueError; its message holds nothing of the key."""
    try:
        key = json.loads(text)
    except (ValueError, RecursionError):
        key = None
    if not isinstance(key, dict):
        raise ValueError("this is not the JSON key of a service account")  # noqa: TRY004 - pydantic wants a ValueError
    if key.get("type", "service_account") != "service_account":
        raise ValueError(f"this is the JSON of type {str(key['type'])[:40]!r}, not the key of a service account")
    missing = [name for name in KEY_PARTS if not isinstance(key.get(name), str)]
    if missing:
        raise ValueError(f"this key of a service account has no {' and no '.join(missing)}")
    return key
