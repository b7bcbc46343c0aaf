"""The `queues:` block: where stores say that something changed."""

import re
from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import Field, SecretStr, field_validator, model_validator

from filesync_dagster.config.models import SLUG, Strict
from filesync_dagster.core.secrets import PREFIX

AMQP = re.compile(r"amqps?://\S+", re.IGNORECASE)
ADDRESS = r"^https?://[^\s?#]+$"
Seconds = Annotated[int, Field(ge=1, le=3600)]


class Queue(Strict):
    """An entry of `queues:`."""

    name: str = Field(description="Stable slug: what status, alerts and the sensor call it.")
    type: str = Field(description="`sqs` or `rabbitmq`.")
    endpoints: tuple[str, ...] = Field(
        default=(),
        description="Only for these endpoints. Left out: every `s3` endpoint whose bucket and prefix an event names.",
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


QUEUES: Mapping[str, type[Queue]] = {"sqs": SqsQueue, "rabbitmq": RabbitQueue}
"""The kinds of queues."""


def kind_of(entry: Any) -> type[Queue]:
    """Return the model of an entry; that of every queue where its type is unknown."""
    kind = entry.get("type") if isinstance(entry, dict) else None
    return QUEUES.get(kind, Queue) if isinstance(kind, str) else Queue
