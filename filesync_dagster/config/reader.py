"""Entries of endpoints.yaml → models; what is wrong with each becomes sentences with file and line."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from os.path import expanduser
from pathlib import Path
from types import UnionType
from typing import Annotated, Any, TypeVar, Union, get_args, get_origin

from pydantic import BaseModel, SecretStr, ValidationError

from filesync_dagster.config.data_sources import DataSource
from filesync_dagster.config.generations import GenerationConfig
from filesync_dagster.config.models import Endpoint, NoDetails
from filesync_dagster.config.queues import QUEUES, Queue, kind_of
from filesync_dagster.config.replications import Replication, overlaps
from filesync_dagster.config.sentences import sentence_of
from filesync_dagster.config.yaml_tree import YamlTree
from filesync_dagster.connectors import CONNECTORS
from filesync_dagster.core.errors import ConfigError, MissingExtra
from filesync_dagster.core.redaction import note_secret
from filesync_dagster.core.secrets import PREFIX, clean_secret

M = TypeVar("M", bound=BaseModel)

ENDPOINTS, QUEUES_BLOCK, REPLICATIONS, SOURCES = "endpoints", "queues", "replications", "sources"
GENERATIONS = "generations"
"""The blocks of a file that have entries, each with a name."""

QUEUE, REPLICATION, SOURCE, GENERATION = "queue ", "replication ", "source ", "generation "
"""Before the name of a queue, a replication, a source of tables or a generation, where endpoints are named as well."""


@dataclass(frozen=True)
class Broken:
    """An entry that cannot be used; its neighbours can."""

    name: str
    problems: tuple[str, ...]
    kept: bool = False  # what it said when it was last in order is what runs
    block: str = ENDPOINTS  # an entry of another block is called "queue NAME", "replication NAME" here

    @property
    def is_endpoint(self) -> bool:
        """Whether it is an entry of `endpoints:`."""
        return self.block == ENDPOINTS


class EntryReader:
    """Turns parts of one tree into models, and pydantic's errors into sentences with a line."""

    def __init__(self, file: Path, tree: YamlTree) -> None:
        self.file = file
        self.tree = tree

    def sentence(self, line: int, text: str) -> str:
        """Return a problem as it is told: where, and a sentence with its end."""
        return f"{self.file}:{line}: {text}" + ("" if text.endswith((".", "?")) else ".")

    def left_over(self, under: tuple[str | int, ...]) -> list[str]:
        """Return the problems that parsing found under a path."""
        return [self.sentence(line, text) for line, at, text in self.tree.problems if at[: len(under)] == under]

    def model(self, model: type[M], value: Any, at: tuple[str | int, ...]) -> tuple[M | None, list[str]]:
        """Return a value as a model; None where it is none, and why."""
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
            return self.sentence(line, f"unknown key {where!r}.{did_you_mean_after(str(loc[-1]), known)}")
        if problem["type"] == "missing":
            return self.sentence(line, f"{where!r} is required")
        message = sentence_of(problem)
        return self.sentence(line, f"{where}: {message}" if where else message)

    def endpoints(self, entries: list[Any]) -> tuple[list[Endpoint], list[Broken]]:
        """Return the endpoints, and what is wrong with those that cannot be used."""
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
            types = CONNECTORS.endpoint_types()
            near = did_you_mean(str(kind), types) or f"There are: {', '.join(types)}."
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
        if not connector.lists:
            sentence = (
                f"a store of type {kind!r} cannot tell what it holds, so it cannot be an endpoint. It can be the "
                "destination of a replication, and a queue of its type tells what changed"
            )
            return None, [self.sentence(self.tree.line((*at, "type")), sentence)]
        given = self._beside_the_file(connector.paths, entry.get("endpoint_details") or {})
        return self.model(connector.details, given, (*at, "endpoint_details"))

    def queues(self, entries: Any, endpoints: Sequence[str]) -> tuple[list[Queue], list[Broken]]:
        """Return the queues, and what is wrong with those that cannot be used."""
        if not isinstance(entries, list):
            sentence = self.sentence(self.tree.line(("queues",)), "`queues:` must be a list")
            return [], [Broken("queues", (sentence,), block=QUEUES_BLOCK)]
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
                        self.sentence(line, f"there is no endpoint {name!r}.{did_you_mean_after(name, endpoints)}")
                    )
            if queue and queue.name in good:
                problems.append(self.sentence(self.tree.line((*at, "name")), f"the name {queue.name!r} is taken"))
            if queue and not problems:
                good[queue.name] = queue
            else:
                broken.append(Broken(f"{QUEUE}{named or index}", tuple(dict.fromkeys(problems)), block=QUEUES_BLOCK))
        return list(good.values()), broken

    def replications(self, entries: Any, endpoints: Mapping[str, Endpoint]) -> tuple[list[Replication], list[Broken]]:
        """Return the replications, and what is wrong with those that cannot be used."""
        if not isinstance(entries, list):
            sentence = self.sentence(self.tree.line(("replications",)), "`replications:` must be a list")
            return [], [Broken("replications", (sentence,), block=REPLICATIONS)]
        good: dict[str, Replication] = {}
        broken = []
        for index, entry in enumerate(entries):
            at, named = (REPLICATIONS, index), isinstance(entry, dict) and str(entry.get("name") or "")
            replication, problems = self._replication(entry, at)
            if replication is not None:
                problems += self._misfits(replication, endpoints, good, at)
            if replication is not None and not problems:
                good[replication.name] = replication
            else:
                sentences = tuple(dict.fromkeys(problems))
                broken.append(Broken(f"{REPLICATION}{named or index}", sentences, block=REPLICATIONS))
        return list(good.values()), broken

    def data_sources(self, entries: Any, endpoints: Sequence[str]) -> tuple[list[DataSource], list[Broken]]:
        """Return the sources of tables, and what is wrong with those that cannot be used; `config` is not looked at."""
        if not isinstance(entries, list):
            sentence = self.sentence(self.tree.line((SOURCES,)), "`sources:` must be a list")
            return [], [Broken("sources", (sentence,), block=SOURCES)]
        good: dict[str, DataSource] = {}
        broken = []
        for index, entry in enumerate(entries):
            at, named = (SOURCES, index), isinstance(entry, dict) and str(entry.get("name") or "")
            source, problems = self.model(DataSource, entry, at)
            problems = self.left_over(at) + problems
            if source and source.name in good:
                problems.append(self.sentence(self.tree.line((*at, "name")), f"the name {source.name!r} is taken"))
            if source and source.endpoint is not None and source.endpoint not in endpoints:
                near = did_you_mean_after(source.endpoint, endpoints)
                line = self.tree.line((*at, "config", "endpoint"))
                problems.append(self.sentence(line, f"there is no endpoint {source.endpoint!r}.{near}"))
            if source and not problems:
                good[source.name] = source
            else:
                broken.append(Broken(f"{SOURCE}{named or index}", tuple(dict.fromkeys(problems)), block=SOURCES))
        return list(good.values()), broken

    def lines_of(self, block: str) -> dict[str, int]:
        """Return the line at which each entry of a block that has a name begins; the first of several of one name."""
        entries = self.tree.value.get(block) if isinstance(self.tree.value, dict) else None
        named = [
            (entry["name"], self.tree.line((block, index)))
            for index, entry in enumerate(entries if isinstance(entries, list) else ())
            if isinstance(entry, dict) and isinstance(entry.get("name"), str)
        ]
        return dict(reversed(named))

    def generations(self, entries: Any, sources: Sequence[str]) -> tuple[list[GenerationConfig], list[Broken]]:
        """Return the generations of synthetic data, and what is wrong with those that cannot be used."""
        if not isinstance(entries, list):
            sentence = self.sentence(self.tree.line((GENERATIONS,)), "`generations:` must be a list")
            return [], [Broken("generations", (sentence,), block=GENERATIONS)]
        good: dict[str, GenerationConfig] = {}
        broken = []
        for index, entry in enumerate(entries):
            at, named = (GENERATIONS, index), isinstance(entry, dict) and str(entry.get("name") or "")
            generation, problems = self.model(GenerationConfig, entry, at)
            problems = self.left_over(at) + problems
            for name in generation.sources if generation else ():
                if name not in sources:
                    near = did_you_mean_after(name, sources)
                    line = self.tree.line((*at, "sources"))
                    problems.append(self.sentence(line, f"there is no source {name!r}.{near}"))
            if generation and generation.name in good:
                problems.append(self.sentence(self.tree.line((*at, "name")), f"the name {generation.name!r} is taken"))
            if generation and not problems:
                good[generation.name] = generation
            else:
                sentences = tuple(dict.fromkeys(problems))
                broken.append(Broken(f"{GENERATION}{named or index}", sentences, block=GENERATIONS))
        return list(good.values()), broken

    def _replication(self, entry: Any, at: tuple[str | int, ...]) -> tuple[Replication | None, list[str]]:
        problems = self.left_over(at)
        if not isinstance(entry, dict):
            sentence = "a replication must be a mapping with name, source and destination"
            return None, problems or [self.sentence(self.tree.line(at), sentence)]
        target, details = entry.get("destination"), None
        kind = target.get("type") if isinstance(target, dict) else None
        if isinstance(target, dict) and isinstance(kind, str):
            details, wrong = self._destination_details(kind, target, (*at, "destination"))
            problems += wrong
        if isinstance(target, dict) and kind is not None:
            entry = {**entry, "destination": {**target, "endpoint_details": details or NoDetails()}}
        replication, wrong = self.model(Replication, entry, at)
        return (replication if details is not None or kind is None else None), problems + wrong

    def _destination_details(
        self, kind: str, target: Mapping[str, Any], at: tuple[str | int, ...]
    ) -> tuple[BaseModel | None, list[str]]:
        if kind not in CONNECTORS:
            near = did_you_mean(kind, CONNECTORS) or f"There are: {', '.join(sorted(CONNECTORS))}."
            return None, [self.sentence(self.tree.line((*at, "type")), f"unknown type {kind!r}. {near}")]
        try:
            connector = CONNECTORS[kind]
        except (ConfigError, MissingExtra) as error:
            return None, [self.sentence(self.tree.line((*at, "type")), str(error))]
        if connector.open_destination is None:
            sentence = f"nothing can be written to a store of type {kind!r}"
            return None, [self.sentence(self.tree.line((*at, "type")), sentence)]
        given = self._beside_the_file(connector.paths, target.get("endpoint_details") or {})
        return self.model(connector.destination_details or connector.details, given, (*at, "endpoint_details"))

    def _misfits(
        self,
        replication: Replication,
        endpoints: Mapping[str, Endpoint],
        others: Mapping[str, Replication],
        at: tuple[str | int, ...],
    ) -> list[str]:
        """Return what is wrong with a replication beside the endpoints and the replications before it."""
        if replication.name in others or replication.name in endpoints:
            return [self.sentence(self.tree.line((*at, "name")), f"the name {replication.name!r} is already taken")]
        named = {"source": (replication.source, (*at, "source"))}
        if replication.destination.endpoint is not None:
            named["destination"] = (replication.destination.endpoint, (*at, "destination", "endpoint"))
        missing = [
            self.sentence(
                self.tree.line(where), f"there is no endpoint {name!r}.{did_you_mean_after(name, list(endpoints))}"
            )
            for name, where in named.values()
            if name not in endpoints
        ]
        if missing:
            return missing
        kind, _ = replication.destination_of(endpoints)
        if CONNECTORS[kind].open_destination is None:
            line = self.tree.line((*at, "destination"))
            return [self.sentence(line, f"nothing can be written to a store of type {kind!r}")]
        sentences = overlaps(replication, endpoints, list(others.values()))
        return [self.sentence(self.tree.line((*at, "destination")), sentence) for sentence in sentences]

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


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Return the question for the nearest of some words; empty where none is near."""
    near = get_close_matches(word, list(known), 1)
    return f"Did you mean {near[0]!r}?" if near else ""


def did_you_mean_after(word: str, known: Iterable[str]) -> str:
    """Return that, or all the words, to be added to a sentence."""
    near = did_you_mean(word, known)
    return f" {near}" if near else f" Known are: {', '.join(known)}." if known else ""
