"""Buckets of Google Cloud Storage as a source of tables."""

from typing import ClassVar, Final

from pydantic import SecretStr, field_validator, model_validator

from filesync_dagster.connectors.base import ContentSource
from filesync_dagster.connectors.rest.retry import RetryPolicy
from filesync_dagster.tables.sources.base import SourceContext
from filesync_dagster.tables.sources.buckets import BucketSource
from filesync_dagster.tables.sources.deadline import SourceDeadline
from filesync_dagster.tables.sources.file_settings import BucketSettings
from filesync_dagster.tables.sources.settings import (
    ADVANCED,
    CONNECTION,
    CREDENTIALS,
    OptionalSecret,
    OptionalText,
    Text,
    setting,
)
from filesync_dagster.tables.sources.wire import GuardedTransport

FIELDS: Final = {
    "auth": "service_account_key",
    "forbidden": "service_account_key",
    "not_found": "bucket",
    "unreachable": "endpoint_url",
    "timeout": "endpoint_url",
    "tls": "endpoint_url",
}


class GcsConfig(BucketSettings):
    """The configuration of a source of type gcs."""

    bucket: Text = setting(title="Bucket", group=CONNECTION, help="Name of the bucket.", pattern=r"^[^/\s]+$")
    service_account_key: OptionalSecret = setting(
        None,
        title="Service account key",
        group=CREDENTIALS,
        help="The JSON key itself, not where it is. The account needs Storage Object Viewer of the bucket.",
    )
    anonymous: bool = setting(False, title="Public bucket", group=CREDENTIALS, help="Ask without credentials.")
    endpoint_url: OptionalText = setting(
        None, title="Address", group=ADVANCED, help="Of an emulator: `http://localhost:4443`. Empty: Google's."
    )

    @field_validator("service_account_key", mode="before")
    @classmethod
    def _key_as_text(cls, value: object) -> object:
        from filesync_dagster.connectors.rest.details import as_json_text

        return as_json_text(value)

    @field_validator("service_account_key")
    @classmethod
    def _is_a_key(cls, value: SecretStr | None) -> SecretStr | None:
        from filesync_dagster.connectors.google.service_account import key_parts

        if value is not None and not value.get_secret_value().startswith("secret:"):
            key_parts(value.get_secret_value())
        return value

    @model_validator(mode="after")
    def _says_who_asks(self) -> "GcsConfig":
        if (self.service_account_key is None) != self.anonymous:
            raise ValueError("give service_account_key, or anonymous: true for a public bucket")
        return self


class GcsTableSource(BucketSource):
    """See `BucketSource`."""

    kind: ClassVar[str] = "gcs"
    Config: ClassVar[type[BucketSettings]] = GcsConfig

    def __init__(self, config: GcsConfig, context: SourceContext) -> None:
        from filesync_dagster.connectors.gcs import GcsDetails
        from filesync_dagster.connectors.gcs.details import BASE_URL
        from filesync_dagster.connectors.gcs.source import GcsSource
        from filesync_dagster.core.model import Meter
        from filesync_dagster.tables.sources.addresses import url_parts

        url_parts(config.endpoint_url or BASE_URL, "endpoint_url")

        def open_bucket(prefix: str, policy: RetryPolicy, deadline: SourceDeadline) -> ContentSource:
            details = GcsDetails(
                bucket=config.bucket,
                prefix=prefix,
                service_account_json=config.service_account_key,
                anonymous=config.anonymous,
                base_url=(config.endpoint_url or BASE_URL).rstrip("/"),
            )
            # The key says itself where tokens come from: that address passes the guard, too.
            wire = GuardedTransport(
                context.guard, field="endpoint_url" if config.endpoint_url else "service_account_key"
            )
            return GcsSource(details, Meter(), policy=policy, wire=wire)

        what = f"The bucket {config.bucket}"
        super().__init__(config, context, bucket=config.bucket, what=what, open_bucket=open_bucket, fields=FIELDS)
