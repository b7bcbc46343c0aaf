"""Names that are written on runs in Dagster: of our jobs and assets, and the tags. Does not import Dagster.

Tags that begin with `.dagster/` are hidden from people, and left out of what the web server says of a run: it can only
be asked which runs have one.
"""

ASSET_PREFIX = "filesync"
"""The first part of the asset key of an endpoint; its name is the second."""

REPLICA_PREFIX = "filesync_replica"
"""The first part of the asset key of a replication; its name is the second."""

TABLES_PREFIX = "tables"
"""The first part of the asset keys of a source of tables and of its tables; its name is the second."""

SYNTHETIC_PREFIX = "synthetic"
"""The first part of the asset key of a generation of synthetic data; its name is the second."""

REPORTS_PREFIX = "filesync_reports"
"""The first part of the asset key of a report."""

SYNC, RECEIVE, MAINTENANCE = "sync", "receive", "maintenance"
OUR_JOBS = (SYNC, RECEIVE, MAINTENANCE)

ANY_ASSETS = "__ASSET_JOB"
"""Dagster's own job for any selection of assets, for a project that has no job `sync`."""

PARTITION_TAG = "dagster/partition"

OUR_TAG = ".dagster/filesync_job"
"""On every run of a job of ours: another team's job in the same instance may have the same name."""

INSTALLATION_TAG = ".dagster/filesync_installation"
"""On every run of a job of ours, and on those that we launch: the id of the installation that it works for."""

FULL_TAG = "filesync/full"
"""On a run that lists everything from the start, whatever the feeds tell."""

PLAN_TAG = "filesync/approved_plan"
"""On a run of a replication that does the held plan with this id, which somebody approved, and nothing else."""

LIVE_TAG = ".dagster/filesync_live"
"""On a run that syncs what is there when it begins, whatever day it was launched on, and so on its retries."""

CADENCE_TAG = ".dagster/filesync_cadence"
"""On a run: the schedule or sensor that started it. A run without it was started by a person."""

CONFIG_TAG = ".dagster/filesync_config"
"""On a run of all endpoints: those of which endpoints.yaml. Another code location in the same Dagster has its own."""

QUEUE_TAG = "filesync/queue"
"""On a run: the queue whose messages it takes."""

KEPT_TAG = ".dagster/filesync_kept"
"""On an old run: the last day of which it holds the latest. It is not looked at again before that is too old."""
