"""From what a request names to tables that can be learned from: keys, relations, rules, and what was said of them."""

from collections.abc import Callable

from filesync_dagster.core.errors import TableError
from filesync_dagster.tables.keys import find_keys
from filesync_dagster.tables.model import DataSet, Table
from filesync_dagster.tables.rules import mine_rules
from filesync_dagster.tables.sessions.agreement import require_agreement
from filesync_dagster.tables.sessions.choices import (
    accept_proposals,
    known_relations,
    with_choices,
    with_rules,
    with_words,
    without_relations,
)
from filesync_dagster.tables.sessions.description import describe_request
from filesync_dagster.tables.sessions.progress import SessionWatch
from filesync_dagster.tables.sessions.request import GenerationRequest

ReadRows = Callable[[SessionWatch], DataSet]
"""Reads the tables that are learned from, with the relations that their sources declare."""


def prepare_tables(
    request: GenerationRequest, read: ReadRows | None, watch: SessionWatch
) -> tuple[DataSet, dict[tuple[str, str], str]]:
    """Return what is learned from, and what was said of columns in words. Raises TableError, Cancelled."""
    if read is None:
        real, words = describe_request(request)
        return with_rules(request, with_choices(request, real)), words
    found = require_agreement(request, read(watch))
    if not found.tables:
        raise TableError("The sources have no tables.", code="nothing_to_generate", field="data_sources")
    if any(is_described(table) for table in found.tables):
        if not all(is_described(table) for table in found.tables):
            raise TableError(
                "Some of the tables have rows, and of others there is only a description.",
                hint="Generate them apart.",
                code="mixed_sources",
                field="data_sources",
            )
        return with_rules(request, with_choices(request, found)), {}
    watch.step("relations")
    relations = known_relations(request, found)
    keyed = find_keys(found.tables, relations, cancel=watch.is_cancelled)
    if request.accept_proposals:
        keyed = accept_proposals(keyed)
    if not request.quality_settings.include_relationships:
        keyed = without_relations(keyed)
    keyed = with_choices(request, keyed)
    if request.find_rules:
        watch.step("rules")
        keyed = mine_rules(keyed, cancel=watch.is_cancelled)
    watch.step("words")
    return with_rules(request, with_words(request, keyed)), {}


def is_described(table: Table) -> bool:
    """Tell whether a table has no rows, but a description alone."""
    return not table.parts
