"""The log of a held sync, and the digest of what it would change. Loads neither Arrow nor DuckDB: `status` has it."""

import xxhash

from filesync_dagster.config import Endpoint
from filesync_dagster.core.errors import NothingHeld
from filesync_dagster.core.guard import UNTOUCHED
from filesync_dagster.core.model import canonical_json
from filesync_dagster.storage.database import EndpointState, SyncRecord
from filesync_dagster.sync.runtime import Runtime


def reason_of(record: SyncRecord) -> str:
    """Return why a sync was held, without how to decide on it."""
    return (record.error_message or "").partition(f" {UNTOUCHED}")[0]


def load_held_record(runtime: Runtime, endpoint: Endpoint, state: EndpointState) -> SyncRecord:
    """Return the log of the held sync. Raises NothingHeld."""
    held = runtime.metadata.syncs.get(state.held_sync_id) if state.held_sync_id else None
    if held is None:
        raise NothingHeld(f"No sync of {endpoint.name!r} is held.", hint="See `filesync status`.")
    return held


def digest_of(state: EndpointState, held: SyncRecord) -> str:
    """Return the digest of what is held: of the rows before, the rows after, and what was listed.

    A later sync that finds the store as it was has the same one; one that finds anything else has another.
    """
    both = [state.data_version, held.data_version, state.held_location, held.mode.value]
    return xxhash.xxh3_128_hexdigest(canonical_json(both).encode())[:16]
