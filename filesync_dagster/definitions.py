"""Where Dagster finds filesync. It only composes; the configuration is the one that FILESYNC_CONFIG names."""

from filesync_dagster.config import read_environment
from filesync_dagster.core.logging import configure_logging
from filesync_dagster.orchestration.definitions import definitions_for

environment = read_environment()
if environment.json_logs:  # otherwise events go where Dagster's own log goes
    configure_logging(json=True)
defs = definitions_for(environment)
