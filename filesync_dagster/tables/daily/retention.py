"""What keeps stored tables of sources from growing for ever: what no retention keeps, and nothing else needs."""

from datetime import timedelta

from filesync_dagster.core import clock
from filesync_dagster.sync.runtime import Runtime

KEPT_STATES = frozenset({"held"})
"""Tables that somebody still decides on."""


def maintain_tables(runtime: Runtime, *, dry_run: bool = False) -> dict[str, int]:
    """Let go of tables of sources that retention does not keep; return how many went, or would go.

    The newest table of each name stays, whatever its age, and so does what a generation has read.
    """
    keep, now = runtime.config.settings.retention, clock.utc_now()
    tables = runtime.metadata.tables
    replaced = now - timedelta(days=keep.intraday_snapshots_days)
    old = tables.prunable(replaced, now - timedelta(days=keep.snapshots_days))
    read = runtime.metadata.sessions.inputs()
    newest = {record.id for source in {one.source for one in old} for record in tables.latest(source)}
    kept = {one.id for one in old if one.id in newest or f"table:{one.id}" in read or one.state in KEPT_STATES}
    gone = [one for one in old if one.id not in kept]
    if not dry_run:
        runtime.metadata.source_reads.prune(now - timedelta(days=keep.sync_logs_days))
    if dry_run or not gone:
        return {"tables": len(gone)}
    tables.remove([one.id for one in gone])
    still_named = tables.uris()
    lost = {one.manifest_uri for one in gone} - still_named
    if lost:
        from filesync_dagster.tables.daily.access import table_store

        store = table_store(runtime)
        for uri in lost:
            store.delete(uri)
    return {"tables": len(gone)}
