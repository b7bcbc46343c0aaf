"""Bugs in the S3 connector."""

from filesync_dagster_tests.planted_bugs.bug import Bug

LOOKUPS = "filesync_dagster_tests/connectors/s3/test_lookups.py"

BUGS = (
    Bug(
        "a key that another one begins with is taken for it",
        "connectors/s3/lookups.py",
        "    if page.keys[:1] == [key]:\n        return _rows(page, {key})",
        "    if page.keys:\n        return page.rows([0])",
        LOOKUPS,
        "what_is_there_is_found",
    ),
    Bug(
        "the first key of a store without an order is all there is",
        "connectors/s3/lookups.py",
        "    if page.keys[:1] == [key]:",
        "    if page.keys:",
        LOOKUPS,
        "promises_no_order",
    ),
    Bug(
        "a page that leads back proves that keys are gone",
        "connectors/s3/lookups.py",
        "if page.keys and (page.keys[0] <= key or not is_rising(page.keys)):",
        "if False:",
        LOOKUPS,
        "leads_back",
    ),
)
