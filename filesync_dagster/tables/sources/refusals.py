"""What is told of a source that did not do what was asked: one fixed sentence for each code.

What a driver or a server says may quote anything: passwords, rows, what another host answered. It goes to the log of
the server, redacted, and nowhere else.
"""

import logging
import ssl
from collections.abc import Mapping
from typing import Final

from filesync_dagster.core import errors
from filesync_dagster.core.errors import SourceRefused
from filesync_dagster.core.logging import event

CODES: Final[Mapping[str, tuple[str, str]]] = {
    "unreachable": ("{what} could not be reached.", "Check host and port, and whether a firewall is between."),
    "timeout": ("{what} did not answer in time.", "Check host and port, and whether a firewall lets this machine in."),
    "tls": ("The encrypted connection to {what} could not be made.", "Check its certificate and the TLS settings."),
    "auth": ("{what} does not accept these credentials.", "Check the user's name and the secret."),
    "forbidden": ("{what} refuses what was asked.", "Grant the rights to list and to read."),
    "not_found": ("{what} does not have what was named.", "Check how it is written, and upper and lower case."),
    "not_allowed": ("{what} may not be asked from here.", "Whoever runs filesync can allow it."),
    "bad_config": ("The configuration does not fit {what}.", "Correct the field that is named."),
    "unsupported": ("{what} cannot do what is needed.", "See the documentation of this kind of source."),
    "driver_missing": ("The driver of {what} is not installed.", ""),
    "changed": ("{what} changed while it was read.", "Read it again."),
    "protocol": ("{what} sent what cannot be trusted.", "Check the address; if it is right, report this."),
    "busy": ("{what} is busy and asked to come back later.", "Try again in a few minutes."),
    "broken_off": ("{what} broke off while it was read.", "Read it again; nothing of it was kept."),
    "unknown": ("{what} did not do what was asked.", "The log of the server says more."),
}
"""The sentence and the hint of each code."""


def refusal(
    code: str,
    what: str,
    *,
    field: str | None = None,
    hint: str | None = None,
    cause: BaseException | str | None = None,
    message: str | None = None,
) -> SourceRefused:
    """Return the error of a code; `what` names the source as the beginning of a sentence. The cause is logged."""
    sentence, usual = CODES[code]
    if cause is not None:
        event("tables.source_refused", level=logging.WARNING, code=code, source=what, said=str(cause)[:2000])
    return SourceRefused(
        message or sentence.format(what=what), hint=usual if hint is None else hint, code=code, field=field
    )


KINDS: Final[Mapping[type[Exception], str]] = {
    errors.AuthenticationFailed: "auth",
    errors.AccessDenied: "forbidden",
    errors.NotFound: "not_found",
    errors.Unreachable: "unreachable",
    errors.Throttled: "busy",
    errors.TemporarilyDown: "unreachable",
    errors.ProtocolViolation: "protocol",
    errors.StaleSource: "changed",
    errors.ContentMismatch: "changed",
    errors.NoContent: "unsupported",
}
"""The codes of what our connectors raise."""


def refusal_of(
    error: errors.SourceError, what: str, fields: Mapping[str, str], hints: Mapping[str, str] | None = None
) -> SourceRefused:
    """Return what is told of an error of a connector. `fields`: what to correct, by code."""
    code = next((KINDS[kind] for kind in type(error).__mro__ if kind in KINDS), "unknown")
    if code == "unreachable" and _has_cause(error, ssl.SSLError, "certificate", "SSL"):
        code = "tls"
    elif code == "unreachable" and _has_cause(error, TimeoutError, "timed out", "Timeout"):
        code = "timeout"
    return refusal(code, what, field=fields.get(code), hint=(hints or {}).get(code), cause=error)


def _has_cause(error: BaseException, kind: type[BaseException], *words: str) -> bool:
    found: BaseException | None = error
    while found is not None:
        said = found.message if isinstance(found, errors.FilesyncError) else str(found)  # not what its hint says
        if isinstance(found, kind) or any(word in f"{type(found).__name__} {said}" for word in words):
            return True
        found = found.__cause__ or found.__context__
    return False
