"""Dagster's web server asked over GraphQL, by processes that do not import Dagster."""

from filesync_dagster.orchestration.client.address import announce_url, dagster_url, nowhere, read_url
from filesync_dagster.orchestration.client.graphql import DagsterClient
from filesync_dagster.orchestration.client.runs import UNFINISHED, DaemonStatus, DagsterRun

__all__ = [
    "UNFINISHED",
    "DaemonStatus",
    "DagsterClient",
    "DagsterRun",
    "announce_url",
    "dagster_url",
    "nowhere",
    "read_url",
]
