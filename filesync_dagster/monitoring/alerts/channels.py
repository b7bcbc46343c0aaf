"""Where messages go (Slack, mail, …): one Apprise URL is one channel. Passwords and tokens in it are never shown."""

import logging
import re
import warnings
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote

from filesync_dagster.core.errors import ConfigError, MissingExtra
from filesync_dagster.core.extras import import_from_extra
from filesync_dagster.core.redaction import MASK, to_told
from filesync_dagster.monitoring.alerts.messages import AlertMessage

SEND_TIMEOUT_SECONDS = 10.0
"""Seconds that one channel may take for one message."""

SILENT = "it said nothing about the reason"


@dataclass(frozen=True)
class Channel:
    """One channel. `name` is its place in the list and what it is: `1 slack`."""

    name: str
    url: str = field(repr=False)
    problem: str | None = None  # why nothing can be sent at all

    def send(self, message: AlertMessage) -> str | None:
        """Send a message; return why it could not be, None when it was."""
        if self.problem:
            return self.problem
        try:
            outcome = _apprise(self.url).notify(
                title=message.title,
                body=message.body,
                notify_type=message.level,
                body_format="text",
                timeout=SEND_TIMEOUT_SECONDS,
            )
            said = [entry.message for entry in outcome.logs() if entry.level in ("WARNING", "ERROR", "CRITICAL")]
        except Exception as error:  # noqa: BLE001 - a hundred plugins: whatever they raise, the alert is not told
            return self._hidden(f"{type(error).__name__}: {error}")
        return None if outcome else self._hidden(" ".join(said) or SILENT)

    def _hidden(self, text: str) -> str:
        """Return text without what of the URL may be secret: everything but its host."""
        for secret in sorted(_secrets(self.url), key=len, reverse=True):
            text = text.replace(secret, MASK)
        return to_told(" ".join(text.split()), 300)


def open_channels(urls: Sequence[str | ConfigError]) -> list[Channel]:
    """Return a channel for each URL; one that cannot be used says why. A ConfigError stands for its URL."""
    return [_channel(number, url) for number, url in enumerate(urls, start=1)]


def _channel(number: int, url: str | ConfigError) -> Channel:
    if isinstance(url, ConfigError):
        return Channel(f"{number} secret", "", str(url))
    scheme = url.partition("://")[0].lower()
    name = f"{number} {scheme}" if scheme.isascii() and len(scheme) <= 20 else f"{number}"  # noqa: PLR2004 - no scheme
    try:
        usable = bool(len(_apprise(url)))
    except MissingExtra as error:
        return Channel(name, url, str(error))
    if not usable:
        return Channel(name, url, f"number {number} of `alerts.urls` ({scheme}://…) is no URL that Apprise can use.")
    return Channel(name, url)


def _apprise(url: str) -> Any:
    """Return Apprise for one URL. It is imported here: it takes a moment, and most processes tell nobody anything."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # its plugins import what Python gives up
        apprise = import_from_extra("apprise", "alerts", "A channel of alerts")

        own = logging.getLogger("apprise")  # what it says is in its answers too
        own.propagate = False
        if not own.handlers:
            own.addHandler(logging.NullHandler())
        asset = apprise.AppriseAsset(
            app_id="filesync",
            app_desc="filesync",
            app_url="",
            async_mode=False,
            storage_mode=apprise.PersistentStoreMode.MEMORY,
        )
        found = apprise.Apprise(asset=asset)
        found.add(url)
    return found


def _secrets(url: str) -> set[str]:
    """Return every part of a URL but its scheme and its host.

    >>> sorted(_secrets("mailto://adam:hunter2@mail.company.com?to=bob@company.com"))
    ['adam', 'adam:hunter2@mail.company.com?to=bob@company.com', 'bob@company.com', 'hunter2', \
'mailto://adam:hunter2@mail.company.com?to=bob@company.com']
    >>> sorted(_secrets("slack://T1AB/B2CD/secret"))
    ['B2CD', 'T1AB', 'T1AB/B2CD/secret', 'secret', 'slack://T1AB/B2CD/secret']
    """
    rest = url.partition("://")[2]
    place = re.split(r"[/?]", rest, maxsplit=1)[0]
    host = re.split(r"[@]", place)[-1].split(":")[0] if "@" in place or "." in place else ""
    values = [value for pair in rest.partition("?")[2].split("&") for value in pair.partition("=")[2:]]
    pieces = {url, rest, *values, *re.split(r"[/:@?&=]", rest.partition("?")[0])} - {host}
    return {found for piece in pieces for found in (piece, unquote(piece)) if len(found) > 3}  # noqa: PLR2004 - a word
