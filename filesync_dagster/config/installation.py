"""The identity of an installation: by it a Dagster proves that it runs the configuration that a command is about.

A web server at a familiar address may be another project's, and what is deleted there is gone. So the code location
shows an id that only processes over the same FILESYNC_HOME and endpoints.yaml can have: a digest of a random token
in that home and of both paths. Processes that share no home, such as pods, are given one name: FILESYNC_INSTALLATION.
"""

from __future__ import annotations

import os
import secrets
from contextlib import suppress
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from filesync_dagster.config.environment import Environment

TOKEN_FILE = "installation"  # noqa: S105 - the name of a file
"""The file in FILESYNC_HOME that has the token."""


def installation_id(environment: Environment) -> str | None:
    """Return the id of the installation that an environment names; None where nothing has ever run in its home."""
    if environment.installation:
        return _digest("name", environment.installation)
    token = _read_token(environment.home)
    if token is None:
        return None
    config = environment.config_path.absolute()
    # Only the folder is followed: the file itself may be a link that moves at each edit, as that of a ConfigMap does.
    return _digest(
        "home", token, os.path.realpath(environment.home), str(Path(os.path.realpath(config.parent), config.name))
    )


def ensure_installation_id(environment: Environment) -> str:
    """Return that id, with a new token in a home that has none; empty where none can be written."""
    if not environment.installation and _read_token(environment.home) is None:
        with suppress(OSError):
            _write_token(environment.home)
    return installation_id(environment) or ""


def _digest(*parts: str) -> str:
    return sha256("\0".join(parts).encode("utf-8", "surrogateescape")).hexdigest()[:32]


def _read_token(home: Path) -> str | None:
    try:
        return (home / TOKEN_FILE).read_text("utf-8").strip() or None
    except (OSError, UnicodeDecodeError):
        return None


def _write_token(home: Path) -> None:
    """Write a token, unless another process was first: whole at once, so that nobody reads half of one."""
    home.mkdir(parents=True, exist_ok=True)
    mine = home / f"{TOKEN_FILE}.{secrets.token_hex(8)}"
    try:
        with os.fdopen(os.open(mine, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
            file.write(secrets.token_hex(16))
        os.link(mine, home / TOKEN_FILE)
    finally:
        mine.unlink(missing_ok=True)
