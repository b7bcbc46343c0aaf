"""What a user may say about hubs and projects."""

import re
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr, field_validator, model_validator

from filesync_dagster.connectors.rest.details import Seconds, address_like

BASE_URL = "https://developer.api.autodesk.com"
Address = Annotated[str, AfterValidator(address_like(BASE_URL))]
PAGE_MAX = 200  # Autodesk answers 400 to more
ACCOUNT_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
DATA_MANAGEMENT_ID = re.compile(r"[A-Za-z]\.[^\s/?#]+")


def _data_management_id(value: str) -> str:
    """Turn the id of an account or a project, as ACC shows it, into that of the Data Management API."""
    if ACCOUNT_ID.fullmatch(value):
        return f"b.{value}"
    if not DATA_MANAGEMENT_ID.fullmatch(value):
        raise ValueError(
            f"{value!r} is not an id of a hub or project; write `b.` and the id that ACC shows in addresses"
        )
    return value


Id = Annotated[str, AfterValidator(_data_management_id)]


class AutodeskDetails(BaseModel):
    """`endpoint_details` of an endpoint of type autodesk."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    client_id: str = Field(min_length=1, pattern=r"^[^\s:]+$", description="Client id of the APS app.")
    client_secret: SecretStr = Field(min_length=1, description="Client secret of the APS app.")
    hub_id: Id | None = Field(
        default=None,
        description="The hub: `b.` and the id of the ACC account (the id alone is taken too). Default: every hub that "
        "the app may see.",
    )
    project_ids: list[Id] = Field(
        default=[],
        description="The projects: `b.` and the id of the project (the id alone is taken too). With exactly one, paths "
        "begin at its top folders; else at the names of the projects. Default: every active project.",
    )
    region: Literal["US", "EMEA", "AUS", "CAN", "DEU", "IND", "JPN", "GBR"] | None = Field(
        default=None,
        description="Only hubs whose data lies in this region; it is also sent as `x-ads-region`. Default: hubs of all "
        "regions, and Autodesk's own default (US).",
    )
    include_permissions: bool = Field(
        default=False,
        description="Record who may do what with every folder; files have no permissions of their own. One request "
        "more for each folder that is listed.",
    )
    service_account_id: str | None = Field(
        default=None, min_length=1, description="Act as this secure service account instead of as the app."
    )
    key_id: str | None = Field(default=None, min_length=1, description="Id of the service account's key.")
    private_key: SecretStr | None = Field(default=None, description="The service account's key itself (PEM, RSA).")
    list_workers: int = Field(default=4, ge=1, le=32, description="Folders read at once. 1 reads without threads.")
    page_size: int = Field(default=PAGE_MAX, ge=1, le=PAGE_MAX, description="Entries to ask for in one request.")
    requests_per_minute: int = Field(
        default=300,
        ge=6,
        le=100_000,
        description="Requests a minute to each of Autodesk's folder calls, and a sixth of it to those about hubs and "
        "projects: Autodesk's own limits. They count for the whole app, so give less if other programs use it too.",
    )
    base_url: Address = Field(
        default=BASE_URL, pattern=r"^https?://[^/\s?#@]+/?$", description="Address of Autodesk Platform Services."
    )
    verify_tls: bool = Field(default=True, description="Check the certificate of the API.")
    ca_bundle: str | None = Field(default=None, description="File of certificate authorities to trust.")
    connect_timeout: Seconds = Field(default=10.0, description="Seconds to wait for a connection.")
    read_timeout: Seconds = Field(default=60.0, description="Seconds to wait for data of an answer.")

    @field_validator("project_ids", mode="before")
    @classmethod
    def _all_when_none(cls, value: Any) -> Any:
        return [] if value is None else value

    @field_validator("project_ids")
    @classmethod
    def _each_once(cls, values: list[str]) -> list[str]:
        return list(dict.fromkeys(values))

    @model_validator(mode="after")
    def _agree(self) -> Self:
        given = [self.service_account_id is not None, self.key_id is not None, self.private_key is not None]
        if any(given) and not all(given):
            raise ValueError("service_account_id, key_id and private_key go together: give all three or none")
        return self

    @property
    def only_project(self) -> str | None:
        """The one project whose top is the top of the endpoint; None when projects are folders of it."""
        return self.project_ids[0] if len(self.project_ids) == 1 else None
