"""endpoints.yaml and the environment → models. The only reader of both.

Whom it may import: connectors (for the models of `endpoint_details`), filters, guard, errors.
"""

from filesync_dagster.config.alerts import AlertKind, Alerts, tables_subject
from filesync_dagster.config.data_sources import DataSource, RowCountGuard, SourceSchedule
from filesync_dagster.config.due import delay, next_due, next_tick, reconcile_due
from filesync_dagster.config.environment import Environment, read_environment, without_credentials
from filesync_dagster.config.freshness import freshness, lag_limit, replica_freshness, source_freshness
from filesync_dagster.config.generations import GenerationConfig, GenerationSchedule, SeedKind
from filesync_dagster.config.installation import ensure_installation_id, installation_id
from filesync_dagster.config.last_good import remember, running_config
from filesync_dagster.config.load import Config, load_config
from filesync_dagster.config.locations import location_of
from filesync_dagster.config.models import (
    Endpoint,
    Partitions,
    ReportSettings,
    Retention,
    Schedule,
    ScheduleKind,
    Settings,
    slug_of,
)
from filesync_dagster.config.queues import AzureQueue, FileManagerQueue, PubSubQueue, Queue, RabbitQueue, SqsQueue
from filesync_dagster.config.reader import Broken
from filesync_dagster.config.replications import Replication, ReplicationMode, ReplicationSchedule
from filesync_dagster.config.table_settings import TableSettings, VirusScan

__all__ = [
    "AlertKind",
    "Alerts",
    "AzureQueue",
    "Broken",
    "Config",
    "DataSource",
    "Endpoint",
    "Environment",
    "FileManagerQueue",
    "GenerationConfig",
    "GenerationSchedule",
    "Partitions",
    "PubSubQueue",
    "Queue",
    "RabbitQueue",
    "Replication",
    "ReplicationMode",
    "ReplicationSchedule",
    "ReportSettings",
    "Retention",
    "RowCountGuard",
    "Schedule",
    "ScheduleKind",
    "SeedKind",
    "Settings",
    "SourceSchedule",
    "SqsQueue",
    "TableSettings",
    "VirusScan",
    "delay",
    "ensure_installation_id",
    "freshness",
    "installation_id",
    "lag_limit",
    "load_config",
    "location_of",
    "next_due",
    "next_tick",
    "read_environment",
    "reconcile_due",
    "remember",
    "replica_freshness",
    "running_config",
    "slug_of",
    "source_freshness",
    "tables_subject",
    "without_credentials",
]
