"""What a user may say about a bucket."""

from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator, model_validator

from filesync_dagster.connectors.rest.details import Seconds, address_parts
from filesync_dagster.connectors.s3.quirks import QUIRKS


class S3Details(BaseModel):
    """`endpoint_details` of an endpoint of type s3."""

    model_config = ConfigDict(extra="forbid", frozen=True, str_strip_whitespace=False)

    bucket: str = Field(min_length=1, pattern=r"^[^/\s]+$", description="Name of the bucket.")
    prefix: str = Field(
        default="",
        description="Only keys that begin with this text. `drawings/` is a folder; `draw` also takes `drawer.pdf`.",
    )
    region: str | None = Field(
        default=None,
        description="Region of the bucket. Default: of the profile, else `us-east-1`; a redirect is followed once.",
    )
    endpoint_url: str | None = Field(
        default=None,
        pattern=r"^https?://[^/\s?#@]+(/[^\s?#]*)?$",
        description="Address of an S3-compatible store, such as `https://minio.example.com:9000`; a path is kept. "
        "Default: AWS.",
    )
    provider: str | None = Field(
        default=None,
        description=f"Whose S3 this is, one of {', '.join(sorted(QUIRKS))}. Default: guessed from `endpoint_url`.",
    )
    access_key_id: SecretStr | None = Field(
        default=None,
        description="Access key. Default: the usual AWS chain (environment, profile, SSO), instance metadata excepted.",
    )
    secret_access_key: SecretStr | None = Field(default=None, description="Secret of `access_key_id`.")
    session_token: SecretStr | None = Field(default=None, description="Token of temporary credentials.")
    profile: str | None = Field(default=None, description="Profile of the AWS configuration files.")
    anonymous: bool = Field(default=False, description="Ask without credentials, for public buckets.")
    use_instance_metadata: bool = Field(
        default=False,
        description="Also look for credentials in the metadata service of the machine or container. "
        "Without it that service is never contacted.",
    )
    addressing_style: Literal["auto", "path", "virtual"] = Field(
        default="auto",
        description="Where the bucket goes in the URL: `path` (`host/bucket`) or `virtual` (`bucket.host`). "
        "`auto`: virtual on AWS, path elsewhere.",
    )
    include_permissions: bool = Field(
        default=False, description="Read the ACL of every object. One request per object: slow on large buckets."
    )
    include_owner: bool = Field(default=False, description="Ask for the owner of every object.")
    expected_bucket_owner: str | None = Field(
        default=None, description="AWS account that must own the bucket; requests are refused otherwise."
    )
    requester_pays: bool = Field(default=False, description="Accept the cost of reading a requester-pays bucket.")
    list_workers: int = Field(
        default=8, ge=1, le=64, description="Key ranges listed at once. 1 lists serially, without threads."
    )
    page_size: int = Field(default=1000, ge=1, le=1000, description="Keys to ask for in one request.")
    verify_tls: bool = Field(default=True, description="Check the certificate of the store.")
    ca_bundle: str | None = Field(default=None, description="File of certificate authorities to trust.")
    connect_timeout: Seconds = Field(default=10.0, description="Seconds to wait for a connection.")
    read_timeout: Seconds = Field(default=60.0, description="Seconds to wait for data of an answer.")

    @field_validator("endpoint_url")
    @classmethod
    def _address_can_be_read(cls, value: str | None) -> str | None:
        if value is not None and address_parts(value) is None:
            raise ValueError("this is not an address such as https://s3.example.com")  # the value might hold a password
        return value

    @model_validator(mode="after")
    def _agree(self) -> Self:
        if (self.access_key_id is None) != (self.secret_access_key is None):
            msg = "access_key_id and secret_access_key go together: give both or none"
            raise ValueError(msg)
        if self.session_token is not None and self.access_key_id is None:
            msg = "session_token needs access_key_id and secret_access_key"
            raise ValueError(msg)
        if self.anonymous and (self.access_key_id is not None or self.profile is not None):
            msg = "anonymous excludes access_key_id and profile"
            raise ValueError(msg)
        if self.provider is not None and self.provider not in QUIRKS:
            msg = f"unknown provider {self.provider!r}: one of {', '.join(sorted(QUIRKS))}"
            raise ValueError(msg)
        return self
