"""Where sources work that requests ask for: what these may reach; and the uploads of an installation."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

from filesync_dagster.config import VirusScan
from filesync_dagster.sync.runtime import Runtime
from filesync_dagster.tables.daily.access import source_limits
from filesync_dagster.tables.sources.addresses import AddressGuard
from filesync_dagster.tables.sources.base import SourceContext
from filesync_dagster.tables.sources.deadline import never_cancelled
from filesync_dagster.tables.uploads import ClamdScan, UploadLimits, UploadStore

UPLOADS = "uploads"
PARSED = "parsed"
"""Below the cache of an installation: files that were parsed, by their version."""


def request_context(
    runtime: Runtime, name: str, folder: Path, cancelled: Callable[[], bool] = never_cancelled
) -> SourceContext:
    """Return where a source works that somebody asked for over HTTP: public addresses, and files that were sent."""
    settings, uploads = runtime.config.settings.tables, upload_store(runtime)
    return SourceContext(
        name=name,
        folder=_made(folder),
        guard=AddressGuard(settings.allow_hosts),
        limits=replace(source_limits(runtime), uploads=settings.max_files),
        cancelled=cancelled,
        runtime=runtime,
        find_upload=uploads.find,
        name_upload=uploads.original_name,
        upload_settings=uploads.settings,
    )


def upload_store(runtime: Runtime) -> UploadStore:
    """Return the uploads of an installation."""
    settings = runtime.config.settings.tables
    scanner = ClamdScan(settings.clamd) if settings.virus_scan is VirusScan.REQUIRED else None
    limits = UploadLimits(int(settings.max_file), timedelta(days=settings.upload_days))
    metadata = runtime.metadata
    return UploadStore(
        runtime.home / UPLOADS, metadata.uploads, limits, scanner=scanner, in_use=metadata.sessions.inputs
    )


def _made(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    return folder
