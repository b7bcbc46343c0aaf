"""Bugs in the reports on synthetic data: numbers that are always good, or good where nothing is."""

from filesync_dagster_tests.planted_bugs.bug import Bug

MEASURES = "tables/synthetic/measures"
METRICS = "filesync_dagster_tests/tables/synthetic/test_metrics.py"
PRIVACY = "filesync_dagster_tests/tables/synthetic/test_privacy.py"
DETECTION = "filesync_dagster_tests/tables/synthetic/test_detection.py"

BUGS = (
    Bug(
        "detection folds are not grouped by parent",
        f"{MEASURES}/detection.py",
        "return rows, fold[places[rows]].astype(np.int64)",
        "return rows, np.arange(len(rows)) % FOLD_COUNT",
        DETECTION,
        "not_recognised",
    ),
    Bug(
        "values are compared with the NULLs of one side",
        f"{MEASURES}/metrics.py",
        "kolmogorov_smirnov(real[~real_null], synthetic[~synthetic_null])",
        "kolmogorov_smirnov(real[~real_null], synthetic)",
        METRICS,
        "without_nulls",
    ),
    Bug(
        "a score of quality is a constant",
        f"{MEASURES}/metrics.py",
        "    return float(1 - np.abs(real / totals[0] - synthetic / totals[1]).sum() / 2)",
        "    return 0.95",
        METRICS,
        "pairs_see or shape_of_categories",
    ),
    Bug(
        "parents without children are left out of the counts of a report",
        f"{MEASURES}/metrics.py",
        "return 1 - kolmogorov_smirnov(real, synthetic)",
        "return 1 - kolmogorov_smirnov(real[real > 0], synthetic[synthetic > 0])",
        METRICS,
        "without_children",
    ),
    Bug(
        "the holdout is used in the fit",
        "tables/synthetic/holdout.py",
        "folds[table.name] != fold if table.name in folds",
        "folds[table.name] >= 0 if table.name in folds",
        PRIVACY,
        "held_out or does_not_see",
    ),
    Bug(
        "rows are nearer to a training that is four times larger",
        "tables/synthetic/measures/table_privacy.py",
        "    weighted = share * (1 - expected)",
        "    expected = 0.5\n    weighted = share * (1 - expected)",
        PRIVACY,
        "another_sample",
    ),
    Bug(
        "leaves are not doubled where a model remembers",
        "tables/synthetic/trial.py",
        "doubled = replace(options, leaf_factor=options.leaf_factor * 2)",
        "doubled = replace(options, leaf_factor=options.leaf_factor)",
        PRIVACY,
        "doubled",
    ),
    Bug(
        "doubled leaves are as small as before",
        "tables/synthetic/options.py",
        "size * self.leaf_factor for size",
        "size for size",
        PRIVACY,
        "doubled",
    ),
    Bug(
        "a real row is the nearest one of itself",
        "tables/synthetic/measures/table_resemblance.py",
        "base = nearest(distance, one_by_one, known).second",
        "base = nearest(distance, one_by_one, known).first",
        PRIVACY,
        "nobody_says",
    ),
    Bug(
        "rare values of the fit are not counted",
        "tables/synthetic/measures/rare_values.py",
        "        if len(leaked[0]):",
        "        if not leaked:",
        PRIVACY,
        "rare_values",
    ),
)
