"""The last configuration that worked. An edit that breaks something does not stop what ran before it.

A copy of the file is kept under the home, with its `${NAME}` references as they are written. A file is remembered when
it breaks nothing that the remembered one had in order; what an entry that is broken now said then is what runs.
"""

import hashlib
import os
import tempfile
from collections.abc import Set as AbstractSet
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from filesync_dagster.config.environment import Environment
from filesync_dagster.config.load import QUEUE, Config, load_config, read_config, read_text
from filesync_dagster.config.models import SLUG
from filesync_dagster.errors import ConfigError
from filesync_dagster.observability import event


def running_config(environment: Environment) -> Config:
    """Return what should run: the file, and where it cannot be used, what the last good one said.

    Raises ConfigError when nothing can be used and nothing is remembered.
    """
    try:
        config = load_config(environment)
    except ConfigError as error:
        earlier = last_good(environment)
        if earlier is None:
            raise
        return replace(earlier, unread=error.problems, broken=())
    earlier = last_good(environment) if config.broken else None
    return config if earlier is None else _with_kept(config, earlier)


def remember(environment: Environment) -> bool:
    """Keep a copy of the file if it is as good as the one that is kept; tell whether the copy is the file.

    That it cannot be written is logged and stops nobody.
    """
    target = copy_of(environment)
    with suppress(ConfigError):
        text = read_text(environment.config_path)
        if text == _text(target):
            return True
        config, earlier = read_config(environment, text), last_good(environment)
        if earlier is None or not (_lost(config, earlier) or _lost_queues(config, earlier)):
            return _write(target, text)
    return False


def last_good(environment: Environment) -> Config | None:
    """Return the remembered configuration; None when there is none, or the environment has changed too much for it."""
    text = _text(copy_of(environment))
    if text is None:
        return None
    with suppress(ConfigError):
        return read_config(environment, text)
    return None


def copy_of(environment: Environment) -> Path:
    """Return where the copy of the file is kept: one home may serve several files."""
    path = os.path.abspath(environment.config_path)  # noqa: PTH100 - not resolved: a mounted file is a link that moves
    return environment.home / "config" / f"{hashlib.sha256(path.encode()).hexdigest()[:16]}.yaml"


def _lost(config: Config, earlier: Config) -> set[str]:
    """Return the endpoints that were in order and are broken now.

    A broken entry without a name that could be one may be any of those that are not there; so none is given up.
    """
    missing = earlier.by_name.keys() - config.by_name.keys()
    return _of_these(missing, {entry.name for entry in config.broken if not entry.is_queue})


def _lost_queues(config: Config, earlier: Config) -> set[str]:
    """Return the queues that were in order and are broken now."""
    missing = {queue.name for queue in earlier.queues} - {queue.name for queue in config.queues}
    return _of_these(missing, {entry.name.removeprefix(QUEUE) for entry in config.broken if entry.is_queue})


def _of_these(missing: AbstractSet[str], broken: AbstractSet[str]) -> set[str]:
    nameless = any(not SLUG.fullmatch(name) for name in broken)
    return set(missing) if nameless else set(missing & broken)


def _with_kept(config: Config, earlier: Config) -> Config:
    lost = _lost(config, earlier)
    kept = tuple(endpoint for endpoint in earlier.endpoints if endpoint.name in lost)
    endpoints = (*config.endpoints, *kept)
    queues = _lost_queues(config, earlier)
    running = lost | {f"{QUEUE}{name}" for name in queues}
    return replace(
        config,
        endpoints=endpoints,
        broken=tuple(replace(entry, kept=entry.name in running) for entry in config.broken),
        queues=(*config.queues, *(queue for queue in earlier.queues if queue.name in queues)),
        by_name={endpoint.name: endpoint for endpoint in endpoints},
    )


def _text(path: Path) -> str | None:
    try:
        return path.read_text("utf-8")
    except (OSError, UnicodeDecodeError):
        return None


def _write(target: Path, text: str) -> bool:
    """Replace the copy at once: other processes read it at any moment. Only its owner may: it may hold passwords."""
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        number, name = tempfile.mkstemp(dir=target.parent, prefix=target.stem)  # of mode 0600
        with os.fdopen(number, "w", encoding="utf-8") as file:
            file.write(text)
        Path(name).replace(target)
    except OSError as error:
        event("config.not_remembered", path=str(target), error=str(error))
        return False
    return True
