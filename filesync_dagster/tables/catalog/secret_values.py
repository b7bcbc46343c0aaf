"""Secrets of saved sources: encrypted, each bound to its source and field, or references to where they are kept."""

import re
from collections.abc import Mapping
from typing import Any, Final

from filesync_dagster.core.encryption import VERSION, SecretBox
from filesync_dagster.core.errors import ConfigError, SourceRefused
from filesync_dagster.core.redaction import note_secret
from filesync_dagster.core.secrets import PREFIX, Resolve, resolve_secret
from filesync_dagster.tables.sources.secret_fields import join_secrets

VARIABLE: Final = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")
OWN_PREFIX: Final = "FILESYNC_"
"""Variables that are filesync's own: no source is given the token of the API, or the key of all secrets."""


class SecretValues:
    """Keeps secrets and gives them back. `variables`: those of the environment, which references name."""

    def __init__(self, box: SecretBox, resolve: Resolve, variables: Mapping[str, str]) -> None:
        self._box = box
        self._resolve = resolve
        self._variables = variables

    def keep(self, source_id: str, secrets: Mapping[str, str]) -> dict[str, str]:
        """Return secrets as they are stored. Raises ConfigError when one is no reference and there is no key."""
        return {
            path: secret if is_reference(secret) else self._box.encrypt(secret, _place(source_id, path))
            for path, secret in secrets.items()
        }

    def reveal(self, source_id: str, stored: Mapping[str, str]) -> dict[str, str]:
        """Return what was kept; references stay references. Raises ConfigError."""
        return {
            path: self._box.decrypt(text, _place(source_id, path)) if text.startswith(f"{VERSION}.") else text
            for path, text in stored.items()
        }

    def fill(self, config: Mapping[str, Any], secrets: Mapping[str, str]) -> dict[str, Any]:
        """Return a configuration with its secrets, fetched where they are references. Raises ConfigError."""
        return join_secrets(config, {path: self._value(path, secret) for path, secret in secrets.items()})

    def _value(self, path: str, secret: str) -> str:
        from pydantic import SecretStr

        found = VARIABLE.fullmatch(secret)
        if found is None:
            return resolve_secret(SecretStr(secret), self._resolve)
        value = self._variables.get(found[1])
        if not value:
            raise ConfigError(
                [f"{path} is the variable {found[1]}, which is not set where filesync runs."],
                hint="Set it there, or enter the secret.",
            )
        note_secret(value)
        return value


def is_reference(secret: str) -> bool:
    """Tell whether a secret is only where one is kept: `secret:NAME` or `${NAME}`."""
    return secret.startswith(PREFIX) or VARIABLE.fullmatch(secret) is not None


def check_references(secrets: Mapping[str, str], *, may_refer: bool) -> None:
    """Raise SourceRefused for a reference by somebody who may name none, and for one to what is filesync's own."""
    for path, secret in secrets.items():
        found = VARIABLE.fullmatch(secret)
        if found is not None and found[1].startswith(OWN_PREFIX):
            raise _forbidden(f"The variable {found[1]} is filesync's own, and is given to no source.", path)
        if is_reference(secret) and not may_refer:
            raise _forbidden("Only an administrator may name secrets that are kept elsewhere.", path)


def _forbidden(message: str, path: str) -> SourceRefused:
    return SourceRefused(message, hint="Enter the secret itself.", code="forbidden_reference", field=path)


def _place(source_id: str, path: str) -> str:
    return f"source {source_id} {path}"
