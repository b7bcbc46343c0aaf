"""endpoints.yaml and the environment → models. The only reader of both.

Whom it may import: connectors (for the models of `endpoint_details`), filters, guard, errors.
"""

from filesync_dagster.config.alerts import AlertKind, Alerts
from filesync_dagster.config.due import delay, next_due, next_tick, reconcile_due
from filesync_dagster.config.environment import Environment, read_environment, without_credentials
from filesync_dagster.config.freshness import freshness
from filesync_dagster.config.installation import ensure_installation_id, installation_id
from filesync_dagster.config.last_good import remember, running_config
from filesync_dagster.config.load import Broken, Config, load_config
from filesync_dagster.config.locations import location_of
from filesync_dagster.config.models import (
    Endpoint,
    Partitions,
    ReportSettings,
    Retention,
    Schedule,
    ScheduleKind,
    Settings,
)
from filesync_dagster.config.queues import Queue, RabbitQueue, SqsQueue

__all__ = [
    "AlertKind",
    "Alerts",
    "Broken",
    "Config",
    "Endpoint",
    "Environment",
    "Partitions",
    "Queue",
    "RabbitQueue",
    "ReportSettings",
    "Retention",
    "Schedule",
    "ScheduleKind",
    "Settings",
    "SqsQueue",
    "delay",
    "ensure_installation_id",
    "freshness",
    "installation_id",
    "load_config",
    "location_of",
    "next_due",
    "next_tick",
    "read_environment",
    "reconcile_due",
    "remember",
    "running_config",
    "without_credentials",
]
