"""Dagster's web server asked over GraphQL, by processes that do not import Dagster."""

from filesync_dagster.orchestration.client.address import (
    CONSOLE_ANNOUNCEMENT,
    announce_url,
    console_url,
    dagster_url,
    nowhere,
    read_url,
)
from filesync_dagster.orchestration.client.graphql import DagsterClient
from filesync_dagster.orchestration.client.runs import UNFINISHED, DaemonStatus, DagsterRun

__all__ = [
    "CONSOLE_ANNOUNCEMENT",
    "UNFINISHED",
    "DaemonStatus",
    "DagsterClient",
    "DagsterRun",
    "announce_url",
    "console_url",
    "dagster_url",
    "nowhere",
    "read_url",
]
