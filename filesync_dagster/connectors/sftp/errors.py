"""The border: what asyncssh raises becomes our error tree here and nowhere else. No message holds a secret."""

import asyncio
from collections.abc import Mapping
from typing import Final

import asyncssh

from filesync_dagster.connectors.rest.errors import ASK_LATER, Forbidden, Meaning
from filesync_dagster.core.errors import (
    AuthenticationFailed,
    NotFound,
    ProtocolViolation,
    SourceError,
    TemporarilyDown,
    Unreachable,
)

CHECK_ACCOUNT: Final = "Check username, and password or private key."
CHECK_ADDRESS: Final = "Check host and port, and that a firewall lets this machine through."
CHECK_PATH: Final = "Check path: without a slash at its beginning it lies below where a login lands."
GRANT_READ: Final = "Let this account read it."
NO_SFTP: Final = "Check host and port: something else than an SFTP server may answer there."

MEANINGS: Final[Mapping[type[Exception], Meaning]] = {
    asyncssh.SFTPNoSuchFile: (NotFound, CHECK_PATH),
    asyncssh.SFTPNoSuchPath: (NotFound, CHECK_PATH),
    asyncssh.SFTPNotADirectory: (NotFound, CHECK_PATH),
    asyncssh.SFTPLinkLoop: (NotFound, CHECK_PATH),
    asyncssh.SFTPPermissionDenied: (Forbidden, GRANT_READ),
    asyncssh.SFTPBadMessage: (ProtocolViolation, NO_SFTP),
    asyncssh.SFTPOpUnsupported: (ProtocolViolation, NO_SFTP),
    asyncssh.SFTPError: (TemporarilyDown, ASK_LATER),  # "failure", which OpenSSH says of a bad disk
    asyncssh.PermissionDenied: (AuthenticationFailed, CHECK_ACCOUNT),
    asyncssh.IllegalUserName: (AuthenticationFailed, CHECK_ACCOUNT),
    asyncssh.HostKeyNotVerifiable: (ProtocolViolation, ""),  # `keys` says what to do
    asyncssh.KeyExchangeFailed: (ProtocolViolation, NO_SFTP),
    asyncssh.ProtocolNotSupported: (ProtocolViolation, NO_SFTP),
    asyncssh.ProtocolError: (ProtocolViolation, NO_SFTP),
    asyncssh.DisconnectError: (TemporarilyDown, ASK_LATER),
    asyncssh.ChannelOpenError: (TemporarilyDown, ASK_LATER),
    asyncssh.Error: (TemporarilyDown, ASK_LATER),
    asyncio.IncompleteReadError: (TemporarilyDown, ASK_LATER),
    EOFError: (TemporarilyDown, ASK_LATER),
    ConnectionRefusedError: (Unreachable, CHECK_ADDRESS),
    ConnectionError: (TemporarilyDown, ASK_LATER),  # it broke
    OSError: (Unreachable, CHECK_ADDRESS),
}
"""What an error means; the nearest class of it decides."""


def error_of(where: str, error: Exception) -> SourceError:
    """Return our error for one of asyncssh or of the network."""
    kind, hint = next((MEANINGS[known] for known in type(error).__mro__ if known in MEANINGS), (ProtocolViolation, ""))
    reason = (getattr(error, "reason", "") or str(error) or type(error).__name__).rstrip(".")
    verb = "could not be reached" if kind is Unreachable else "answered"
    return kind(f"{where} {verb}: {reason}.", hint=hint or NO_SFTP)
