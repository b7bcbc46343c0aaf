"""docs/rest.md and docs/monitoring.md have everything that is served."""

import re
from pathlib import Path

from filesync_dagster_tests.web.test_openapi import OPERATIONS

DOCS = Path(__file__).parents[2] / "docs"


def test_every_operation_is_documented():
    """Each path is on the page."""
    page = (DOCS / "rest.md").read_text() + (DOCS / "monitoring.md").read_text()

    assert [operation.path_format for operation in OPERATIONS if operation.path_format not in page] == []


def test_every_metric_is_documented(stranger):
    """Each is in the table with its text and its labels; the table has no others, but for those of Dagster."""
    text = stranger.get("/metrics").text
    helps = dict(re.findall(r"^# HELP (\S+) (.*)$", text, re.MULTILINE))
    documented = dict(re.findall(r"^\| `(\w+)` \| .* \| (.*) \|$", (DOCS / "monitoring.md").read_text(), re.MULTILINE))

    assert {name: said for name, said in documented.items() if "dagster_" not in name} == helps
