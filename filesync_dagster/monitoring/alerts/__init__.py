"""What is wrong, told once: conditions → transitions → messages → channels.

`conditions`, `transitions` and `messages` are pure; `telling` asks the database and the channels. May import whatever
reads the inventory, config, metadata, observability, errors.
"""

from filesync_dagster.monitoring.alerts.channels import Channel, open_channels
from filesync_dagster.monitoring.alerts.condition import Condition
from filesync_dagster.monitoring.alerts.conditions import UNWATCHED, Observation, conditions
from filesync_dagster.monitoring.alerts.dispatch import (
    Crash,
    Round,
    crashed_jobs,
    note_crash,
    note_success,
    observe,
    tell,
    try_channels,
    update,
)
from filesync_dagster.monitoring.alerts.messages import AlertMessage, messages
from filesync_dagster.monitoring.alerts.transitions import Transitions, transitions

__all__ = [
    "UNWATCHED",
    "AlertMessage",
    "Channel",
    "Condition",
    "Crash",
    "Observation",
    "Round",
    "Transitions",
    "conditions",
    "crashed_jobs",
    "messages",
    "note_crash",
    "note_success",
    "observe",
    "open_channels",
    "tell",
    "transitions",
    "try_channels",
    "update",
]
