"""Uploads: files that people send, received in pieces, judged by what is in them, and kept for a while.

`receive` has the bytes and their records, `tus` the protocol by which they come, `content` says whether they are what
their name says, `scan` asks clamd. May import `storage.database` and `core`; knows no HTTP framework.
"""

from filesync_dagster.tables.uploads.errors import UploadError
from filesync_dagster.tables.uploads.receive import UploadLimits, UploadStore, UploadWriter
from filesync_dagster.tables.uploads.scan import ClamdScan, ScanHook

__all__ = ["ClamdScan", "ScanHook", "UploadError", "UploadLimits", "UploadStore", "UploadWriter"]
