"""What a user may say about a bucket of Google Cloud Storage."""

from typing import Annotated, Final, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from filesync_dagster.connectors.google.service_account import KeyText
from filesync_dagster.connectors.rest.details import Seconds, address_like

BASE_URL: Final = "https://storage.googleapis.com"
Address = Annotated[str, AfterValidator(address_like(BASE_URL))]
CREDENTIALS: Final = ("service_account_file", "service_account_json")


class GcsDetails(BaseModel):
    """`endpoint_details` of an endpoint of type gcs."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    bucket: str = Field(min_length=1, pattern=r"^[^/\s]+$", description="Name of the bucket.")
    prefix: str = Field(
        default="",
        description="Only names that begin with this text. `drawings/` is a folder; `draw` also takes `drawer.pdf`.",
    )
    service_account_file: str | None = Field(
        default=None, min_length=1, description="The JSON key file of a service account. Its `token_uri` is asked."
    )
    service_account_json: KeyText = Field(
        default=None, description="The JSON key of a service account itself, in place of the file."
    )
    anonymous: bool = Field(default=False, description="Ask without credentials, for public buckets.")
    use_default_credentials: bool = Field(
        default=False,
        description="Use the machine's own credentials: `GOOGLE_APPLICATION_CREDENTIALS`, those of `gcloud`, the "
        "metadata service. Without it none of them is looked for.",
    )
    user_project: str | None = Field(
        default=None, min_length=1, description="Project that pays for requests, for buckets whose requester pays."
    )
    include_permissions: bool = Field(
        default=False,
        description="Read the ACL of every object, which comes with the listing. With uniform access there is none.",
    )
    base_url: Address = Field(
        default=BASE_URL, description="Address of the API: `/storage/v1` is appended. Another one is for simulators."
    )
    list_workers: int = Field(
        default=8, ge=1, le=64, description="Ranges of names listed at once. 1 lists serially, without threads."
    )
    page_size: int = Field(default=1000, ge=1, le=1000, description="Objects to ask for in one request.")
    verify_tls: bool = Field(default=True, description="Check the certificate of the API.")
    ca_bundle: str | None = Field(default=None, description="File of certificate authorities to trust.")
    connect_timeout: Seconds = Field(default=10.0, description="Seconds to wait for a connection.")
    read_timeout: Seconds = Field(default=60.0, description="Seconds to wait for data of an answer.")

    @model_validator(mode="after")
    def _agree(self) -> Self:
        ways = [name for name in CREDENTIALS if getattr(self, name) is not None]
        ways += [name for name in ("anonymous", "use_default_credentials") if getattr(self, name)]
        if len(ways) > 1:
            raise ValueError(f"{' and '.join(ways)} exclude each other: give one kind of credentials")
        if not ways:
            raise ValueError(
                "no credentials: give service_account_file or service_account_json, use_default_credentials: true for "
                "the machine's own, or anonymous: true for a public bucket"
            )
        return self
