"""Errors as Dropbox words them: 409 with the tags of the endpoint's error, others with those of the whole API."""

from collections.abc import Mapping
from typing import Any

import orjson

from filesync_dagster.simulators.kit.refusals import Refusal
from filesync_dagster.simulators.kit.wire import Answer

JSON = {"content-type": "application/json"}
TEXT = {"content-type": "text/plain; charset=utf-8"}
CONFLICT, UNPROCESSABLE, TOO_MANY = 409, 422, 429
TAGGED = frozenset({401, 403, CONFLICT, UNPROCESSABLE})
"""Statuses whose body is JSON with tags; others are plain text."""


class DropboxRefusal(Refusal):
    """A request that Dropbox does not fulfil. `code` are the tags from the outside in, with slashes between."""

    def __init__(self, status: int, code: str, detail: str = "", fields: Mapping[str, Any] | None = None) -> None:
        super().__init__(status, code, detail or code)
        self.fields = fields or {}

    def answer(self) -> Answer:
        """Return the refusal as Dropbox sends it."""
        if self.status not in TAGGED:
            return Answer(self.status, self.detail.encode(), TEXT)
        body = {"error_summary": f"{self.code}/..", "error": _tagged(self.code.split("/"), self.fields)}
        return Answer(self.status, orjson.dumps(body), JSON)


def _tagged(tags: list[str], fields: Mapping[str, Any]) -> dict[str, Any]:
    first, *rest = tags
    return {".tag": first, **({first: _tagged(rest, fields)} if rest else fields)}


def not_found(field: str = "path") -> DropboxRefusal:
    """There is nothing at a path, or nobody may know."""
    return DropboxRefusal(CONFLICT, f"{field}/not_found")


def reset() -> DropboxRefusal:
    """A cursor is good no longer."""
    return DropboxRefusal(CONFLICT, "reset")


def bad_request(text: str) -> DropboxRefusal:
    """A request that is none."""
    return DropboxRefusal(400, "bad_request", text)


def throttle_answer(seconds: float | None, headers: Mapping[str, str]) -> Answer:
    """Return the answer to a call too many: how long to wait is in the body, and in a header if that is given."""
    waits = {} if seconds is None else {"retry_after": round(seconds)}
    error = {"reason": {".tag": "too_many_requests"}, **waits}
    body = {"error_summary": "too_many_requests/..", "error": error}
    return Answer(TOO_MANY, orjson.dumps(body), {**JSON, **headers})


def word_status(status: int, reason: str | None) -> Answer:
    """Return a refusal of which only the status is planned."""
    codes = {401: "expired_access_token", 403: "no_permission", CONFLICT: "path/not_found"}
    return DropboxRefusal(status, reason or codes.get(status, "error"), f"Error {status}.").answer()
