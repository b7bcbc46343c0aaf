"""The limits of uploads, sources and generations, as everybody may know them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from filesync_dagster.web.requests import MAX_BODY_BYTES
from filesync_dagster.web.table_messages import ROWS_MAX_COUNT, Limits

if TYPE_CHECKING:
    from filesync_dagster.api import Filesync


def limits_of(filesync: Filesync) -> Limits:
    """Return the limits of an installation."""
    settings = filesync.config.settings.tables
    return Limits(
        max_file_bytes=int(settings.max_file),
        max_files=settings.max_files,
        max_columns=settings.max_columns,
        max_cell_characters=settings.max_cell_characters,
        max_source_rows=settings.max_source_rows,
        max_tables=settings.max_tables,
        max_scale=settings.max_scale,
        max_output_rows=settings.max_output_rows,
        max_body_bytes=MAX_BODY_BYTES,
        max_page_rows=ROWS_MAX_COUNT,
        running_sessions=settings.running_sessions,
        queued_sessions=settings.queued_sessions,
        running_reads=settings.running_reads,
        queued_reads=settings.queued_reads,
        tests_per_minute=settings.tests_per_minute,
        generations_per_hour=settings.generations_per_hour,
        upload_days=settings.upload_days,
        session_days=settings.session_days,
        virus_scan=settings.virus_scan.value,
        may_keep_secrets=filesync.config.environment.secret_key is not None,
    )
