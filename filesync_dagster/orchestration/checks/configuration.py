"""What is wrong with endpoints.yaml, where people look: as nodes of the asset graph, each with a check that fails.

One bad entry takes nothing else down; a file that cannot be used at all still loads, with one node that says why.
What was in order before goes on as it was.
"""

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass

import dagster as dg

from filesync_dagster.config import Broken, Config
from filesync_dagster.config.reader import (
    GENERATION,
    GENERATIONS,
    REPLICATION,
    REPLICATIONS,
    SOURCE,
    SOURCES,
)
from filesync_dagster.core.errors import ConfigError
from filesync_dagster.orchestration.assets.replication_specs import replica_key
from filesync_dagster.orchestration.assets.specs import asset_key, slug
from filesync_dagster.orchestration.instance.asset_job import AssetJob
from filesync_dagster.orchestration.tables.generations import generation_key
from filesync_dagster.orchestration.tables.specs import source_key

CHECK = "configuration"
KINDS = {"yaml"}
UNUSABLE = dg.AssetKey("filesync_configuration")
"""The node of a file of which nothing can be used."""


@dataclass(frozen=True)
class Diagnosis:
    """What is wrong, and the asset that shows it. `about` is None where that is the asset of an endpoint."""

    key: dg.AssetKey
    about: str | None
    problems: tuple[str, ...]


def configuration_problems(config: Config) -> dg.Definitions:
    """Return a failing check for everything in the file that cannot be used, and a node where there is none for it."""
    found = [Diagnosis(UNUSABLE, f"{config.environment.config_path.name}, as it is,", config.unread)]
    taken = {endpoint.name for endpoint in config.endpoints}
    running = {
        *(asset_key(one.name) for one in config.active),
        *(replica_key(one.name) for one in config.active_replications),
        *(source_key(one.name) for one in config.active_sources),
        *(generation_key(one.name) for one in config.active_generations),
    }
    for entry in config.broken:
        key = _key_of(entry)
        if entry.kept and key in running:
            text = (*entry.problems, "What it said when it was last in order is what runs.")
            found.append(Diagnosis(key, None, text))
        else:
            found.append(Diagnosis(asset_key(_free_name(entry, taken)), entry.name, entry.problems))
    return _diagnosed([diagnosis for diagnosis in found if diagnosis.problems])


def _key_of(entry: Broken) -> dg.AssetKey:
    """Return the asset that an entry has where it can be used."""
    kinds = {
        REPLICATIONS: (REPLICATION, replica_key),
        SOURCES: (SOURCE, source_key),
        GENERATIONS: (GENERATION, generation_key),
    }
    prefix, key_of = kinds.get(entry.block, ("", asset_key))
    return key_of(entry.name.removeprefix(prefix))


def unusable(error: ConfigError) -> dg.Definitions:
    """Return what can be shown of a configuration of which nothing can be used, and no earlier one is known."""
    return _diagnosed([Diagnosis(UNUSABLE, "endpoints.yaml", (*error.problems, error.hint))])


def _free_name(entry: Broken, taken: set[str]) -> str:
    base = slug(entry.name)
    name = next(n for n in (base, *(f"{base}_{i}" for i in range(2, len(taken) + 3))) if n not in taken)
    taken.add(name)
    return name


def _diagnosed(found: Sequence[Diagnosis]) -> dg.Definitions:
    if not found:
        return dg.Definitions()
    checks = [_check(diagnosis.key, [problem for problem in diagnosis.problems if problem]) for diagnosis in found]
    specs = [_node(diagnosis.key, diagnosis.about, diagnosis.problems) for diagnosis in found if diagnosis.about]
    job = dg.define_asset_job("check_configuration", dg.AssetSelection.checks(*checks))
    return dg.Definitions(assets=specs, asset_checks=checks, jobs=[job], sensors=[_sensor(found, job)])


def _node(key: dg.AssetKey, about: str, problems: Sequence[str]) -> dg.AssetSpec:
    return dg.AssetSpec(
        key,
        description=f"**{about} cannot be used.** Correct it: an edit is seen within seconds, or after a reload of the "
        "code location.\n\n" + "\n".join(f"- {_as_markdown(problem)}" for problem in problems if problem),
        group_name="configuration",
        kinds=KINDS,
    )


def _check(key: dg.AssetKey, problems: Sequence[str]) -> dg.AssetChecksDefinition:
    @dg.asset_check(asset=key, name=CHECK, description="The entry in endpoints.yaml can be used.")
    def configuration() -> dg.AssetCheckResult:
        return dg.AssetCheckResult(passed=False, description=" ".join(problems), metadata={"problems": len(problems)})

    return configuration


def _sensor(found: Sequence[Diagnosis], job: AssetJob) -> dg.SensorDefinition:
    state = hashlib.sha256(repr(found).encode()).hexdigest()[:16]

    @dg.sensor(
        name="configuration_problems",
        job=job,
        minimum_interval_seconds=30,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Shows what is wrong with endpoints.yaml as failed checks, once for each edit of the file.",
    )
    def look(context: dg.SensorEvaluationContext) -> dg.RunRequest | dg.SkipReason:
        if context.cursor == state:
            return dg.SkipReason("These problems are shown already.")
        context.update_cursor(state)
        return dg.RunRequest()

    return look


def _as_markdown(text: str) -> str:
    return re.sub(r"([*_`<>])", r"\\\1", text)
