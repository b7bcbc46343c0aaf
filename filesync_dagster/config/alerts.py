"""The `alerts:` block: what is told, and whom."""

import re
from enum import StrEnum

from pydantic import Field, SecretStr, field_validator

from filesync_dagster.config.models import Strict
from filesync_dagster.core.secrets import PREFIX

CHANNEL = re.compile(r"[a-z][a-z0-9+.-]*://.+", re.IGNORECASE | re.DOTALL)
ADDRESS = re.compile(r"https?://[^\s/]+\S*")


class AlertKind(StrEnum):
    """What an alert is about."""

    FAILED = "failed"  # the last sync failed
    HELD = "held"  # the guard holds a sync
    STALE = "stale"  # no sync in the time that the cadence promises
    BREAKER_OPEN = "breaker_open"  # the store failed so often that it is left alone
    FEED_DRIFT = "feed_drift"  # a full listing found what the feed had not told
    REPLICATION_FAILED = "replication_failed"  # the last run of a replication failed
    REPLICATION_HELD = "replication_held"  # the guard holds a plan
    REPLICATION_LAG = "replication_lag"  # a destination has lacked for long what its source has
    REPLICATION_PROBLEMS = "replication_problems"  # files are not at a destination as they should be
    TABLES_FAILED = "tables_failed"  # the last read of a source of tables failed
    TABLES_HELD = "tables_held"  # the guard holds a read
    TABLES_STALE = "tables_stale"  # no read in the time that the cadence promises
    DEAD_MESSAGES = "dead_messages"  # messages of a queue could not be used
    QUEUE = "queue"  # a queue cannot be looked at
    CRASHED = "crashed"  # a run ended before it could say how its syncs went
    CONFIGURATION = "configuration"  # something in endpoints.yaml is wrong
    CHANNEL = "channel"  # a channel could not be told


def tables_subject(name: str) -> str:
    """Return what an alert about a source of tables is about: an endpoint may have the same name."""
    return f"tables/{name}"


class Alerts(Strict):
    """The `alerts:` block: one for the whole project."""

    urls: tuple[SecretStr, ...] = Field(
        default=(),
        description="Channels, each as a URL of [Apprise](https://github.com/caronc/apprise/wiki): "
        "`mailto://…`, `slack://…`, `msteams://…`, `pagerduty://…`, `jsons://…` and a hundred more.",
    )
    kinds: tuple[AlertKind, ...] | None = Field(default=None, description="What is told; everything when left out.")
    link_base: str | None = Field(
        default=None,
        description="Address of the Dagster UI as people reach it, for links to runs: `https://dagster.company.com`. "
        "FILESYNC_DAGSTER_URL when left out.",
    )

    @field_validator("urls")
    @classmethod
    def _are_urls(cls, values: tuple[SecretStr, ...]) -> tuple[SecretStr, ...]:
        for number, secret in enumerate(values, start=1):
            text = secret.get_secret_value()
            # The text is not shown: it may hold a password.
            if not text.startswith(PREFIX) and not CHANNEL.fullmatch(text):
                raise ValueError(f"number {number} is not a URL such as mailto://… or slack://…, nor secret:NAME")
        return values

    @field_validator("link_base")
    @classmethod
    def _is_an_address(cls, value: str | None) -> str | None:
        if value is not None and not ADDRESS.fullmatch(value):
            raise ValueError(f"{value!r} is not an address such as https://dagster.company.com")
        return value.rstrip("/") if value else None

    def wants(self, kind: str) -> bool:
        """Tell whether a kind of alert is told."""
        return self.kinds is None or kind in self.kinds
