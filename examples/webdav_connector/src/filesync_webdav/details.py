"""What a user may say about a folder of a WebDAV server."""

from typing import Annotated, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr, field_validator, model_validator

from filesync_dagster.connectors.rest.details import Seconds, address_like

Address = Annotated[str, AfterValidator(address_like("https://cloud.example.com"))]


class WebdavDetails(BaseModel):
    """`endpoint_details` of an endpoint of type webdav."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    url: Address = Field(
        pattern=r"^https?://[^/\s?#@]+(/[^\s?#]*)?$",
        description="Address of the server's WebDAV root, as the server itself spells it: "
        "`https://cloud.example.com/remote.php/dav/files/ann`.",
    )
    path: str = Field(default="", description="The folder below it, with plain names. Default: all of it.")
    username: str | None = Field(default=None, min_length=1, pattern=r"^[^:]+$", description="Name of the account.")
    password: SecretStr | None = Field(default=None, description="Its password, best one for this program alone.")
    token: SecretStr | None = Field(
        default=None, min_length=1, description="A bearer token instead of a name and a password."
    )
    list_workers: int = Field(default=4, ge=1, le=32, description="Folders read at once. 1 reads without threads.")
    page_size: int = Field(default=1_000, ge=1, le=100_000, description="Entries per page.")
    verify_tls: bool = Field(default=True, description="Check the certificate of the server.")
    ca_bundle: str | None = Field(default=None, description="File of certificate authorities to trust.")
    connect_timeout: Seconds = Field(default=10.0, description="Seconds to wait for a connection.")
    read_timeout: Seconds = Field(default=60.0, description="Seconds to wait for data of an answer.")

    @field_validator("path")
    @classmethod
    def _names_a_folder(cls, value: str) -> str:
        names = [name for name in value.split("/") if name]
        if {".", ".."} & {*names} or "\x00" in value:
            raise ValueError("a path is made of names, none of them `.` or `..`")
        return "/".join(names)

    @model_validator(mode="after")
    def _agree(self) -> Self:
        if (self.username is None) != (self.password is None):
            raise ValueError("username and password go together: give both or none")
        if self.token is not None and self.username is not None:
            raise ValueError("token excludes username and password")
        return self
