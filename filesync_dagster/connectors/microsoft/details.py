"""What a user may say about SharePoint and OneDrive."""

from typing import Annotated, Self
from urllib.parse import unquote, urlsplit

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator, model_validator

from filesync_dagster.connectors.rest.details import Seconds, address_parts

Id = Annotated[str, Field(min_length=1, pattern=r"^[^\s/?#]+$")]


class GraphDetails(BaseModel):
    """What both types have."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    tenant_id: Id = Field(description="The tenant: its id, or a domain such as contoso.onmicrosoft.com.")
    client_id: Id = Field(description="Application (client) id of the app registration.")
    client_secret: SecretStr | None = Field(default=None, description="A client secret of the app, or:")
    certificate_file: str | None = Field(
        default=None,
        min_length=1,
        description="A file with a certificate of the app and its private key: PEM, or PKCS #12 (`.pfx`).",
    )
    certificate_password: SecretStr | None = Field(default=None, description="Password of that file.")
    drive_id: Id | None = Field(default=None, description="Only this drive, by its id.")
    folder_path: str | None = Field(
        default=None, min_length=1, description="Only what is below this folder of the drive, such as `Projects/2026`."
    )
    include_permissions: bool = Field(
        default=False, description="Record who may do what with every item. One request for each: slow."
    )
    base_url: str = Field(
        default="https://graph.microsoft.com",
        description="Address of Microsoft Graph; another one for sovereign clouds, proxies and simulators.",
    )
    authority_url: str = Field(
        default="https://login.microsoftonline.com", description="Address of the service that gives access tokens."
    )
    page_size: int | None = Field(
        default=None, ge=1, le=999, description="Items to ask for in one request. Default: as many as Graph likes."
    )
    list_workers: int = Field(
        default=8, ge=1, le=64, description="Requests at once where one does not wait for the other, such as folders."
    )
    verify_tls: bool = Field(default=True, description="Check the certificate of the API.")
    ca_bundle: str | None = Field(default=None, description="File of certificate authorities to trust.")
    connect_timeout: Seconds = Field(default=10.0, description="Seconds to wait for a connection.")
    read_timeout: Seconds = Field(default=60.0, description="Seconds to wait for data of an answer.")

    @field_validator("base_url", "authority_url")
    @classmethod
    def _is_an_origin(cls, value: str) -> str:
        parts = address_parts(value)
        if parts is None or parts.path.strip("/") or parts.query:
            raise ValueError("this is not an address such as https://graph.microsoft.com, without a path")
        return value.rstrip("/")

    @field_validator("folder_path")
    @classmethod
    def _is_a_path(cls, value: str | None) -> str | None:
        if value is None:
            return None
        names = value.strip("/").split("/")
        if not all(names) or {".", ".."} & set(names):
            raise ValueError("this is not the path of a folder, such as Projects/2026")
        return "/".join(names)

    @model_validator(mode="after")
    def _one_credential(self) -> Self:
        if (self.client_secret is None) == (self.certificate_file is None):
            raise ValueError("give client_secret or certificate_file, one of the two")
        if self.certificate_password is not None and self.certificate_file is None:
            raise ValueError("certificate_password goes with certificate_file")
        return self


class SharePointDetails(GraphDetails):
    """`endpoint_details` of an endpoint of type sharepoint."""

    site_url: str | None = Field(
        default=None, description="Address of the site, such as https://contoso.sharepoint.com/sites/engineering; or:"
    )
    site_id: Id | None = Field(default=None, description="Id of the site in Graph.")
    drive: str | None = Field(
        default=None,
        min_length=1,
        description="Only this library, by its name. Without it and `drive_id` all libraries of the site are listed, "
        "and paths begin with their names.",
    )

    @field_validator("site_url")
    @classmethod
    def _is_a_site(cls, value: str | None) -> str | None:
        parts = None if value is None else address_parts(value)
        if value is not None and (parts is None or parts.query):
            raise ValueError("this is not an address such as https://contoso.sharepoint.com/sites/engineering")
        return value

    @model_validator(mode="after")
    def _agree(self) -> Self:
        if (self.site_url is None) == (self.site_id is None):
            raise ValueError("give site_url or site_id, one of the two")
        if self.drive is not None and self.drive_id is not None:
            raise ValueError("drive and drive_id exclude each other")
        if self.folder_path is not None and self.drive is None and self.drive_id is None:
            raise ValueError("folder_path needs drive or drive_id: in which library is it?")
        return self

    @property
    def site(self) -> str:
        """The site, as paths of Graph name it."""
        if self.site_id is not None:
            return self.site_id
        parts = urlsplit(str(self.site_url))
        path = unquote(parts.path).strip("/")
        return f"{parts.hostname}:/{path}:" if path else str(parts.hostname)


class OneDriveDetails(GraphDetails):
    """`endpoint_details` of an endpoint of type onedrive."""

    user: Id | None = Field(
        default=None, description="Whose OneDrive: the user principal name (an address, most often) or the id; or:"
    )

    @model_validator(mode="after")
    def _agree(self) -> Self:
        if (self.user is None) == (self.drive_id is None):
            raise ValueError("give user or drive_id, one of the two")
        return self
