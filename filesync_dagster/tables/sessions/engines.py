"""The engine that a request asks for, and where it is installed."""

from pathlib import Path
from typing import Final

from filesync_dagster.config.environment import environment_of
from filesync_dagster.core.errors import TableError
from filesync_dagster.tables.sessions.request import GenerationRequest
from filesync_dagster.tables.synthetic import ENGINE, ENGINE_VERSION
from filesync_dagster.tables.synthetic.peers.mostlyai.install import NAME, VERSION, find_engine
from filesync_dagster.tables.synthetic.peers.mostlyai.learner import EngineSettings

KEPT_ENVIRONMENT: Final = ("PATH", "LANG", "LC_ALL", "LD_LIBRARY_PATH", "CUDA_VISIBLE_DEVICES", "OMP_NUM_THREADS")
"""What the engine may know of our environment: no secrets."""


def engine_settings(request: GenerationRequest, home: Path | None) -> EngineSettings | None:
    """Return how the engine of a request is run; None for our own. Raises TableError where it cannot be."""
    if request.engine == ENGINE:
        if request.engine_options.epsilon is not None:
            raise _refusal("Differential privacy is for the engine mostlyai.", "engine_options.epsilon")
        return None
    assert home is not None, "an engine is installed in a home"
    engine = find_engine(home)
    if request.tables and not request.has_rows:
        raise _refusal("The engine mostlyai learns from rows, and these tables are only described.", "engine")
    if request.conditions:
        raise _refusal("The engine mostlyai knows no conditions.", "conditions")
    options = request.engine_options
    if options.epsilon is not None and (request.find_rules or request.keep):
        field = "keep" if request.keep else "find_rules"
        raise _refusal("With differential privacy no table is kept as it is, and no rules are looked for.", field)
    return EngineSettings(
        engine.command,
        environment_of(KEPT_ENVIRONMENT),
        max_epochs=options.max_epochs,
        max_minutes=options.max_minutes,
        epsilon=options.epsilon,
        delta=options.delta,
    )


def engine_version(name: str) -> str:
    """Return the version of an engine."""
    return VERSION if name == NAME else ENGINE_VERSION


def _refusal(message: str, field: str) -> TableError:
    return TableError(message, hint="The engine is `core` where none is named.", code="unsupported", field=field)
