"""The key of a service account, as a user gives it. Without google-auth, which takes long to load."""

import json
from pathlib import Path
from typing import Annotated, Any, Final, Protocol

from pydantic import AfterValidator, BeforeValidator, SecretStr

from filesync_dagster.connectors.rest.details import as_json_text
from filesync_dagster.core.errors import AuthenticationFailed

KEY_PARTS: Final = ("client_email", "private_key", "token_uri")


def key_parts(text: str) -> dict[str, Any]:
    """Return what the JSON key of a service account holds. Raises ValueError; its message holds nothing of the key."""
    try:
        key = json.loads(text)
    except (ValueError, RecursionError):
        key = None
    if not isinstance(key, dict):
        raise ValueError("this is not the JSON key of a service account")  # noqa: TRY004 - pydantic wants a ValueError
    if key.get("type", "service_account") != "service_account":
        raise ValueError(f"this is the JSON of type {str(key['type'])[:40]!r}, not the key of a service account")
    missing = [name for name in KEY_PARTS if not isinstance(key.get(name), str)]
    if missing:
        raise ValueError(f"this key of a service account has no {' and no '.join(missing)}")
    return key


def _checked(value: SecretStr | None) -> SecretStr | None:
    if value is not None and not value.get_secret_value().startswith("secret:"):  # fetched when it is needed
        key_parts(value.get_secret_value())
    return value


KeyText = Annotated[SecretStr | None, BeforeValidator(as_json_text), AfterValidator(_checked)]
"""A key as endpoint_details may hold it."""


class KeyDetails(Protocol):
    """What the details say of the key of a service account."""

    @property
    def service_account_file(self) -> str | None:
        """The JSON file."""
        ...

    @property
    def service_account_json(self) -> SecretStr | None:
        """The JSON itself."""
        ...


def read_key(details: KeyDetails, check: str) -> dict[str, Any]:
    """Return the key, read anew. Raises AuthenticationFailed, with the hint `check` when it cannot be used."""
    named = details.service_account_file or "service_account_json"
    try:
        if details.service_account_json is not None:
            return key_parts(details.service_account_json.get_secret_value())
        return key_parts(Path(named).read_text(encoding="utf-8"))
    except OSError as exc:
        raise AuthenticationFailed(
            f"The key file {named} cannot be read: {exc.strerror}.", hint="Check service_account_file."
        ) from exc
    except ValueError as exc:  # the text is in the cause of some, so it is left behind
        said = str(exc) if not isinstance(exc, UnicodeDecodeError) else "this is not text"
        raise AuthenticationFailed(f"{named} cannot be used: {said}.", hint=check) from None
