"""Bugs in profiles, keys and rules."""

from filesync_dagster_tests.planted_bugs.bug import Bug

PROFILE = "filesync_dagster_tests/tables/test_profile.py"
KEYS = "filesync_dagster_tests/tables/test_keys.py"
RULES = "filesync_dagster_tests/tables/test_rules.py"

BUGS = (
    Bug(
        "values of persons stay in the statistics",
        "tables/profile/roles.py",
        "stats = {name: value for name, value in stats.items() if name not in _PRIVATE}",
        "stats = dict(stats)",
        PROFILE,
        "name_nobody",
    ),
    Bug(
        "a name alone makes a column personal",
        "tables/profile/people.py",
        "if share >= (MATCH_SHARE if is_called else SURE_SHARE):",
        "if is_called or share >= SURE_SHARE:",
        PROFILE,
        "decided_by_values",
    ),
    Bug(
        "large integers are rounded in JSON",
        "tables/profile/values.py",
        "return int(value) if abs(int(value)) <= EXACT_IN_JSON else str(value)",
        "return int(float(value))",
        PROFILE,
        "ends_are_exact or integers_are_counted",
    ),
    Bug(
        "a relation with orphans is taken for sure",
        "tables/keys/foreign.py",
        "is_sure = score >= SURE_SHARE and fit.inclusion >= ACCEPTED_RATIO",
        "is_sure = score >= SURE_SHARE",
        KEYS,
        "orphans or hr_files",
    ),
    Bug(
        "names do not count for relations",
        "tables/keys/foreign.py",
        "NAME_RATIO * self.name",
        "NAME_RATIO",
        KEYS,
        "hr_files",
    ),
    Bug(
        "refused relations are proposed again",
        "tables/keys/foreign.py",
        "if _names(relation) not in refused:",
        "if relation is not None:",
        KEYS,
        "refused",
    ),
    Bug(
        "a rule that some rows break is taken for one",
        "tables/rules/proof.py",
        "if kept == support:",
        "if kept >= PROPOSED_SHARE * support:",
        RULES,
        "few_rows_break",
    ),
    Bug(
        "a rule is found in a handful of rows",
        "tables/rules/proof.py",
        "if support < SUPPORT_ROWS or kept",
        "if not support or kept",
        RULES,
        "few_rows_prove",
    ),
)
