"""The page about what each store can give, which `build` writes from the capabilities that connectors state."""

from collections.abc import Callable, Iterator
from dataclasses import fields
from pathlib import Path
from typing import Any, Final, Literal, get_args, get_origin

from pydantic import BaseModel, SecretStr

from filesync_dagster.connectors import CONNECTORS, Connector, IncrementalSource, LookupSource, Source
from filesync_dagster.connectors.base import ContentSource
from filesync_dagster.connectors.destination import DestinationFacts
from filesync_dagster.connectors.registry import MODULES
from filesync_dagster.core.model import Capabilities, Meter

DOCS: Final = Path(__file__).parent
YES, NO = "yes", "no"

STORES: Final = """\
# What each store can give

{written_by}

Facts that the sync acts on, as the connectors state them and the [contract suite](adding-a-connector.md#the-one-file-that-proves-it)
holds them to. Where a detail of the endpoint decides, it is named. A store of another package states its own.

## As an endpoint

{endpoints}

| column | what it means |
|---|---|
| changes | `told`: after the first listing a sync asks only for what changed, and costs as much. `found`: every sync lists all of it, and compares. |
| a rename | What becomes of a file that gets another name or folder. `a move`: it has an id that survives. `a move where … alike`: there is none, but one file that went and one that came are taken for the same when these columns say so, of one kind each. Else it is a removal and an addition. |
| names | Whether a folder may have two entries of one name, and whether names that differ in case only are two. |
| hashes | Of each content, as the store tells or filesync reads them. The version (ETag, revision, generation) proves a change without. |
| permissions | Who may read or write each entry, in the column `permissions`. |
| single entries | What [events](events.md) that name entries cost: one request for each, no listing (`yes`), or what a sync of changes costs. |
| the past | Whether the store can tell how it was on an earlier day: [backfills](backfills.md). |
| contents | `filesync cat`, and the source of a [replication](replication.md). |
| besides | `key ranges`: a large store is listed at many places at once, cut where the last listing says. `hard links`: the names of one file are told as such. `mounts`: what is not mounted is left as it was. |

## As a destination

{destinations}

`in one step`: readers see the old content or the new one, never anything between. `on a condition`: the store itself refuses to write
over what is not as it was when the plan was made; elsewhere, as at [many stores that speak S3](s3-compatibles.md), filesync looks just
before it writes. `without bytes`: what a move
and the trash cost.
"""

COVERED: Final = {
    "stable_ids", "pair_by", "duplicate_names", "case_sensitive", "hashes", "permissions", "lookups", "history",
    "landmarks", "shared_ids", "boundaries",
}  # fmt: skip
INNER: Final = {"derives_paths", "pair_as", "bookkeeping"}
"""Capabilities that a user sees nothing of."""

PAGES = {"onedrive": "microsoft", "sharepoint": "microsoft"}
"""Types that share a page."""


def stores_page(written_by: str) -> str:
    """Return docs/stores.md."""
    assert {field.name for field in fields(Capabilities)} == COVERED | INNER, "a capability is not in the table"
    listed = {kind: CONNECTORS[kind] for kind in MODULES if CONNECTORS[kind].lists}
    written = {kind: CONNECTORS[kind] for kind in MODULES if CONNECTORS[kind].open_destination is not None}
    return STORES.format(
        written_by=written_by,
        endpoints="\n".join(endpoint_rows(listed)),
        destinations="\n".join(destination_rows(written)),
    )


ENDPOINT_COLUMNS: Final[dict[str, Callable[[Source], str]]] = {
    "changes": lambda source: "told" if isinstance(source, IncrementalSource) else "found",
    "a rename": lambda source: renames_of(source.capabilities),
    "names": lambda source: names_of(source.capabilities),
    "hashes": lambda source: word(source.capabilities.hashes),
    "permissions": lambda source: word(source.capabilities.permissions),
    "single entries": lambda source: single_entries_of(source),  # noqa: PLW0108 - it is defined below
    "the past": lambda source: word(source.capabilities.history),
    "contents": lambda source: word(isinstance(source, ContentSource)),
    "besides": lambda source: besides_of(source.capabilities),
}


def endpoint_rows(connectors: dict[str, Connector]) -> Iterator[str]:
    """Yield the table of endpoints."""
    yield f"| type | {' | '.join(ENDPOINT_COLUMNS)} |"
    yield f"|---{'|---' * len(ENDPOINT_COLUMNS)}|"
    for kind, connector in connectors.items():
        yield f"| {link_to(kind)} | {' | '.join(endpoint_cells(connector))} |"


def endpoint_cells(connector: Connector) -> list[str]:
    """Return what a store says in each column, and which of its details say otherwise."""
    usual = facts_with(connector, {})
    others: dict[str, dict[str, list[str]]] = {column: {} for column in ENDPOINT_COLUMNS}
    for name, value in choices_of(connector.details):
        found = facts_with(connector, {name: value})
        setting = name if value is True else f"{name}: {str(value).lower() if value is False else value}"
        for column in [column for column in ENDPOINT_COLUMNS if found[column] != usual[column]]:
            others[column].setdefault(found[column], []).append(f"`{setting}`")
    return [cell_of(usual[column], others[column]) for column in ENDPOINT_COLUMNS]


