"""endpoints.yaml → Config. Every problem is found at once, with its file and line."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from filesync_dagster.config.alerts import Alerts
from filesync_dagster.config.data_sources import DataSource
from filesync_dagster.config.environment import Environment
from filesync_dagster.config.generations import GenerationConfig
from filesync_dagster.config.locations import location_of
from filesync_dagster.config.models import Endpoint, Settings
from filesync_dagster.config.queues import Queue
from filesync_dagster.config.reader import (
    GENERATION,
    QUEUE,
    REPLICATION,
    SOURCE,
    SOURCES,
    Broken,
    EntryReader,
    did_you_mean,
    did_you_mean_after,
)
from filesync_dagster.config.replications import Replication
from filesync_dagster.config.yaml_tree import parse
from filesync_dagster.core.errors import ConfigError, UnknownEndpoint

TOP_LEVEL = ("settings", "alerts", "queues", "endpoints", "replications", "sources", "generations")


@dataclass(frozen=True)
class Config:
    """A configuration: what is usable, and what is wrong with the rest."""

    environment: Environment
    settings: Settings
    endpoints: tuple[Endpoint, ...]
    broken: tuple[Broken, ...] = ()
    by_name: Mapping[str, Endpoint] = field(default_factory=dict, repr=False)
    alerts: Alerts = field(default_factory=Alerts)
    queues: tuple[Queue, ...] = ()
    replications: tuple[Replication, ...] = ()
    sources: tuple[DataSource, ...] = ()
    source_lines: Mapping[str, int] = field(default_factory=dict, repr=False)  # where each of them stands
    generations: tuple[GenerationConfig, ...] = ()
    unread: tuple[str, ...] = ()  # why nothing of the file can be used: this is the last one that was good

    @property
    def problems(self) -> tuple[str, ...]:
        """Everything that is wrong with the file."""
        return (*self.unread, *(problem for entry in self.broken for problem in entry.problems))

    @property
    def warnings(self) -> tuple[str, ...]:
        """What may be meant so, and mostly is not."""
        if not self.endpoints and not self.broken:
            return (f"{self.environment.config_path} has no endpoint: nothing will be synced.",)
        places: dict[str, list[str]] = {}
        for endpoint in self.endpoints:
            place = f"{location_of(endpoint)} {endpoint.filters.fingerprint()}"
            places.setdefault(place, []).append(endpoint.name)
        return tuple(
            f"{self.environment.config_path}: {' and '.join(names)} are of one place with the same filters: "
            "each of its files is listed, stored and counted as often."
            for names in places.values()
            if len(names) > 1
        )

    @property
    def active(self) -> tuple[Endpoint, ...]:
        """The endpoints that are synced."""
        return tuple(endpoint for endpoint in self.endpoints if endpoint.is_active)

    @property
    def active_replications(self) -> tuple[Replication, ...]:
        """The replications that are run."""
        return tuple(one for one in self.replications if one.is_active)

    @property
    def active_sources(self) -> tuple[DataSource, ...]:
        """The sources of tables that are read."""
        return tuple(one for one in self.sources if one.is_active)

    @property
    def active_generations(self) -> tuple[GenerationConfig, ...]:
        """The generations of synthetic data that are made: those whose sources are all read."""
        read = {source.name for source in self.active_sources}
        return tuple(one for one in self.generations if one.is_active and read.issuperset(one.sources))

    def queue(self, name: str) -> Queue:
        """Return the queue, or raise ConfigError with what there is."""
        for queue in self.queues:
            if queue.name == name:
                return queue
        for entry in self.broken:
            if entry.name == f"{QUEUE}{name}":
                raise ConfigError(entry.problems)
        known = ", ".join(queue.name for queue in self.queues) or "none"
        raise ConfigError([f"There is no queue {name!r} in {self.environment.config_path}."], hint=f"It has: {known}.")

    def source(self, name: str) -> DataSource:
        """Return the source of tables, or raise ConfigError with what there is."""
        for source in self.sources:
            if source.name == name:
                return source
        for entry in self.broken:
            if entry.name == f"{SOURCE}{name}":
                raise ConfigError(entry.problems)
        known = [source.name for source in self.sources]
        hint = did_you_mean(name, known) or f"It has: {', '.join(known) or 'none'}."
        raise ConfigError([f"There is no source {name!r} in {self.environment.config_path}."], hint=hint)

    def generation(self, name: str) -> GenerationConfig:
        """Return the generation of synthetic data, or raise ConfigError with what there is."""
        for generation in self.generations:
            if generation.name == name:
                return generation
        for entry in self.broken:
            if entry.name == f"{GENERATION}{name}":
                raise ConfigError(entry.problems)
        known = [generation.name for generation in self.generations]
        hint = did_you_mean(name, known) or f"It has: {', '.join(known) or 'none'}."
        raise ConfigError([f"There is no generation {name!r} in {self.environment.config_path}."], hint=hint)

    def replication(self, name: str) -> Replication:
        """Return the replication, or raise ConfigError (it is broken) or UnknownEndpoint, with the nearest name."""
        for replication in self.replications:
            if replication.name == name:
                return replication
        for entry in self.broken:
            if entry.name == f"{REPLICATION}{name}":
                raise ConfigError(entry.problems)
        known = [replication.name for replication in self.replications]
        raise UnknownEndpoint(
            f"There is no replication {name!r} in {self.environment.config_path}.",
            hint=did_you_mean(name, known) or f"It has: {', '.join(known) or 'none'}.",
        )

    def endpoint(self, name: str) -> Endpoint:
        """Return the endpoint, or raise ConfigError (it is broken) or UnknownEndpoint, with the nearest name."""
        if name in self.by_name:
            return self.by_name[name]
        for entry in self.broken:
            if entry.name == name:
                raise ConfigError(entry.problems)
        known = [*self.by_name, *(entry.name for entry in self.broken)]
        raise UnknownEndpoint(
            f"There is no endpoint {name!r} in {self.environment.config_path}.",
            hint=did_you_mean(name, known) or f"It has: {', '.join(known) or 'none'}.",
        )


def load_config(environment: Environment) -> Config:
    """Read the configuration file.

    Entries that are wrong end up in `broken`. Raises ConfigError when nothing can be used: the file is missing,
    is not YAML, or its settings are wrong.
    """
    return read_config(environment, read_text(environment.config_path))


def read_config(environment: Environment, text: str) -> Config:
    """Return what a text says that stands for the configuration file. Raises ConfigError, as `load_config` does."""
    path = environment.config_path
    tree = parse(text, environment.variables)
    reader = EntryReader(path, tree)
    if any(not at for _, at, _ in tree.problems):
        raise ConfigError([reader.sentence(line, text) for line, _, text in tree.problems])
    top = tree.value if tree.value is not None else {}
    if not isinstance(top, dict):
        raise ConfigError([reader.sentence(1, "the file must have a list under `endpoints:`")])
    fatal = [
        reader.sentence(tree.line((key,)), f"unknown key {key!r}.{did_you_mean_after(key, TOP_LEVEL)}")
        for key in top
        if key not in TOP_LEVEL
    ]
    fatal += reader.left_over(("settings",))
    settings, wrong = reader.model(Settings, top.get("settings") or {}, ("settings",))
    fatal += wrong
    fatal += reader.left_over(("alerts",))
    alerts, wrong = reader.model(Alerts, top.get("alerts") or {}, ("alerts",))
    fatal += wrong
    entries = top.get("endpoints") or []
    if not isinstance(entries, list):
        fatal.append(reader.sentence(tree.line(("endpoints",)), "`endpoints:` must be a list"))
        entries = []
    good, broken = reader.endpoints(entries)
    queues, unusable = reader.queues(top.get("queues") or [], [*(e.name for e in good), *(b.name for b in broken)])
    broken += unusable
    replications, unusable = reader.replications(top.get("replications") or [], {e.name: e for e in good})
    broken += unusable
    sources, unusable = reader.data_sources(top.get("sources") or [], [e.name for e in good])
    broken += unusable
    generations, unusable = reader.generations(top.get("generations") or [], [one.name for one in sources])
    broken += unusable
    if fatal or settings is None or alerts is None:
        raise ConfigError([*fatal, *(problem for entry in broken for problem in entry.problems)])
    return Config(
        environment,
        settings,
        tuple(good),
        tuple(broken),
        {endpoint.name: endpoint for endpoint in good},
        alerts,
        tuple(queues),
        tuple(replications),
        tuple(sources),
        reader.lines_of(SOURCES),
        tuple(generations),
    )


def read_text(path: Path) -> str:
    """Return the text of the configuration file. Raises ConfigError."""
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError as exc:
        raise ConfigError(
            [f"{path}: there is no such file."], hint="Run `filesync init`, or name one with --config."
        ) from exc
    except UnicodeDecodeError as exc:
        raise ConfigError([f"{path}: this is not UTF-8 text (byte {exc.start})."]) from exc
    except OSError as exc:
        raise ConfigError([f"{path}: it cannot be read: {exc.strerror}."]) from exc
