"""Containers of Azure Blob Storage as a source of tables."""

from typing import Any, ClassVar, Final

from pydantic import model_validator

from filesync_dagster.connectors.base import ContentSource
from filesync_dagster.connectors.rest.retry import RetryPolicy
from filesync_dagster.tables.sources.base import SourceContext
from filesync_dagster.tables.sources.buckets import BucketSource
from filesync_dagster.tables.sources.deadline import SourceDeadline
from filesync_dagster.tables.sources.file_settings import BucketSettings
from filesync_dagster.tables.sources.settings import (
    CONNECTION,
    CREDENTIALS,
    OptionalSecret,
    OptionalText,
    Text,
    setting,
)
from filesync_dagster.tables.sources.wire import GuardedTransport

APP_PARTS: Final = ("tenant_id", "client_id", "client_secret")


class AzureConfig(BucketSettings):
    """The configuration of a source of type azure."""

    container: Text = setting(title="Container", group=CONNECTION, help="Name of the container.", pattern=r"^[^/\s]+$")
    account_url: OptionalText = setting(
        None,
        title="Account address",
        group=CONNECTION,
        help="`https://ACCOUNT.blob.core.windows.net`; not needed beside a connection string.",
    )
    connection_string: OptionalSecret = setting(
        None, title="Connection string", group=CREDENTIALS, help="As the portal shows it under Access keys."
    )
    sas_token: OptionalSecret = setting(
        None, title="Shared access signature", group=CREDENTIALS, help="One that may read and list the container."
    )
    tenant_id: OptionalText = setting(
        None, title="Tenant", group=CREDENTIALS, help="Directory of an app registration.", pattern=r"^[A-Za-z0-9.-]+$"
    )
    client_id: OptionalText = setting(None, title="Client", group=CREDENTIALS, help="Its application (client) id.")
    client_secret: OptionalSecret = setting(None, title="Client secret", group=CREDENTIALS, help="A secret of it.")

    @model_validator(mode="after")
    def _says_who_asks(self) -> "AzureConfig":
        app = [name for name in APP_PARTS if getattr(self, name) is not None]
        if app and len(app) < len(APP_PARTS):
            raise ValueError(f"{' and '.join(app)} also need {' and '.join(n for n in APP_PARTS if n not in app)}")
        ways = [self.connection_string, self.sas_token, *([self.client_secret] if app else [])]
        if sum(way is not None for way in ways) != 1:
            raise ValueError(
                "give one of connection_string, account_url with sas_token, or account_url with tenant_id, client_id "
                "and client_secret"
            )
        if self.connection_string is None and self.account_url is None:
            raise ValueError("account_url is missing: https://ACCOUNT.blob.core.windows.net")
        return self


class AzureTableSource(BucketSource):
    """See `BucketSource`."""

    kind: ClassVar[str] = "azure"
    Config: ClassVar[type[BucketSettings]] = AzureConfig

    def __init__(self, config: AzureConfig, context: SourceContext) -> None:
        from filesync_dagster.connectors.azure_blob import AzureBlobDetails
        from filesync_dagster.connectors.azure_blob.source import AzureBlobSource
        from filesync_dagster.core.model import Meter
        from filesync_dagster.tables.sources.addresses import url_parts
        from filesync_dagster.tables.sources.settings import parse_config

        if config.account_url is not None:
            url_parts(config.account_url, "account_url")
        given: dict[str, Any] = {name: getattr(config, name) for name in ("sas_token", *APP_PARTS)}
        given["connection_string"] = config.connection_string
        given = {name: value for name, value in given.items() if value is not None}
        if config.account_url is not None:
            given["base_url"] = config.account_url.rstrip("/")
        where = "account_url" if config.account_url is not None else "connection_string"
        secret = next(name for name in ("connection_string", "sas_token", "client_secret") if name in given)
        details = parse_config(AzureBlobDetails, {"container": config.container, **given})

        def open_bucket(prefix: str, policy: RetryPolicy, deadline: SourceDeadline) -> ContentSource:
            wire = GuardedTransport(context.guard, field=where)
            return AzureBlobSource(details.model_copy(update={"prefix": prefix}), Meter(), policy=policy, wire=wire)

        fields = {
            "auth": secret, "forbidden": secret, "not_found": "container",
            "unreachable": where, "timeout": where, "tls": where,
        }  # fmt: skip
        what = f"The container {config.container} at {details.blob_url}"
        super().__init__(config, context, bucket=config.container, what=what, open_bucket=open_bucket, fields=fields)
