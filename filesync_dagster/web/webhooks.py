"""What a store's notification says, and by whose secret: a hint that asks for a sync, and is never believed itself.

So a notification that comes twice, late or out of order does no harm, and whoever guesses a secret can cause no more
than a sync. What waits already is not asked for again.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from filesync_dagster.connectors import CONNECTORS
from filesync_dagster.sync.events.envelopes import parse_message
from filesync_dagster.web.messages import Hint
from filesync_dagster.web.site import same

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
        if "box-signature-algorithm" in self.headers:  # Box, whose two keys are changed one after the other
            stamped = self.body + self.headers.get("box-delivery-timestamp", "").encode("latin-1")
            expected = base64.b64encode(hmac.new(secret.encode(), stamped, hashlib.sha256).digest()).decode()
            given = [self.headers.get(f"box-signature-{key}", "") for key in ("primary", "secondary")]
            return any([same(one, expected) for one in given])  # noqa: C419 - both, in the same time
        signature = self.headers.get("x-dropbox-signature")
        if signature is not None:  # Dropbox, by the secret of the app
            return same(signature, hmac.new(secret.encode(), self.body, hashlib.sha256).hexdigest())
        if "x-goog-channel-id" in self.headers:  # Google Drive
            return same(self.headers.get("x-goog-channel-token", ""), secret)
        token = bearer(self.headers)  # MinIO, and people
        if token is not None:
            return same(token, secret)
        return self._states_of_clients(secret)

    def _states_of_clients(self, secret: str) -> bool:
        """Tell whether each of several notifications of Microsoft Graph has the secret that its subscription has."""
        try:
            said = json.loads(self.body)
        except (ValueError, RecursionError):
            return False
        sent = said.get("value") if isinstance(said, dict) else None
        if not isinstance(sent, list) or not sent:
            return False
        states = [one.get("clientState") if isinstance(one, dict) else None for one in sent]
        return all([isinstance(state, str) and same(state, secret) for state in states])  # noqa: C419 - in the same time

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


def interpret(notification: Notification, endpoint: Endpoint) -> tuple[bool, Hint]:
    """Return whether everything is to be listed anew, and whether a sync is to be asked for. Raises Unreadable."""
    said = notification.read()
    if not endpoint.is_active:
        return False, Hint(queued=False, reason="The endpoint is switched off.")
    if notification.headers.get("x-goog-resource-state") == "sync":
        return False, Hint(queued=False, reason="The channel is open.")
    if said.get("Event") == "s3:TestEvent":
        return False, Hint(queued=False, reason="The test event arrived.")
    details, owned_keys = endpoint.endpoint_details, CONNECTORS[endpoint.type].owned_keys
    if said and owned_keys and (why_not := _is_about_nothing(notification.body, *owned_keys(details))):
        return False, Hint(queued=False, reason=why_not)
    return said.get("type") == "initial", Hint(queued=True, reason="A sync is asked for.")


def _is_about_nothing(body: bytes, bucket: str, prefix: str) -> str | None:
    """Return why no event of a bucket is a reason to sync it. What cannot be understood may be one."""
    events = parse_message(body)
    if events.problems or events.requests:
        return None
    if not events.keys:
        return "Nothing of it says that something changed."
    if any(place == bucket and key.startswith(prefix) for place, key in events.keys):
        return None
    return "Nothing of it is below the bucket and prefix of the endpoint."
