"""What a user may say about Google Drive."""

from typing import Annotated, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr, model_validator

from filesync_dagster.connectors.google.service_account import KeyText
from filesync_dagster.connectors.rest.details import Seconds, address_like

Address = Annotated[str, AfterValidator(address_like("https://www.googleapis.com"))]
Id = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]+$")]

TOKEN_URI = "https://oauth2.googleapis.com/token"  # noqa: S105 - an address
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
    service_account_json: KeyText = Field(
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
    token_uri: Address = Field(
        default=TOKEN_URI,
        description="Where access tokens for `refresh_token` come from. A service account's key names its own.",
    )
    base_url: Address = Field(
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
