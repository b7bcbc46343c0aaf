"""The last configuration that worked. An edit that breaks something does not stop what ran before it.

A copy of the file is kept under the home, with its `${NAME}` references as they are written. Every file that can be
used is remembered; where an entry is broken that was in order before, the copy has what it said then. So the copy is
what runs: all of it goes on when the file cannot be used at all, and an entry that breaks goes on as it last was.
"""

import hashlib
import os
import tempfile
from collections.abc import Set as AbstractSet
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from filesync_dagster.config.environment import Environment
from filesync_dagster.config.load import Config, load_config, read_config, read_text
from filesync_dagster.config.models import SLUG
from filesync_dagster.config.reader import (
    GENERATION,
    GENERATIONS,
    QUEUE,
    QUEUES_BLOCK,
    REPLICATION,
    REPLICATIONS,
    SOURCE,
    SOURCES,
)
from filesync_dagster.config.yaml_tree import with_entries_of
from filesync_dagster.core.errors import ConfigError
from filesync_dagster.core.logging import event


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
    """Keep a copy of what runs now; tell whether that is all of the file.

    That it cannot be written is logged and stops nobody.
    """
    target = copy_of(environment)
    with suppress(ConfigError):
        text, before = read_text(environment.config_path), _text(target)
        if text == before:
            return True
        config, earlier = read_config(environment, text), last_good(environment)
        if earlier is None or before is None:
            return _write(target, text)
        lost = {
            "endpoints": _lost(config, earlier),
            "queues": _lost_queues(config, earlier),
            "replications": _lost_replications(config, earlier),
            "sources": _lost_sources(config, earlier),
            "generations": _lost_generations(config, earlier),
        }
        if not any(lost.values()):
            return _write(target, text)
        mended = with_entries_of(before, text, lost, environment.variables)
        if mended not in (None, before):
            _write(target, mended)
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
    return _of_these(missing, {entry.name for entry in config.broken if entry.is_endpoint})


def _lost_queues(config: Config, earlier: Config) -> set[str]:
    """Return the queues that were in order and are broken now."""
    missing = {queue.name for queue in earlier.queues} - {queue.name for queue in config.queues}
    names = [entry.name for entry in config.broken if entry.block == QUEUES_BLOCK]
    # Where `queues:` is no list, any of them may be meant.
    return _of_these(missing, {name.removeprefix(QUEUE) if name.startswith(QUEUE) else "" for name in names})


def _lost_replications(config: Config, earlier: Config) -> set[str]:
    """Return the replications that were in order and are broken now."""
    missing = {one.name for one in earlier.replications} - {one.name for one in config.replications}
    names = [entry.name for entry in config.broken if entry.block == REPLICATIONS]
    return _of_these(missing, {name.removeprefix(REPLICATION) for name in names})


def _lost_sources(config: Config, earlier: Config) -> set[str]:
    """Return the sources of tables that were in order and are broken now."""
    missing = {one.name for one in earlier.sources} - {one.name for one in config.sources}
    names = [entry.name for entry in config.broken if entry.block == SOURCES]
    return _of_these(missing, {name.removeprefix(SOURCE) for name in names})


def _lost_generations(config: Config, earlier: Config) -> set[str]:
    """Return the generations that were in order and are broken now."""
    missing = {one.name for one in earlier.generations} - {one.name for one in config.generations}
    names = [entry.name for entry in config.broken if entry.block == GENERATIONS]
    return _of_these(missing, {name.removeprefix(GENERATION) for name in names})


def _of_these(missing: AbstractSet[str], broken: AbstractSet[str]) -> set[str]:
    nameless = any(not SLUG.fullmatch(name) for name in broken)
    return set(missing) if nameless else set(missing & broken)


def _with_kept(config: Config, earlier: Config) -> Config:
    lost = _lost(config, earlier)
    kept = tuple(endpoint for endpoint in earlier.endpoints if endpoint.name in lost)
    endpoints = (*config.endpoints, *kept)
    queues = _lost_queues(config, earlier)
    replications = _lost_replications(config, earlier)
    sources = _lost_sources(config, earlier)
    running = lost | {f"{QUEUE}{name}" for name in queues} | {f"{REPLICATION}{name}" for name in replications}
    generations = _lost_generations(config, earlier)
    running |= {f"{SOURCE}{name}" for name in sources} | {f"{GENERATION}{name}" for name in generations}
    return replace(
        config,
        endpoints=endpoints,
        broken=tuple(replace(entry, kept=entry.name in running) for entry in config.broken),
        queues=(*config.queues, *(queue for queue in earlier.queues if queue.name in queues)),
        replications=(*config.replications, *(one for one in earlier.replications if one.name in replications)),
        sources=(*config.sources, *(one for one in earlier.sources if one.name in sources)),
        generations=(*config.generations, *(one for one in earlier.generations if one.name in generations)),
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