def cell_of(usual: str, others: dict[str, list[str]]) -> str:
    """Return what holds usually, and what else with which details."""
    if usual == NO and [*others] == [YES]:
        return f"with {' or '.join(others[YES])}"
    return "; ".join([usual, *(f"with {' or '.join(settings)}: {what}" for what, settings in others.items())])


def choices_of(model: type[BaseModel]) -> Iterator[tuple[str, Any]]:
    """Yield each detail that is a switch or a choice, with each value other than its default."""
    for name, field in model.model_fields.items():
        is_choice = get_origin(field.annotation) is Literal
        options = (True, False) if field.annotation is bool else get_args(field.annotation) if is_choice else ()
        yield from ((name, option) for option in options if option != field.get_default(call_default_factory=True))


def facts_with(connector: Connector, details: dict[str, Any]) -> dict[str, str]:
    """Return the cells of a store with some details; opening it makes no network call."""
    source = connector.open(unchecked(connector.details, details), Meter())
    try:
        return {column: cell(source) for column, cell in ENDPOINT_COLUMNS.items()}
    finally:
        source.close()


def unchecked(model: type[BaseModel], given: dict[str, Any]) -> BaseModel:
    """Return details with something in place of what is required: facts do not hang on it."""
    values = {
        name: placeholder(field.annotation) if field.is_required() else field.get_default(call_default_factory=True)
        for name, field in model.model_fields.items()
    }
    return model.model_construct(**{**values, **given})


def placeholder(annotation: Any) -> Any:
    """Return something of a type of detail."""
    return SecretStr("x") if annotation is SecretStr else "https://x" if annotation is str else annotation("x")


def renames_of(facts: Capabilities) -> str:
    """Return what a rename looks like."""
    if facts.stable_ids:
        return "a move"
    if not facts.pair_by or "path" in facts.pair_by:  # a path is alike only for what stayed where it is
        return "a removal and an addition"
    return f"a move where {' and '.join(f'`{name}`' for name in facts.pair_by)} are alike"


def single_entries_of(source: Source) -> str:
    """Return what an event that names an entry costs."""
    if isinstance(source, IncrementalSource):
        return "with what changed"
    return word(isinstance(source, LookupSource) and source.capabilities.lookups)


def names_of(facts: Capabilities) -> str:
    """Return which names a folder can have."""
    case = "case matters" if facts.case_sensitive else "case does not matter"
    return f"may repeat, {case}" if facts.duplicate_names else case


def besides_of(facts: Capabilities) -> str:
    """Return what few stores have."""
    found = {"key ranges": facts.landmarks, "hard links": facts.shared_ids, "mounts": facts.boundaries}
    return ", ".join(name for name, has in found.items() if has)


DESTINATION_COLUMNS: Final[dict[str, Callable[[DestinationFacts], str]]] = {
    "writes in one step": lambda facts: word(facts.atomic_replace),
    "writes on a condition": lambda facts: word(facts.conditional),
    "moves without bytes": lambda facts: word(facts.rename),
    "trash without bytes": lambda facts: word(facts.trash),
    "copies within the store": lambda facts: word(facts.server_copy),
    "goes on after a break": lambda facts: word(facts.resumable),
    "empty folders": lambda facts: word(facts.folders),
    "permissions": lambda facts: word(facts.permissions),
    "tells what is there": lambda facts: word(facts.lists),
    "largest file": lambda facts: f"{facts.max_size:,} bytes" if facts.max_size else "",
}


def destination_rows(connectors: dict[str, Connector]) -> Iterator[str]:
    """Yield the table of destinations."""
    yield f"| type | {' | '.join(DESTINATION_COLUMNS)} |"
    yield f"|---{'|---' * len(DESTINATION_COLUMNS)}|"
    for kind, connector in connectors.items():
        assert connector.open_destination is not None
        details = unchecked(connector.destination_details or connector.details, {})
        destination = connector.open_destination(details, Meter())
        yield f"| {link_to(kind)} | {' | '.join(cell(destination.facts) for cell in DESTINATION_COLUMNS.values())} |"
        destination.close()


def word(fact: bool) -> str:
    """Return yes or no."""
    return YES if fact else NO


def link_to(kind: str) -> str:
    """Return a type that leads to the page of its store, or to its details."""
    names = [kind, MODULES[kind].module.split(".")[2]]  # two types may share a connector, and its page
    pages = [page for page in (f"{name.replace('_', '-')}.md" for name in names) if (DOCS / page).exists()]
    return f"[`{kind}`]({pages[0] if pages else f'configuration.md#endpoint_details-of-type-{kind}'})"
