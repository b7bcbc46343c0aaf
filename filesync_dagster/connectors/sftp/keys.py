"""Whom a connection trusts, and who it says that it is: no agent, no configuration of the user is asked."""

from pathlib import Path
from typing import Any, Final

import asyncssh

from filesync_dagster.connectors.sftp.details import FINGERPRINT, SftpDetails
from filesync_dagster.core.errors import AuthenticationFailed, ProtocolViolation

HOME_KNOWN_HOSTS: Final = "~/.ssh/known_hosts"
CHECK_HOST: Final = (
    "If the server's administrator says that this is its key, put it into known_hosts or host_key; if not, somebody "
    "may pass for the server."
)
CHECK_KEY: Final = "Check private_key_file or private_key, and passphrase."


class HostKeyWitness(asyncssh.SSHClient):
    """Accepts a server whose key has a known fingerprint, and remembers the one that was shown."""

    def __init__(self, fingerprints: frozenset[str]) -> None:
        self._fingerprints = fingerprints
        self.shown = ""

    def validate_host_public_key(self, host: str, addr: str, port: int, key: asyncssh.SSHKey) -> bool:
        """Decide about a key that is in no list."""
        self.shown = key.get_fingerprint("sha256")
        return self.shown.rstrip("=") in self._fingerprints


def fingerprints_of(details: SftpDetails) -> frozenset[str]:
    """Return the fingerprints that a user has given."""
    lines = (details.host_key or "").splitlines()
    return frozenset(line.rstrip("=") for line in lines if FINGERPRINT.fullmatch(line))


def trusted_keys(details: SftpDetails) -> Any:
    """Return what asyncssh takes for known hosts. Never None: that would trust everybody. Raises ProtocolViolation."""
    if details.host_key is not None:
        lines = [line for line in details.host_key.splitlines() if not FINGERPRINT.fullmatch(line)]
        return [_public_key(line) for line in lines], [], []
    path = Path(details.known_hosts or HOME_KNOWN_HOSTS).expanduser()
    try:
        return asyncssh.read_known_hosts(str(path))
    except FileNotFoundError:
        return [], [], []  # then the server's key is told, and what to do
    except (OSError, ValueError) as exc:
        raise ProtocolViolation(f"The file {path} of known hosts cannot be read ({exc}).", hint=CHECK_HOST) from exc


def _public_key(line: str) -> asyncssh.SSHKey:
    try:
        return asyncssh.import_public_key(line)
    except (ValueError, asyncssh.KeyImportError) as exc:
        raise ProtocolViolation(f"host_key cannot be read ({exc}).", hint=CHECK_HOST) from exc


def client_keys(details: SftpDetails) -> list[asyncssh.SSHKey]:
    """Return the account's private key, if there is one. Raises AuthenticationFailed for one that cannot be read."""
    passphrase = details.passphrase.get_secret_value() if details.passphrase is not None else None
    try:
        if details.private_key is not None:
            return [asyncssh.import_private_key(details.private_key.get_secret_value(), passphrase)]
        if details.private_key_file is not None:
            return [asyncssh.read_private_key(str(Path(details.private_key_file).expanduser()), passphrase)]
    except OSError as exc:
        why = exc.strerror or type(exc).__name__
        raise AuthenticationFailed(f"The private key cannot be read ({why}).", hint=CHECK_KEY) from exc
    except (ValueError, asyncssh.KeyImportError, asyncssh.KeyEncryptionError) as exc:
        # What the library says may quote the key.
        raise AuthenticationFailed(f"The private key cannot be used ({type(exc).__name__}).", hint=CHECK_KEY) from None
    return []
