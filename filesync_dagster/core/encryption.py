"""Secrets at rest: AES-256-GCM with a key that has an id, so that keys can be replaced one after another.

What is encrypted is bound to its place: a blob that is copied to another source or field cannot be opened there.
"""

import base64
import hashlib
import os
from binascii import Error as Base64Error
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from filesync_dagster.core.errors import ConfigError
from filesync_dagster.core.redaction import note_secret, note_secrets

KEY_BYTES: Final = 32
NONCE_BYTES: Final = 12
VERSION: Final = "fs1"
KEY_NAME: Final = "FILESYNC_SECRET_KEY"
MAKE_ONE: Final = (
    f"Make one: `python -c 'import os, base64; print(base64.b64encode(os.urandom({KEY_BYTES})).decode())'`."
)


@dataclass(frozen=True, slots=True)
class SecretKey:
    """One key; its id is a hash of it and tells nothing."""

    value: bytes = field(repr=False)

    @property
    def id(self) -> str:
        """What blobs name it by."""
        return hashlib.sha256(b"filesync key id\x00" + self.value).hexdigest()[:8]


class SecretBox:
    """Encrypts with the first of its keys, and opens what any of them encrypted."""

    def __init__(self, keys: Sequence[SecretKey]) -> None:
        self._keys = {key.id: key for key in keys}
        self._first = keys[0] if keys else None

    def __repr__(self) -> str:
        return f"SecretBox({', '.join(self._keys)})"

    @property
    def is_usable(self) -> bool:
        """Whether there is a key. Without one, only references to secrets can be kept."""
        return self._first is not None

    def encrypt(self, secret: str, place: str) -> str:
        """Return a secret as text that only its place can open. Raises ConfigError when there is no key.

        `place`: where it is kept, as "source 17 password".
        """
        if self._first is None:
            raise ConfigError(
                [f"Secrets of data sources cannot be kept: {KEY_NAME} is not set."],
                hint=f"Set it, or give references (`secret:NAME`, `${{NAME}}`). {MAKE_ONE}",
            )
        note_secret(secret)
        nonce = os.urandom(NONCE_BYTES)
        sealed = AESGCM(self._first.value).encrypt(nonce, secret.encode("utf-8", "surrogatepass"), _bound_to(place))
        return f"{VERSION}.{self._first.id}.{base64.urlsafe_b64encode(nonce + sealed).decode()}"

    def decrypt(self, blob: str, place: str) -> str:
        """Return the secret in a blob. Raises ConfigError when it is not to be had: no key, another place, damage."""
        version, _, rest = blob.partition(".")
        key_id, _, text = rest.partition(".")
        key = self._keys.get(key_id)
        if version != VERSION or key is None:
            raise ConfigError(
                [f"A secret was encrypted with the key {key_id[:8]!r}, which {KEY_NAME} does not have."],
                hint=f"Add the former key to {KEY_NAME}, after the new one and a comma; or enter the secret again.",
            )
        try:
            data = base64.urlsafe_b64decode(text)
            sealed = AESGCM(key.value).decrypt(data[:NONCE_BYTES], data[NONCE_BYTES:], _bound_to(place))
        except (InvalidTag, Base64Error, ValueError):
            raise ConfigError(
                ["A secret cannot be decrypted: it is damaged, or was made for another place."],
                hint="Enter the secret again.",
            ) from None
        secret = sealed.decode("utf-8", "surrogatepass")
        note_secret(secret)
        return secret

    def needs_renewal(self, blob: str) -> bool:
        """Whether a blob was encrypted with a key that is no longer the first one."""
        return self._first is not None and not blob.startswith(f"{VERSION}.{self._first.id}.")


def _bound_to(place: str) -> bytes:
    return f"filesync secret\x00{place}".encode()


def secret_keys(text: str | None) -> tuple[SecretKey, ...]:
    """Return the keys of FILESYNC_SECRET_KEY: Base64 or hexadecimal, the one in use first. Raises ConfigError."""
    entries = [entry.strip() for entry in (text or "").split(",") if entry.strip()]
    note_secrets(entries)
    return tuple(SecretKey(_key_bytes(entry, number)) for number, entry in enumerate(entries, 1))


def _key_bytes(entry: str, number: int) -> bytes:
    for read in (bytes.fromhex, _from_base64):
        try:
            found = read(entry)
        except (ValueError, Base64Error):
            continue
        if len(found) == KEY_BYTES:
            return found
    raise ConfigError([f"Key {number} of {KEY_NAME} is not {KEY_BYTES} bytes in Base64 or hexadecimal."], hint=MAKE_ONE)


def _from_base64(entry: str) -> bytes:
    return base64.b64decode(entry.replace("-", "+").replace("_", "/") + "=" * (-len(entry) % 4), validate=True)
