"""The trial before a generation: a model that did not see a fifth of the rows tells how much such models remember.

The model of the generation itself is fitted on all rows, with the options that the trial came to.
"""

import tempfile
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from filesync_dagster.tables.model import DataSet
from filesync_dagster.tables.synthetic.fit import fit
from filesync_dagster.tables.synthetic.generate import generate
from filesync_dagster.tables.synthetic.holdout import split
from filesync_dagster.tables.synthetic.measures.rows import row_count
from filesync_dagster.tables.synthetic.options import FitOptions, GenerateRequest, ProgressReport
from filesync_dagster.tables.synthetic.peers.mostlyai.learner import EngineSettings
from filesync_dagster.tables.synthetic.privacy import PrivacyReport, privacy_report

TRIAL_ROWS = 20_000
"""Of the largest table: more rows than are compared, and no more than that."""


@dataclass(frozen=True)
class PrivacyTrial:
    """What a trial came to: the options that the model of a generation is fitted with, and what was measured."""

    options: FitOptions
    report: PrivacyReport
    first_report: PrivacyReport | None = None  # with the leaves as they were, where they were doubled


def privacy_trial(
    data_set: DataSet,
    options: FitOptions | None = None,
    *,
    seed: int = 0,
    settings: EngineSettings | None = None,
    progress: ProgressReport | None = None,
    cancel: Callable[[], bool] | None = None,
) -> PrivacyTrial:
    """Fit on four fifths of the parents, generate, and compare with both parts.

    Where rows are nearer to those of the fit than 0.55 allows, leaves are doubled, once, and a note says so; where
    they still are, the report `remembers`. Raises what `fit` and `generate` raise.
    """
    options = options or FitOptions()
    with tempfile.TemporaryDirectory(prefix="filesync-trial-") as folder:

        def attempt(tried: FitOptions) -> PrivacyReport:
            place = Path(folder) / f"leaves-{tried.leaf_factor}"
            model = fit(apart.training, tried, settings=settings, progress=progress, cancel=cancel)
            largest = max((row_count(table) for table in apart.training.tables), default=1)
            request = GenerateRequest(scale=min(1.0, TRIAL_ROWS / max(largest, 1)), seed=seed)
            made = generate(model, request, place, progress=progress, cancel=cancel)
            return privacy_report(
                apart.training,
                apart.holdout,
                made,
                seed=seed,
                k_min=tried.k_min,
                copied=tried.keep,
                leaf_factor=tried.leaf_factor,
                progress=progress,
                cancel=cancel,
            )

        apart = split(data_set, Path(folder), seed=seed)
        first = attempt(options)
        if not first.remembers or settings is not None:  # what has no leaves has none to double
            return PrivacyTrial(options, first)
        doubled = replace(options, leaf_factor=options.leaf_factor * 2)
        second = attempt(doubled)
    shares = [_highest(report) for report in (first, second)]
    note = (
        f"The model remembered: {shares[0]:.0%} of the rows of a table were nearer to the fit than to rows that it did "
        f"not see. Its leaves were doubled; now it is {shares[1]:.0%}."
    )
    return PrivacyTrial(doubled, replace(second, notes=(note, *second.notes)), first)


def _highest(report: PrivacyReport) -> float:
    return max((table.nearer_to_training.value for table in report.tables if table.nearer_to_training), default=0.5)
