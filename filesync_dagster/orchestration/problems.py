"""What is wrong with endpoints.yaml, where people look: as nodes of the asset graph, each with a check that fails.

One bad entry takes nothing else down; a file that cannot be used at all still loads, as one node that says why.
"""

import hashlib
import re
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

import dagster as dg

from filesync_dagster.config import Broken, Config
from filesync_dagster.errors import ConfigError
from filesync_dagster.orchestration.specs import asset_key, slug

if TYPE_CHECKING:
    from dagster._core.definitions.unresolved_asset_job_definition import UnresolvedAssetJobDefinition

CHECK = "configuration"
KINDS = {"yaml"}


def broken_endpoints(config: Config) -> dg.Definitions:
    """Return a node and a failing check for each entry that cannot be used."""
    taken = {endpoint.name for endpoint in config.endpoints}
    nodes = []
    for entry in config.broken:
        key = asset_key(_free_name(entry, taken))
        nodes.append((key, entry.name, entry.problems))
    return _diagnosed(nodes)


def unusable(error: ConfigError) -> dg.Definitions:
    """Return what can be shown of a configuration of which nothing can be used."""
    return _diagnosed([(dg.AssetKey("filesync_configuration"), "endpoints.yaml", (*error.problems, error.hint))])


def _free_name(entry: Broken, taken: set[str]) -> str:
    base = slug(entry.name)
    name = next(n for n in (base, *(f"{base}_{i}" for i in range(2, len(taken) + 3))) if n not in taken)
    taken.add(name)
    return name


def _diagnosed(nodes: Sequence[tuple[dg.AssetKey, str, Iterable[str]]]) -> dg.Definitions:
    if not nodes:
        return dg.Definitions()
    specs, checks = [], []
    for key, name, problems in nodes:
        text = [problem for problem in problems if problem]
        specs.append(
            dg.AssetSpec(
                key,
                description=f"**{name} cannot be used.** Correct it, then reload the code location.\n\n"
                + "\n".join(f"- {_as_markdown(problem)}" for problem in text),
                group_name="configuration",
                kinds=KINDS,
            )
        )
        checks.append(_check(key, text))
    job = dg.define_asset_job("check_configuration", dg.AssetSelection.checks(*checks))
    return dg.Definitions(assets=specs, asset_checks=checks, jobs=[job], sensors=[_sensor(nodes, job)])


def _check(key: dg.AssetKey, problems: Sequence[str]) -> dg.AssetChecksDefinition:
    @dg.asset_check(asset=key, name=CHECK, description="The entry in endpoints.yaml can be used.")
    def configuration() -> dg.AssetCheckResult:
        return dg.AssetCheckResult(passed=False, description=" ".join(problems), metadata={"problems": len(problems)})

    return configuration


def _sensor(
    nodes: Sequence[tuple[dg.AssetKey, str, Iterable[str]]], job: "UnresolvedAssetJobDefinition"
) -> dg.SensorDefinition:
    state = hashlib.sha256(repr(nodes).encode()).hexdigest()[:16]

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
