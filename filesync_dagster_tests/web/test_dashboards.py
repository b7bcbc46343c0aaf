"""The Grafana dashboard and the Prometheus rules ask for metrics that exist, by labels that they have, in PromQL."""

import json
import re
from dataclasses import replace
from pathlib import Path

import promql_parser as promql
import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families

from filesync_dagster import Filesync
from filesync_dagster.storage.database import DeadMessage
from filesync_dagster_tests.web.conftest import NOBODY, made_in

DEPLOY = Path(__file__).parents[2] / "deploy"
DASHBOARD = json.loads((DEPLOY / "grafana" / "filesync.json").read_text())
RULES = yaml.safe_load((DEPLOY / "prometheus" / "filesync.rules.yml").read_text())
OF_PROMETHEUS = {"up": set()}
ADDED_BY_PROMETHEUS = {"job", "instance"}
VARIABLES = {"$__rate_interval": "5m", "$endpoint": ".*", "$job": ".*"}

PANELS = [panel for panel in DASHBOARD["panels"] if panel["type"] != "row"]
TARGETS = [(panel["title"], target) for panel in PANELS for target in panel["targets"]]
ALERTS = [rule for group in RULES["groups"] for rule in group["rules"]]
EXPRESSIONS = [(title, target["expr"]) for title, target in TARGETS] + [(r["alert"], r["expr"]) for r in ALERTS]


@pytest.fixture(scope="module")
def told(tmp_path_factory):
    """The labels of every metric that a server with all there is tells."""
    with made_in(tmp_path_factory.mktemp("metrics")) as project:
        queue = "queues:\n  - {name: events, type: rabbitmq, url: 'amqp://127.0.0.1:9', queue: events}\n"
        project.file.write_text(project.file.read_text() + queue)
        project.sync("docs")
        with Filesync.open(project.file) as filesync:
            metadata = filesync.runtime.metadata
            last = metadata.syncs.latest()[filesync.runtime.register(filesync.config.endpoint("docs"))]
            metadata.syncs.record(replace(last, id="drifted", sync_completed=metadata.now(), feed_drift=2))
            metadata.queues.note_look("events", 1)
            metadata.queues.dead_letter(
                "events", [DeadMessage("events", "m1", "It is no event.", "{}", metadata.now())]
            )
        text = replace(project, site=replace(project.site, dagster_url=NOBODY)).client().get("/metrics").text
    labels = {name: set() for name in re.findall(r"^# TYPE (\S+) ", text, re.MULTILINE)}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            labels[sample.name] |= set(sample.labels)
    return labels


def parsed(expression):
    """The expression, with the variables of a dashboard filled in. Raises ValueError."""
    for name, value in VARIABLES.items():
        expression = expression.replace(name, value)
    return promql.parse(expression)


def selectors(expression):
    """Every metric that is asked for, with the labels by which it is chosen."""
    found = []

    def note(node):
        selector = node.vector_selector if isinstance(node, promql.MatrixSelector) else node
        if isinstance(selector, promql.VectorSelector):
            found.append((selector.name, {matcher.name for matcher in selector.matchers.matchers}))
        return True

    promql.walk(parsed(expression), note)
    return found


@pytest.mark.parametrize(("title", "expression"), EXPRESSIONS)
def test_each_expression_asks_for_what_there_is(told, title, expression):
    """It is PromQL whose types fit; its metrics exist and have the labels by which they are chosen."""
    known = told | OF_PROMETHEUS
    asked = selectors(expression)

    assert asked
    assert [name for name, _ in asked if name not in known] == []
    assert [by for name, by in asked if by - known[name] - ADDED_BY_PROMETHEUS] == []


@pytest.mark.parametrize(("title", "target"), TARGETS)
def test_each_legend_names_a_label(told, title, target):
    """`{{endpoint}}` of what has none would be empty."""
    named = set(re.findall(r"\{\{(\w+)\}\}", target["legendFormat"]))

    assert all(named <= told[name] for name, _ in selectors(target["expr"]))


@pytest.mark.parametrize("rule", ALERTS, ids=lambda rule: rule["alert"])
def test_each_rule_says_what_to_do(told, rule):
    """A summary and a description, a duration and a severity that are known, labels that there are."""
    labels = set().union(*(told.get(name, set()) for name, _ in selectors(rule["expr"]))) | ADDED_BY_PROMETHEUS

    assert set(rule) <= {"alert", "expr", "for", "labels", "annotations"}
    assert rule["labels"]["severity"] in {"info", "warning", "critical"}
    assert set(rule["annotations"]) == {"summary", "description"}
    assert "for" not in rule or promql.parse_duration(rule["for"])
    assert set(re.findall(r"\$labels\.(\w+)", str(rule["annotations"]))) <= labels


def test_names_of_rules_and_places_of_panels_are_their_own():
    """No two rules have one name; no two panels overlap, and each is in the grid."""
    names = [rule["alert"] for rule in ALERTS]
    cells = [
        (x, y)
        for place in (panel["gridPos"] for panel in DASHBOARD["panels"])
        for x in range(place["x"], place["x"] + place["w"])
        for y in range(place["y"], place["y"] + place["h"])
    ]

    assert len(names) == len(set(names))
    assert len(cells) == len(set(cells))
    assert max(x for x, _ in cells) < 24
    assert len({panel["id"] for panel in DASHBOARD["panels"]}) == len(DASHBOARD["panels"])


def test_what_is_promised_is_shown():
    """Each metric of an endpoint, of a queue and of Dagster is in the dashboard or in a rule."""
    asked = {name for _, expression in EXPRESSIONS for name, _ in selectors(expression)}

    assert {"filesync_endpoint_held", "filesync_endpoint_breaker_open", "filesync_endpoint_feed_drift"} <= asked
    assert {"filesync_queue_depth", "filesync_dead_messages", "filesync_dagster_daemon_up"} <= asked
