"""Why an upload is not taken: a code for programs, which has a status of HTTP."""

from collections.abc import Mapping
from typing import Final

from filesync_dagster.core.errors import TableError

STATUSES: Final[Mapping[str, int]] = {
    "bad_request": 400,
    "unsupported": 400,
    "not_found": 404,
    "offset": 409,
    "in_use": 409,
    "gone": 410,
    "protocol": 412,
    "too_large": 413,
    "content": 415,
    "infected": 422,
    "locked": 423,
    "checksum": 460,
    "scanner": 503,
    "full": 507,
}
"""By code. 460 is tus's own."""


class UploadError(TableError):
    """An upload, or a piece of one, is not taken."""

    @property
    def status(self) -> int:
        """The status of HTTP."""
        return STATUSES[self.code]
