"""The `queues:` block: where stores say that something changed."""

import re
from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, SecretStr, field_validator, model_validator

from filesync_dagster.config.models import SLUG, Strict
from filesync_dagster.connectors.azure_blob.details import APP_PARTS, AUTHORITY_URL, with_named_account
from filesync_dagster.connectors.google.service_account import KeyText
from filesync_dagster.connectors.rest.details import address_like
from filesync_dagster.core.secrets import PREFIX

AMQP = re.compile(r"amqps?://\S+", re.IGNORECASE)
ADDRESS = r"^https?://[^\s?#]+$"
PUBSUB_URL = "https://pubsub.googleapis.com"
Seconds = Annotated[int, Field(ge=1, le=3600)]


class Queue(Strict):
    """An entry of `queues:`."""

    name: str = Field(description="Stable slug: what status, alerts and the sensor call it.")
    type: str = Field(description="`sqs`, `rabbitmq`, `pubsub`, `azure_queue` or `file_manager`.")
    endpoints: tuple[str, ...] = Field(
        default=(),
        description="Only for these endpoints. Left out: each whose bucket (or container) and prefix an event names.",
    )
    poll_seconds: Seconds = Field(default=15, description="How often the sensor looks whether messages wait.")
    batch: int = Field(default=1000, ge=1, le=100_000, description="Messages that are taken and committed together.")
    linger_seconds: int = Field(
        default=20,
        ge=0,
        le=3600,
        description="For so long a run in Dagster waits for more before it ends: a busy queue is one run, not many.",
    )
    run_messages: int = Field(default=100_000, ge=1, description="Messages after which a run ends; the next goes on.")
    run_seconds: int = Field(default=600, ge=1, le=86_400, description="Seconds after which a run begins no new batch.")

    def serves(self, endpoint: str) -> bool:
        """Return whether events of this queue may concern an endpoint, by its name."""
        return not self.endpoints or endpoint in self.endpoints

    @field_validator("name")
    @classmethod
    def _name_is_a_slug(cls, value: str) -> str:
        if SLUG.fullmatch(value):
            return value
        raise ValueError(f"{value!r} is not a slug of a-z, 0-9 and _ that starts with a letter")


class SqsQueue(Queue):
    """A queue of Amazon SQS, or of what speaks its protocol."""

    type: Literal["sqs"] = Field(description="Amazon SQS.")
    queue_url: str = Field(pattern=ADDRESS, description="`https://sqs.eu-central-1.amazonaws.com/123456789012/events`.")
    region: str | None = Field(default=None, description="Region of the queue. Default: the one in `queue_url`.")
    endpoint_url: str | None = Field(
        default=None, pattern=ADDRESS, description="Address of another service than AWS. Default: AWS."
    )
    access_key_id: SecretStr | None = Field(
        default=None,
        description="Access key. Default: the usual AWS chain (environment, profile, SSO), instance metadata excepted.",
    )
    secret_access_key: SecretStr | None = Field(default=None, description="Secret of `access_key_id`.")
    session_token: SecretStr | None = Field(default=None, description="Token of temporary credentials.")
    profile: str | None = Field(default=None, description="Profile of the AWS configuration files.")
    use_instance_metadata: bool = Field(
        default=False, description="Also look for credentials in the metadata service of the machine or container."
    )
    visibility_seconds: int = Field(
        default=120,
        ge=1,
        le=43_200,
        description="For so long messages that were taken are hidden from others; renewed while they are worked on. "
        "What could not be synced comes again after it.",
    )

    @model_validator(mode="after")
    def _keys_agree(self) -> "SqsQueue":
        if (self.access_key_id is None) != (self.secret_access_key is None):
            raise ValueError("access_key_id and secret_access_key go together: give both or none")
        return self


class RabbitQueue(Queue):
    """A queue of RabbitMQ."""

    type: Literal["rabbitmq"] = Field(description="RabbitMQ.")
    url: SecretStr = Field(description="`amqps://user:password@host:5671/vhost`.")
    queue: str = Field(min_length=1, max_length=255, description="Name of the queue at the broker.")
    declare_queue: bool = Field(
        default=False, description="Make the queue, a durable one, if it is not there; else that is an error."
    )
    exchange: str | None = Field(
        default=None, description="With `declare_queue`: bind the queue to this exchange, which must be there."
    )
    routing_key: str = Field(default="#", description="With `exchange`: the key of the binding.")
    ca_bundle: str | None = Field(default=None, description="File of certificate authorities to trust, for amqps.")

    @field_validator("url")
    @classmethod
    def _is_an_address(cls, value: SecretStr) -> SecretStr:
        text = value.get_secret_value()
        # The text is not shown: it may hold a password.
        if not text.startswith(PREFIX) and not AMQP.fullmatch(text):
            raise ValueError("this is not an address such as amqp://user:password@host:5672/vhost")
        return value


