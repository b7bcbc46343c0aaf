"""Code locations as Dagster's web server describes them, and which of them proves to be of an installation."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from filesync_dagster.core.errors import DagsterForeign, DagsterRefused

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

DEFAULT_NAME = "filesync"
"""The code location of `filesync up` and of the deployments here; a project of one's own has its own name."""

RESOURCE, FIELD = "filesync", "installation"
"""Where the code shows the id: a field of the resource that every configuration has, even one that cannot be used."""

UNREACHABLE = "DagsterUserCodeUnreachableError"
"""The kind of error that a code location has whose code server does not answer."""

SHARE_NO_HOME = "Where its code has another FILESYNC_HOME, set FILESYNC_INSTALLATION to one name here and there."


@dataclass(frozen=True)
class CodeLocation:
    """A code location: the installations whose code it has, or the kind of error that it has instead of code."""

    name: str
    installations: frozenset[str] = frozenset()
    error: str | None = None


def parse_locations(answer: Mapping[str, Any]) -> list[CodeLocation]:
    """Return the code locations from what the web server says of them."""
    return [_parse_location(entry) for entry in answer.get("locationEntries") or ()]


def own_location(
    url: str, found: Sequence[CodeLocation], installation: str | None, wanted: str | None = None
) -> CodeLocation:
    """Return the code location of an installation: the `wanted` one, `filesync`, or the only one.

    Raises DagsterForeign when none, or not the wanted one, proves to be.
    """
    if wanted is not None and wanted not in {one.name for one in found}:
        raise DagsterRefused(
            f"Dagster at {url} has no code location {wanted!r}.", hint=f"It has {name_some(one.name for one in found)}."
        )
    ours = [one for one in found if installation in one.installations and wanted in (None, one.name)]
    if not ours:
        raise _foreign(url, [one for one in found if wanted in (None, one.name)], installation)
    default = [one for one in ours if one.name == DEFAULT_NAME]
    if len(ours) > 1 and not default:
        raise DagsterRefused(
            f"Dagster at {url} has this configuration in the code locations {name_some(one.name for one in ours)}.",
            hint="Say with --location which of them is meant.",
        )
    return (default or ours)[0]


def name_some(names: Iterable[str], most: int = 5) -> str:
    """Return names in a sentence, not too many of them."""
    names = list(names)
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(repr(name) for name in names[:most]) + more if names else "none"


def _foreign(url: str, found: Sequence[CodeLocation], installation: str | None) -> DagsterForeign:
    if installation is None:
        return DagsterForeign(
            f"Nothing has run in this FILESYNC_HOME yet, so Dagster at {url} is not of it, and was asked for nothing.",
            hint=f"Start `filesync up`. {SHARE_NO_HOME}",
        )
    broken = [one.name for one in found if one.error]
    if broken and not any(one.installations for one in found):
        return DagsterForeign(
            f"The code location {name_some(broken)} of Dagster at {url} does not load, so it cannot prove to be of "
            "this configuration, and was asked for nothing.",
            hint="Look into its error in the UI, and reload it there.",
        )
    return DagsterForeign(
        f"Dagster at {url} does not run this configuration, and was asked for nothing.",
        hint=f"Start `filesync up`, or say where it is with --dagster-url or FILESYNC_DAGSTER_URL. {SHARE_NO_HOME}",
    )


def _parse_location(entry: Mapping[str, Any]) -> CodeLocation:
    loaded = entry.get("locationOrLoadError") or {}
    resources = [one for code in loaded.get("repositories") or () for one in code["allTopLevelResourceDetails"]]
    fields = [field for one in resources if one["name"] == RESOURCE for field in one["configuredValues"]]
    shown = frozenset(_text(field["value"]) for field in fields if field["key"] == FIELD)
    return CodeLocation(entry["name"], shown - {""}, loaded.get("className"))


def _text(value: str) -> str:
    try:
        return str(json.loads(value))
    except ValueError:
        return value
