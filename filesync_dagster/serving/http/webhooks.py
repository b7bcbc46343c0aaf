"""Notifications of stores. Each is a hint that something changed: it asks for a sync, and is never believed itself.

So a notification that comes twice, late or out of order does no harm, and whoever guesses a secret can cause no more
than a sync. What waits already is not asked for again.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote_plus

from filesync_dagster.serving.http.messages import Hint
from filesync_dagster.serving.http.site import same

if TYPE_CHECKING:
    from collections.abc import Mapping

    from filesync_dagster.config import Endpoint

SOURCE = "webhook"
"""Who asks, in the table of requests."""


class Unreadable(ValueError):
    """A body that is no notification."""


@dataclass(frozen=True)
class Notification:
    """What a store sent. Header names are lower case."""

    headers: Mapping[str, str]
    body: bytes

    def is_from_who_knows(self, secret: str) -> bool:
        """Tell whether the sender has proved to know a secret, in the way of its store."""
        signature = self.headers.get("x-adsk-signature")
        if signature is not None:  # Autodesk
            expected = "sha1hash=" + hmac.new(secret.encode(), self.body, hashlib.sha1).hexdigest()
            return same(signature, expected)
        if "x-goog-channel-id" in self.headers:  # Google Drive
            return same(self.headers.get("x-goog-channel-token", ""), secret)
        token = bearer(self.headers)  # MinIO, and people
        return token is not None and same(token, secret)

    def read(self) -> dict[str, Any]:
        """Return the body as an object; an empty one says as much as "something changed". Raises Unreadable."""
        if not self.body.strip():
            return {}
        try:
            said = json.loads(self.body)
        except (ValueError, RecursionError) as error:
            raise Unreadable("The body is not JSON.") from error
        if not isinstance(said, dict):
            raise Unreadable("The body is not a JSON object.")
        return said


def bearer(headers: Mapping[str, str]) -> str | None:
    """Return the token of an Authorization header."""
    kind, _, token = headers.get("authorization", "").partition(" ")
    return token.strip() if kind.lower() == "bearer" and token.strip() else None


def meaning(notification: Notification, endpoint: Endpoint) -> tuple[bool, Hint]:
    """Return whether everything is to be listed anew, and whether a sync is to be asked for. Raises Unreadable."""
    said = notification.read()
    if not endpoint.is_active:
        return False, Hint(queued=False, reason="The endpoint is switched off.")
    if notification.headers.get("x-goog-resource-state") == "sync":
        return False, Hint(queued=False, reason="The channel is open.")
    if said.get("Event") == "s3:TestEvent":
        return False, Hint(queued=False, reason="The test event arrived.")
    if _is_elsewhere(said, endpoint):
        return False, Hint(queued=False, reason="Nothing of it is below the bucket and prefix of the endpoint.")
    return said.get("type") == "initial", Hint(queued=True, reason="A sync is asked for.")


def _is_elsewhere(said: Mapping[str, Any], endpoint: Endpoint) -> bool:
    """Tell whether every record of an S3 event is of another place. What cannot be read may be of this one."""
    records = said.get("Records")
    bucket = getattr(endpoint.endpoint_details, "bucket", None)
    if not isinstance(records, list) or not records or bucket is None:
        return False
    prefix = getattr(endpoint.endpoint_details, "prefix", None) or ""
    return all(_is_of_another_place(record, str(bucket), str(prefix)) for record in records)


def _is_of_another_place(record: Any, bucket: str, prefix: str) -> bool:
    try:
        said = record["s3"]
        key = unquote_plus(said["object"]["key"])
        return bool(said["bucket"]["name"] != bucket) or not key.startswith(prefix)
    except (TypeError, KeyError, AttributeError):
        return False
