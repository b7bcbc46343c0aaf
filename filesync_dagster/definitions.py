"""Where Dagster finds filesync. It only composes; the configuration is the one that FILESYNC_CONFIG names."""

from filesync_dagster.config import read_environment
from filesync_dagster.orchestration.project import definitions_for

defs = definitions_for(read_environment())
