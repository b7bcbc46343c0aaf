"""files.get with alt=media, and files.export: contents.

What people may do is as Google documents it; `undownloadable` of the store names files whose owner forbids it.
"""

from typing import Final

from filesync_dagster.simulators.google_drive.call import DriveCall
from filesync_dagster.simulators.google_drive.items import DriveItem
from filesync_dagster.simulators.google_drive.problems import DriveRefusal, invalid
from filesync_dagster.simulators.google_drive.resources import EXPORT_TYPES, EXPORTS
from filesync_dagster.simulators.kit.content import answer_content, generate_content
from filesync_dagster.simulators.kit.wire import Answer

MEDIA: Final = "files.get media"
"""The name of files.get in plans and counts when it asks for a content."""

CONTENTS: Final = frozenset({MEDIA, "files.export"})
EXPORT_MAX_BYTES: Final = 10 << 20
PAGE_BYTES: Final = 3_000
"""An export is as long as the name of its document is."""


def get_media(call: DriveCall) -> Answer:
    """Answer files.get of a content."""
    item = call.file()
    if not item.is_binary:
        message = "Only files with binary content can be downloaded. Use Export with Docs Editors files."
        raise DriveRefusal(403, "fileNotDownloadable", message, location="alt")
    _require_downloadable(call, item)
    if item.digests is None:
        raise DriveRefusal(501, "notImplemented", "The simulator keeps no content of files that were made in bulk.")
    answer = answer_content(call.request, item.content, {"content-type": item.mime_type})
    if answer is None:
        raise DriveRefusal(
            416,
            "requestedRangeNotSatisfiable",
            "Request range not satisfiable",
            location="Range",
            location_type="header",
            headers={"content-range": f"bytes */{len(item.content)}"},
        )
    return answer


def export_file(call: DriveCall) -> Answer:
    """Answer files.export. No part of it can be asked for."""
    item, wanted = call.file(), call["mimeType"]
    if item.mime_type not in EXPORTS:
        raise DriveRefusal(403, "fileNotExportable", "Export only supports Docs Editors files.")
    _require_downloadable(call, item)
    if wanted not in {EXPORT_TYPES[name] for name in EXPORTS[item.mime_type][1]}:
        raise invalid("mimeType", "The requested conversion is not supported.")
    size = PAGE_BYTES * len(item.name)
    if size > EXPORT_MAX_BYTES:
        raise DriveRefusal(403, "exportSizeLimitExceeded", "This file is too large to be exported.")
    return Answer(200, generate_content(size, f"{wanted} {item.id} {item.revision} {item.name}"),
                  {"content-type": wanted})  # fmt: skip


def _require_downloadable(call: DriveCall, item: DriveItem) -> None:
    if item.id in call.store.undownloadable:
        raise DriveRefusal(403, "cannotDownloadFile", "This file cannot be downloaded by the user.")
