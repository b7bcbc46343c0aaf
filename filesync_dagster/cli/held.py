"""A held sync, for the person who decides on it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from filesync_dagster.cli.results import count_changes
from filesync_dagster.cli.text import moment, printable
from filesync_dagster.core.errors import NothingHeld

if TYPE_CHECKING:
    from filesync_dagster.api import Filesync


def describe_held(filesync: Filesync, name: str) -> str:
    """Describe the held sync of an endpoint, for the person who decides on it."""
    from filesync_dagster.core.guard import UNTOUCHED

    endpoint = filesync.config.endpoint(name)
    known = next((status for status in filesync.status() if status.name == name), None)
    if known is None or known.held_sync_id is None:
        raise NothingHeld(f"No sync of {name} is held.", hint="See `filesync status`.")
    record = known.last_sync
    if record is None or record.id != known.held_sync_id:
        return f"the held sync {known.held_sync_id} of {name}."
    at = moment(record.sync_started, filesync.config.settings.partitions.zone)
    reason, _, _ = " ".join((record.error_message or "").split("\n")).partition(f" {UNTOUCHED}")
    return printable(f"the sync of {endpoint.name} held at {at}: {count_changes(record.numbers())}. {reason}".rstrip())