class PubSubQueue(Queue):
    """A subscription of Google Cloud Pub/Sub, from which messages are pulled."""

    type: Literal["pubsub"] = Field(description="Google Cloud Pub/Sub.")
    subscription: str = Field(
        pattern=r"^projects/[^/\s]+/subscriptions/[^/\s]+$",
        description="`projects/PROJECT/subscriptions/NAME`, one that is pulled from.",
    )
    service_account_file: str | None = Field(
        default=None, min_length=1, description="The JSON key file of a service account. Its `token_uri` is asked."
    )
    service_account_json: KeyText = Field(
        default=None, description="The JSON key of a service account itself, in place of the file."
    )
    use_default_credentials: bool = Field(default=False, description="Use the machine's own credentials.")
    anonymous: bool = Field(default=False, description="Ask without credentials, as emulators want it.")
    base_url: Annotated[str, AfterValidator(address_like(PUBSUB_URL))] = Field(
        default=PUBSUB_URL, description="Address of the API: `/v1` is appended. Another one is for emulators."
    )
    ack_seconds: int = Field(
        default=120,
        ge=10,
        le=600,
        description="For so long messages that were taken are hidden from others; renewed while they are worked on. "
        "What could not be synced comes again after it.",
    )
    verify_tls: bool = Field(default=True, description="Check the certificate of the API.")
    ca_bundle: str | None = Field(default=None, description="File of certificate authorities to trust.")

    @model_validator(mode="after")
    def _one_credential(self) -> "PubSubQueue":
        given = [name for name in ("service_account_file", "service_account_json") if getattr(self, name) is not None]
        given += [name for name in ("use_default_credentials", "anonymous") if getattr(self, name)]
        if len(given) != 1:
            raise ValueError(
                "give one kind of credentials: service_account_file, service_account_json, or "
                "use_default_credentials: true for the machine's own"
            )
        return self


class AzureQueue(Queue):
    """A queue of Azure Storage, to which Event Grid delivers."""

    type: Literal["azure_queue"] = Field(description="A queue of Azure Storage.")
    queue: str = Field(pattern=r"^[a-z0-9](-?[a-z0-9])+$", max_length=63, description="Name of the queue.")
    account: str | None = Field(
        default=None,
        pattern=r"^[a-z0-9-]+$",
        description="Name of the storage account. Default: the one that `connection_string` names.",
    )
    connection_string: SecretStr | None = Field(
        default=None, description="As the portal shows it under Access keys, or with a shared access signature."
    )
    account_key: SecretStr | None = Field(default=None, description="One of the two keys of the account.")
    sas_token: SecretStr | None = Field(
        default=None, description="A shared access signature of the queue: may read, update and process."
    )
    tenant_id: str | None = Field(
        default=None,
        pattern=r"^[A-Za-z0-9.-]+$",
        description="Directory (tenant) of an app registration, with `client_id` and `client_secret`.",
    )
    client_id: str | None = Field(default=None, min_length=1, description="Application (client) id.")
    client_secret: SecretStr | None = Field(default=None, description="Secret of `client_id`.")
    base_url: Annotated[str, AfterValidator(address_like("https://account.queue.core.windows.net"))] | None = Field(
        default=None,
        description="Address of the queue service; a path is kept. Default: `https://ACCOUNT.queue.core.windows.net`.",
    )
    authority_url: str = Field(
        default=AUTHORITY_URL,
        pattern=ADDRESS,
        description="Where tokens come from: `/TENANT/oauth2/v2.0/token` is appended.",
    )
    visibility_seconds: int = Field(
        default=120,
        ge=10,
        le=604_800,
        description="For so long messages that were taken are hidden from others; renewed while they are worked on. "
        "What could not be synced comes again after it.",
    )
    verify_tls: bool = Field(default=True, description="Check the certificate of the service.")
    ca_bundle: str | None = Field(default=None, description="File of certificate authorities to trust.")

    @model_validator(mode="before")
    @classmethod
    def _named_by_the_connection_string(cls, given: Any) -> Any:
        return with_named_account(given, "queue")

    @model_validator(mode="after")
    def _one_credential(self) -> "AzureQueue":
        app = [name for name in APP_PARTS if getattr(self, name) is not None]
        if app and len(app) < len(APP_PARTS):
            raise ValueError(f"{' and '.join(app)} also need {' and '.join(n for n in APP_PARTS if n not in app)}")
        given = [n for n in ("connection_string", "account_key", "sas_token") if getattr(self, n) is not None]
        given += ["client_secret"] if app else []
        if len(given) != 1:
            raise ValueError(
                "give one kind of credentials: connection_string, account_key, sas_token, or tenant_id, client_id and "
                "client_secret"
            )
        if self.connection_string is None and self.account is None and (self.base_url is None or self.account_key):
            raise ValueError("account is missing: the name of the storage account")
        return self

    @property
    def queue_url(self) -> str:
        """The address of the queue service."""
        return self.base_url or f"https://{self.account}.queue.core.windows.net"


class FileManagerQueue(Queue):
    """The list of events of a file manager, asked for again and again."""

    type: Literal["file_manager"] = Field(description="The list of events of a file manager.")
    base_url: str = Field(pattern=ADDRESS, description="Address of the server, such as `https://files.example.com`.")
    token: SecretStr | None = Field(
        default=None, description="Sent as `Authorization: Bearer …`. Left out: nothing is sent."
    )
    count: int = Field(
        default=100, ge=1, le=100, description="Events to ask for; those that are older than these are missed."
    )
    verify_tls: bool = Field(default=True, description="Check the certificate of the server.")
    ca_bundle: str | None = Field(default=None, description="File of certificate authorities to trust.")


QUEUES: Mapping[str, type[Queue]] = {
    "sqs": SqsQueue,
    "rabbitmq": RabbitQueue,
    "pubsub": PubSubQueue,
    "azure_queue": AzureQueue,
    "file_manager": FileManagerQueue,
}
"""The kinds of queues."""


def kind_of(entry: Any) -> type[Queue]:
    """Return the model of an entry; that of every queue where its type is unknown."""
    kind = entry.get("type") if isinstance(entry, dict) else None
    return QUEUES.get(kind, Queue) if isinstance(kind, str) else Queue
