"""endpoints.yaml → Config. Every problem is found at once, with its file and line."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from os.path import expanduser
from pathlib import Path
from types import UnionType
from typing import Annotated, Any, TypeVar, Union, get_args, get_origin

from pydantic import BaseModel, SecretStr, ValidationError

from filesync_dagster.config.alerts import Alerts
from filesync_dagster.config.environment import Environment
from filesync_dagster.config.locations import location_of
from filesync_dagster.config.models import Endpoint, NoDetails, Settings
from filesync_dagster.config.queues import QUEUES, Queue, kind_of
from filesync_dagster.config.sentences import sentence_of
from filesync_dagster.config.yaml_tree import YamlTree, parse
from filesync_dagster.connectors import CONNECTORS
from filesync_dagster.core.errors import ConfigError, MissingExtra, UnknownEndpoint
from filesync_dagster.core.redaction import note_secret
from filesync_dagster.core.secrets import PREFIX, clean_secret

M = TypeVar("M", bound=BaseModel)
QUEUE = "queue "
"""Before the name of a queue, where endpoints are named as well."""

TOP_LEVEL = ("settings", "alerts", "queues", "endpoints")


@dataclass(frozen=True)
class Broken:
    """An entry that cannot be used; its neighbours can."""

    name: str
    problems: tuple[str, ...]
    kept: bool = False  # what it said when it was last in order is what runs
    is_queue: bool = False  # an entry of `queues:`, called "queue NAME" here


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
            hint=_did_you_mean(name, known) or f"It has: {', '.join(known) or 'none'}.",
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
    reader = _Reader(path, tree)
    if any(not at for _, at, _ in tree.problems):
        raise ConfigError([reader.sentence(line, text) for line, _, text in tree.problems])
    top = tree.value if tree.value is not None else {}
    if not isinstance(top, dict):
        raise ConfigError([reader.sentence(1, "the file must have a list under `endpoints:`")])
    fatal = [
        reader.sentence(tree.line((key,)), f"unknown key {key!r}.{_did_you_mean_after(key, TOP_LEVEL)}")
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


class _Reader:
    """Turns parts of one tree into models, and pydantic's errors into sentences with a line."""

    def __init__(self, file: Path, tree: YamlTree) -> None:
        self.file = file
        self.tree = tree

    def sentence(self, line: int, text: str) -> str:
        return f"{self.file}:{line}: {text}" + ("" if text.endswith((".", "?")) else ".")

    def left_over(self, under: tuple[str | int, ...]) -> list[str]:
        """Return the problems that parsing found under a path."""
        return [self.sentence(line, text) for line, at, text in self.tree.problems if at[: len(under)] == under]

    def model(self, model: type[M], value: Any, at: tuple[str | int, ...]) -> tuple[M | None, list[str]]:
        value, unclean = self._clean_secrets(model, value, at, ())
        try:
            made = model.model_validate(value)
        except ValidationError as error:
            found = [self._explain(problem, model, at) for problem in error.errors(include_url=False)]
            return None, [*unclean, *found]
        return (None if unclean else made), unclean

    def _clean_secrets(
        self, model: type[BaseModel], value: Any, at: tuple[str | int, ...], under: tuple[str | int, ...]
    ) -> tuple[Any, list[str]]:
        """Return what is given for a model with its secrets cleaned, and which cannot be secrets."""
        if not isinstance(value, dict):
            return value, []
        cleaned, problems = dict(value), []
        for name, field_info in model.model_fields.items():
            here, given, kinds = (*under, name), value.get(name), _types(field_info.annotation)
            if SecretStr in kinds:
                cleaned[name], wrong = self._clean_secret(given, at, here)
                problems += wrong
            for kind in kinds:
                if isinstance(kind, type) and issubclass(kind, BaseModel):
                    cleaned[name], wrong = self._clean_secrets(kind, given, at, here)
                    problems += wrong
        return {name: part for name, part in cleaned.items() if name in value}, problems

    def _clean_secret(
        self, given: Any, at: tuple[str | int, ...], here: tuple[str | int, ...]
    ) -> tuple[Any, list[str]]:
        """Return a secret, or a list of them, cleaned; from now on none of it is shown."""
        if isinstance(given, list):
            found = [self._clean_secret(one, at, (*here, number)) for number, one in enumerate(given)]
            return [one for one, _ in found], [problem for _, wrong in found for problem in wrong]
        if not isinstance(given, str):
            return given, []
        if not given.startswith(PREFIX):
            note_secret(given)
        try:
            return clean_secret(given), []
        except ValueError as error:
            where = ".".join(map(str, (*at[2:], *here)))
            return given, [self.sentence(self.tree.line((*at, *here)), f"{where!r} {error}")]

    def _explain(self, problem: Any, model: type[BaseModel], at: tuple[str | int, ...]) -> str:
        loc = tuple(problem["loc"])
        line = self.tree.line((*at, *loc))
        where = ".".join(str(part) for part in (*at[2:], *loc))
        if problem["type"] == "extra_forbidden":
            known = _fields_at(model, loc[:-1])
            return self.sentence(line, f"unknown key {where!r}.{_did_you_mean_after(str(loc[-1]), known)}")
        if problem["type"] == "missing":
            return self.sentence(line, f"{where!r} is required")
        message = sentence_of(problem)
        return self.sentence(line, f"{where}: {message}" if where else message)

    def endpoints(self, entries: list[Any]) -> tuple[list[Endpoint], list[Broken]]:
        good: dict[str, Endpoint] = {}
        broken: list[Broken] = []
        for index, entry in enumerate(entries):
            at = ("endpoints", index)
            endpoint, problems = self._endpoint(entry, at)
            name = str(entry.get("name", "")) if isinstance(entry, dict) else ""
            if endpoint and endpoint.name in good:
                problems.append(self.sentence(self.tree.line((*at, "name")), f"the name {name!r} is already taken"))
            if endpoint and not problems:
                good[endpoint.name] = endpoint
            else:
                broken.append(Broken(name or f"endpoints[{index}]", tuple(dict.fromkeys(problems))))
        return list(good.values()), broken

    def _endpoint(self, entry: Any, at: tuple[str | int, ...]) -> tuple[Endpoint | None, list[str]]:
        problems = self.left_over(at)
        if not isinstance(entry, dict):
            sentence = "an endpoint must be a mapping with name, type and endpoint_details"
            return None, problems or [self.sentence(self.tree.line(at), sentence)]
        kind = entry.get("type")
        details: BaseModel | None = None
        if isinstance(kind, str) and kind in CONNECTORS:
            details, wrong = self._details(kind, entry, at)
            problems += wrong
        elif "type" in entry:
            near = _did_you_mean(str(kind), CONNECTORS) or f"There are: {', '.join(sorted(CONNECTORS))}."
            problems.append(self.sentence(self.tree.line((*at, "type")), f"unknown type {kind!r}. {near}"))
        filled = {**entry, "endpoint_details": details or NoDetails()}
        endpoint, wrong = self.model(Endpoint, filled, at)
        return (None if details is None else endpoint), problems + wrong

    def _details(
        self, kind: str, entry: Mapping[str, Any], at: tuple[str | int, ...]
    ) -> tuple[BaseModel | None, list[str]]:
        try:
            connector = CONNECTORS[kind]
        except (ConfigError, MissingExtra) as error:
            return None, [self.sentence(self.tree.line((*at, "type")), str(error))]
        given = self._beside_the_file(connector.paths, entry.get("endpoint_details") or {})
        return self.model(connector.details, given, (*at, "endpoint_details"))

    def queues(self, entries: Any, endpoints: Sequence[str]) -> tuple[list[Queue], list[Broken]]:
        """Return the queues, and what is wrong with those that cannot be used."""
        if not isinstance(entries, list):
            sentence = self.sentence(self.tree.line(("queues",)), "`queues:` must be a list")
            return [], [Broken("queues", (sentence,), is_queue=True)]
        good: dict[str, Queue] = {}
        broken = []
        for index, entry in enumerate(entries):
            at, named = ("queues", index), isinstance(entry, dict) and str(entry.get("name") or "")
            given = self._beside_the_file(("ca_bundle",), entry)
            queue, problems = self.model(kind_of(entry), given, at)
            problems = self.left_over(at) + problems
            if queue and type(queue) is Queue:
                sentence = f"unknown type {queue.type!r}. There are: {', '.join(QUEUES)}"
                problems.append(self.sentence(self.tree.line((*at, "type")), sentence))
            for name in queue.endpoints if queue else ():
                if name not in endpoints:
                    line = self.tree.line((*at, "endpoints"))
                    problems.append(
                        self.sentence(line, f"there is no endpoint {name!r}.{_did_you_mean_after(name, endpoints)}")
                    )
            if queue and queue.name in good:
                problems.append(self.sentence(self.tree.line((*at, "name")), f"the name {queue.name!r} is taken"))
            if queue and not problems:
                good[queue.name] = queue
            else:
                broken.append(Broken(f"{QUEUE}{named or index}", tuple(dict.fromkeys(problems)), is_queue=True))
        return list(good.values()), broken

    def _beside_the_file(self, paths: Iterable[str], given: Any) -> Any:
        """Make relative paths relative to the file that names them."""
        if not isinstance(given, dict):
            return given
        base = self.file.absolute().parent
        found = {name: given[name] for name in paths if isinstance(given.get(name), str) and given[name]}
        # Not Path.expanduser, which fails for a user that does not exist.
        return given | {name: str(base / expanduser(value)) for name, value in found.items()}  # noqa: PTH111 - see above


def _types(annotation: Any) -> set[Any]:
    if get_origin(annotation) in (Union, UnionType, tuple, list, Annotated):
        return {kind for part in get_args(annotation) for kind in _types(part)}
    return {annotation}


def _fields_at(model: type[BaseModel], loc: tuple[Any, ...]) -> Iterable[str]:
    for part in loc:
        nested = model.model_fields.get(part)
        inner = (
            [kind for kind in _types(nested.annotation) if isinstance(kind, type) and issubclass(kind, BaseModel)]
            if nested
            else []
        )
        if not inner:
            return []
        model = inner[0]
    return list(model.model_fields)


def _did_you_mean(word: str, known: Iterable[str]) -> str:
    near = get_close_matches(word, list(known), 1)
    return f"Did you mean {near[0]!r}?" if near else ""


def _did_you_mean_after(word: str, known: Iterable[str]) -> str:
    near = _did_you_mean(word, known)
    return f" {near}" if near else f" Known are: {', '.join(known)}." if known else ""
