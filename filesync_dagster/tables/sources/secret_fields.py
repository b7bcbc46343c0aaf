"""Secrets in the configuration of a source: taken out of it to be encrypted, put back into it to be used.

A secret is named by its path: `password`, `auth.token`, `headers.Authorization`. What is left is shown to everybody.
"""

import copy
from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import BaseModel

from filesync_dagster.core.secrets import Resolve, resolve_secret
from filesync_dagster.tables.sources.settings import inner_model, is_secret


def split_secrets(model: type[BaseModel], config: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, str]]:
    """Return a configuration without its secrets, and the secrets by their paths. Empty ones are none."""
    public = copy.deepcopy(dict(config))
    found: dict[str, str] = {}
    for path, holder, name in _places(model, public, ""):
        value = holder.pop(name)
        if value not in (None, ""):
            found[path] = value if isinstance(value, str) else str(value)
    return public, found


def join_secrets(public: Mapping[str, Any], secrets: Mapping[str, str]) -> dict[str, Any]:
    """Return a configuration with secrets at their paths; the opposite of `split_secrets`."""
    config = copy.deepcopy(dict(public))
    for path, secret in secrets.items():
        holder = config
        *parts, name = path.split(".", 1) if path.startswith("headers.") else path.split(".")
        for part in parts:
            holder = holder.setdefault(part, {})
        holder[name] = secret
    return config


def merge_secrets(
    model: type[BaseModel], given: Mapping[str, Any], kept: Mapping[str, str]
) -> tuple[dict[str, Any], dict[str, str]]:
    """Return the public part and the secrets of an edited configuration.

    A secret that is null or absent stays as it was kept; one that is "" is removed.
    """
    public = copy.deepcopy(dict(given))
    found = dict(kept)
    for path, holder, name in _places(model, public, ""):
        value = holder.pop(name)
        if value == "":
            found.pop(path, None)
        elif value is not None:
            found[path] = str(value)
    return public, found


def resolve_references(secrets: Mapping[str, str], resolve: Resolve) -> dict[str, str]:
    """Return secrets with what `secret:` references stand for. Raises ConfigError."""
    from pydantic import SecretStr

    return {path: resolve_secret(SecretStr(secret), resolve) for path, secret in secrets.items()}


def is_reference(secret: str) -> bool:
    """Tell whether a secret is only where one is kept: `secret:NAME` or `${NAME}`, which may be stored in the clear."""
    return secret.startswith("secret:") or (secret.startswith("${") and secret.endswith("}"))


def _places(model: type[BaseModel], config: Any, prefix: str) -> Iterator[tuple[str, dict[str, Any], str]]:
    """Yield each secret that is given: its path, and the mapping and the name that it is under."""
    if not isinstance(config, dict):
        return
    for name, field in model.model_fields.items():
        shown = field.alias or name
        if shown not in config:
            continue
        value = config[shown]
        if is_secret(field) and isinstance(value, dict) and shown == "headers":
            yield from [(f"{prefix}{shown}.{key}", value, key) for key in list(value)]
        elif is_secret(field):
            yield f"{prefix}{shown}", config, shown
        elif (inner := inner_model(field)) is not None:
            yield from list(_places(inner, value, f"{prefix}{shown}."))
