"""Secrets that a request brings: encrypted beside its session where there is a key, else in this process alone."""

import threading
from collections.abc import Mapping

from filesync_dagster.core.encryption import SecretBox
from filesync_dagster.core.errors import ConfigError, TableError
from filesync_dagster.core.redaction import note_secrets
from filesync_dagster.storage.database.session_files import SessionExportRecord
from filesync_dagster.storage.database.sessions import SessionRecord

IN_MEMORY = "memory"
"""Stands in the row of a session for a secret that the database does not have."""


class SessionSecrets:
    """See the module's docstring. Serves many threads; a secret goes once its session has ended."""

    def __init__(self, box: SecretBox) -> None:
        self._box = box
        self._lock = threading.Lock()
        self._kept: dict[str, dict[str, str]] = {}

    def keep(self, session_id: str, secrets: Mapping[str, str]) -> dict[str, str]:
        """Keep secrets by their paths in the request; return what the row of the session has of them."""
        note_secrets(secrets.values())
        if self._box.is_usable:
            return {path: self._box.encrypt(secret, _place(session_id, path)) for path, secret in secrets.items()}
        if secrets:
            with self._lock:
                self._kept[session_id] = dict(secrets)
        return dict.fromkeys(secrets, IN_MEMORY)

    def reveal(self, record: SessionRecord | SessionExportRecord) -> dict[str, str]:
        """Return the secrets of a session, or of an export, by their paths. Raises TableError when they are lost."""
        with self._lock:
            kept = dict(self._kept.get(record.id, {}))
        found = {}
        for path, blob in record.secrets_encrypted.items():
            if blob == IN_MEMORY:
                if path not in kept:
                    raise _lost()
                found[path] = kept[path]
                continue
            try:
                found[path] = self._box.decrypt(blob, _place(record.id, path))
            except ConfigError as error:
                raise TableError(error.message, hint=error.hint, code="secrets_lost") from None
        note_secrets(found.values())
        return found

    def forget(self, session_id: str) -> None:
        """Let go of what was kept for a session."""
        with self._lock:
            self._kept.pop(session_id, None)


def _place(session_id: str, path: str) -> str:
    return f"session {session_id} {path}"


def _lost() -> TableError:
    return TableError(
        "The secrets of the request are gone: the server was restarted while it waited.",
        hint="Send the request again. With FILESYNC_SECRET_KEY, secrets outlive a restart.",
        code="secrets_lost",
    )
