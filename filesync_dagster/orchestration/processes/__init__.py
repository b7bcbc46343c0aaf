"""Dagster's own processes, started and stopped as one, for `filesync up` and the demo. Does not import Dagster.

May import config, model and errors.
"""

from filesync_dagster.orchestration.processes.children import require_free, stop_on_signal
from filesync_dagster.orchestration.processes.dagster import (
    dagster_environment,
    dagster_home,
    logs,
    maintain_dagster,
    serve,
)

__all__ = ["dagster_environment", "dagster_home", "logs", "maintain_dagster", "require_free", "serve", "stop_on_signal"]
