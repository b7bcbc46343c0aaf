"""Buckets of S3, and of everything that speaks its protocol, as a source of tables."""

from typing import Any, ClassVar, Final

from pydantic import model_validator

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
    "auth": "secret_access_key",
    "forbidden": "access_key_id",
    "not_found": "bucket",
    "unreachable": "endpoint_url",
    "timeout": "endpoint_url",
    "tls": "endpoint_url",
    "not_allowed": "endpoint_url",
}


class S3Config(BucketSettings):
    """The configuration of a source of type s3."""

    bucket: Text = setting(title="Bucket", group=CONNECTION, help="Name of the bucket.", pattern=r"^[^/\s]+$")
    region: Text = setting("us-east-1", title="Region", group=CONNECTION, help="Where the bucket is.")
    access_key_id: OptionalSecret = setting(
        None, title="Access key", group=CREDENTIALS, help="Empty: the bucket is asked without credentials."
    )
    secret_access_key: OptionalSecret = setting(
        None, title="Secret key", group=CREDENTIALS, help="The secret of the access key."
    )
    session_token: OptionalSecret = setting(
        None, title="Session token", group=CREDENTIALS, help="Of temporary credentials only."
    )
    role_arn: OptionalText = setting(
        None,
        title="Role",
        group=ADVANCED,
        help="A role to assume with the access key: `arn:aws:iam::123456789012:role/reader`.",
        pattern=r"^arn:[^\s]+:role/[^\s]+$",
    )
    endpoint_url: OptionalText = setting(
        None, title="Address", group=ADVANCED, help="Of a store other than AWS: `https://minio.example.com:9000`."
    )

    @model_validator(mode="after")
    def _keys_go_together(self) -> "S3Config":
        if (self.access_key_id is None) != (self.secret_access_key is None):
            raise ValueError("access_key_id and secret_access_key go together")
        if self.access_key_id is None and (self.session_token is not None or self.role_arn is not None):
            raise ValueError("session_token and role_arn need access_key_id and secret_access_key")
        return self


class S3TableSource(BucketSource):
    """See `BucketSource`."""

    kind: ClassVar[str] = "s3"
    Config: ClassVar[type[BucketSettings]] = S3Config

    def __init__(self, config: S3Config, context: SourceContext) -> None:
        from filesync_dagster.connectors.s3 import S3Details
        from filesync_dagster.connectors.s3.source import S3Source
        from filesync_dagster.core.model import Meter

        if config.endpoint_url is not None:
            _require_address(config.endpoint_url)

        def open_bucket(prefix: str, policy: RetryPolicy, deadline: SourceDeadline) -> ContentSource:
            wire = GuardedTransport(context.guard, field="endpoint_url" if config.endpoint_url else "bucket")
            details = S3Details(
                bucket=config.bucket,
                prefix=prefix,
                region=config.region,
                endpoint_url=config.endpoint_url,
                anonymous=config.access_key_id is None,
                **keys_of(config, context, deadline),
            )
            return S3Source(details, Meter(), policy=policy, wire=wire)

        where = f" at {config.endpoint_url}" if config.endpoint_url else ""
        what = f"The bucket {config.bucket}{where}"
        super().__init__(config, context, bucket=config.bucket, what=what, open_bucket=open_bucket, fields=FIELDS)


def keys_of(config: S3Config, context: SourceContext, deadline: SourceDeadline) -> dict[str, Any]:
    """Return the credentials to ask with: those that were given, or those of the role that they assume."""
    if config.role_arn is not None:
        from filesync_dagster.tables.sources.aws_role import assume_role

        return assume_role(config, context, deadline)
    return {
        "access_key_id": config.access_key_id,
        "secret_access_key": config.secret_access_key,
        "session_token": config.session_token,
    }


def _require_address(url: str) -> None:
    from filesync_dagster.tables.sources.addresses import url_parts

    url_parts(url, "endpoint_url")
