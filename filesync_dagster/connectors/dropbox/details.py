"""What a user may say about a Dropbox."""

import re
from typing import Annotated, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr, field_validator, model_validator

from filesync_dagster.connectors.rest.details import Seconds, address_like

Address = Annotated[str, AfterValidator(address_like("https://api.dropboxapi.com"))]

BASE_URL = "https://api.dropboxapi.com"
CONTENT_URL = "https://content.dropboxapi.com"
NOTIFY_URL = "https://notify.dropboxapi.com"
PATH = re.compile(r"(/[^/]+)*")


class DropboxDetails(BaseModel):
    """`endpoint_details` of an endpoint of type dropbox."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    app_key: str | None = Field(default=None, min_length=1, description="App key, with `refresh_token`.")
    app_secret: SecretStr | None = Field(
        default=None, description="App secret. An app that signed in with PKCE has none to give."
    )
    refresh_token: SecretStr | None = Field(
        default=None, description="What the consent to the app gave; access tokens are made of it."
    )
    access_token: SecretStr | None = Field(
        default=None, description="An access token itself, in place of these three. Dropbox's last for four hours."
    )
    path: str = Field(
        default="",
        description="Only what is below this folder, such as `/Projects`. Default: everything that the app may see.",
    )
    namespace_id: str | None = Field(
        default=None,
        pattern=r"^[-_0-9a-zA-Z:]+$",
        description="The namespace that paths begin at: the team space, a team folder or a shared folder. Default: the "
        "member's own folder. Apps with access to their own folder only have no other.",
    )
    select_user: str | None = Field(
        default=None,
        pattern=r"^[!-~]+$",
        description="The member (`dbmid:…`) in whose name the app of a team asks.",
    )
    select_admin: str | None = Field(
        default=None,
        pattern=r"^[!-~]+$",
        description="The administrator (`dbmid:…`) in whose name the app of a team asks, for what the team owns.",
    )
    include_permissions: bool = Field(
        default=False,
        description="Record who may do what in shared folders, and with files that are shared by themselves. One "
        "request for each of these, in every listing.",
    )
    page_size: int = Field(default=2000, ge=1, le=2000, description="Entries to ask for in one request.")
    list_workers: int = Field(
        default=4, ge=1, le=16, description="Requests at once where one does not wait for the other, such as look-ups."
    )
    base_url: Address = Field(
        default=BASE_URL,
        description="Address of the API. Another one than Dropbox's stands for the host of contents too.",
    )
    token_url: Address | None = Field(
        default=None, description="Where access tokens come from. Default: `/oauth2/token` of `base_url`."
    )
    notify_url: Address = Field(
        default=NOTIFY_URL,
        description="Address of the host that tells when something changed. Nothing is asked there yet.",
    )
    verify_tls: bool = Field(default=True, description="Check the certificate of the API.")
    ca_bundle: str | None = Field(default=None, description="File of certificate authorities to trust.")
    connect_timeout: Seconds = Field(default=10.0, description="Seconds to wait for a connection.")
    read_timeout: Seconds = Field(default=60.0, description="Seconds to wait for data of an answer.")

    @field_validator("path")
    @classmethod
    def _path_is_one(cls, value: str) -> str:
        path = "/" + value.strip("/") if value.strip("/") else ""
        if not PATH.fullmatch(path):
            raise ValueError("this is not a path in Dropbox such as /Projects/2026")
        return path

    @model_validator(mode="after")
    def _agree(self) -> Self:
        if self.select_user and self.select_admin:
            raise ValueError("select_user and select_admin exclude each other")
        refreshed = [name for name in ("app_key", "app_secret", "refresh_token") if getattr(self, name) is not None]
        if self.access_token is not None and refreshed:
            raise ValueError(
                f"access_token and {' and '.join(refreshed)} exclude each other: give one kind of credentials"
            )
        if self.access_token is None and (self.app_key is None or self.refresh_token is None):
            raise ValueError("no credentials: give app_key, app_secret and refresh_token, or access_token")
        return self

    @property
    def content_url(self) -> str:
        """Where contents come from."""
        return CONTENT_URL if self.base_url == BASE_URL else self.base_url

    @property
    def scope(self) -> str:
        """The name of what is listed."""
        root = f"namespace:{self.namespace_id}" if self.namespace_id else "dropbox"
        return f"{root}{self.path.lower()}"
