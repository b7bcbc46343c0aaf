"""What keeps generations, sent files and reads of sources from growing for ever, whether a server runs or not."""

from datetime import timedelta

from filesync_dagster.core import clock
from filesync_dagster.sync.runtime import Runtime
from filesync_dagster.tables.catalog.contexts import upload_store
from filesync_dagster.tables.sessions.files import SessionStore


def maintain_generations(runtime: Runtime, *, dry_run: bool = False) -> dict[str, int]:
    """Let go of what is past its time; return how many of each kind went, or would go.

    What is pinned stays, what goes on, and the files that a generation needs. Raises StorageError.
    """
    metadata, now = runtime.metadata, clock.utc_now()
    before = now - timedelta(days=runtime.config.settings.retention.sync_logs_days)
    store, uploads = SessionStore(runtime), upload_store(runtime)
    sessions = len(metadata.sessions.find_expired(now)) if dry_run else store.expire()
    return {
        "sessions": sessions,
        "sent_files": uploads.expire(dry_run=dry_run),
        "reads": metadata.read_jobs.prune(before, dry_run=dry_run),
        "audit_rows": metadata.audit.prune(before, dry_run=dry_run),
    }
