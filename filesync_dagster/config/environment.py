"""The process environment: where things are, and the values of `${NAME}` references."""

import os
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from filesync_dagster.core.errors import ConfigError
from filesync_dagster.core.redaction import note_secrets

ADDRESSES = ("FILESYNC_DATABASE_URL", "FILESYNC_DAGSTER_URL")
"""What may hold a secret: a password before the host."""

CREDENTIALS = re.compile(r"([A-Za-z][\w+.-]*://)?.*@", re.DOTALL)


def without_credentials(url: str) -> str:
    """Return an address as people may see it.

    >>> without_credentials("https://me:hunter2@dagster.company.com/ui")
    'https://dagster.company.com/ui'
    """
    return CREDENTIALS.sub(r"\1", url, count=1)


def without_quotes(value: str) -> str:
    """Return the value of a variable without what `docker run --env-file` and others leave around it.

    >>> without_quotes(' "/data/filesync" '), without_quotes("it's")
    ('/data/filesync', "it's")
    """
    value = value.strip()
    return value[1:-1].strip() if len(value) > 1 and value[0] == value[-1] and value[0] in "\"'" else value


@dataclass(frozen=True)
class Environment:
    """What the environment says. `database_url` and `snapshot_root`, when set, win over endpoints.yaml."""

    config_path: Path
    home: Path
    database_url: str | None = field(default=None, repr=False)  # may hold a password
    snapshot_root: str | None = None
    # Of the web server, for who is no part of Dagster; may hold a password.
    dagster_url: str | None = field(default=None, repr=False)
    api_token: str | None = field(default=None, repr=False)  # of `filesync serve`
    secret_key: str | None = field(default=None, repr=False)  # what secrets of data sources are encrypted with
    installation: str | None = None  # what processes that share no home have in common
    json_logs: bool = False
    variables: Mapping[str, str] = field(default_factory=dict, repr=False)

    @property
    def dagster_link(self) -> str | None:
        """Where people find Dagster."""
        return without_credentials(self.dagster_url).rstrip("/") if self.dagster_url else None


def read_environment(
    config: Path | None = None, variables: Mapping[str, str] | None = None, *, home: Path | None = None
) -> Environment:
    """Read FILESYNC_CONFIG, _HOME, _DATABASE_URL, _SNAPSHOT_ROOT, …; `config` and `home` win."""
    env = dict(os.environ if variables is None else variables)

    def text(name: str) -> str | None:
        return without_quotes(env.get(name, "")) or None

    def place(name: str) -> str | None:
        found = text(name)
        return found and os.path.expanduser(found)  # noqa: PTH111 - Path raises where nobody has a home

    note_secrets(address for address in map(text, ADDRESSES) if address and "@" in address)
    note_secrets([text("FILESYNC_API_TOKEN"), text("FILESYNC_SECRET_KEY")])
    return Environment(
        config_path=config or Path(place("FILESYNC_CONFIG") or "endpoints.yaml"),
        home=_absolute(home or Path(place("FILESYNC_HOME") or ".filesync")),
        database_url=text("FILESYNC_DATABASE_URL"),
        snapshot_root=place("FILESYNC_SNAPSHOT_ROOT"),
        dagster_url=text("FILESYNC_DAGSTER_URL"),
        api_token=text("FILESYNC_API_TOKEN"),
        secret_key=text("FILESYNC_SECRET_KEY"),
        installation=text("FILESYNC_INSTALLATION"),
        json_logs=text("FILESYNC_LOG_FORMAT") == "json",
        variables=env,
    )


def _absolute(path: Path) -> Path:
    try:
        return path.absolute()
    except FileNotFoundError:
        raise ConfigError(["The folder that this was started in is gone."], hint="Change to another one.") from None


def environment_of(names: Collection[str]) -> dict[str, str]:
    """Return those variables of our own environment that a process which we start may know."""
    return {name: os.environ[name] for name in names if name in os.environ}
