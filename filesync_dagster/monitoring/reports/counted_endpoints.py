"""The endpoints that count on a day: those that are active, and on past days those that were and are not any more."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from filesync_dagster.core.model import canonical_json
from filesync_dagster.sync.replay import Day
from filesync_dagster.sync.runtime import Runtime

UNIQUE_WITHIN: dict[str, tuple[str, ...]] = {
    "google_drive": (),
    "autodesk": (),
    "box": (),
    "dropbox": (),
    "onedrive": ("base_url", "tenant_id"),
    "sharepoint": ("base_url", "tenant_id"),
    "s3": ("endpoint_url", "bucket"),
    "local": ("path",),  # of ids that are made of paths
}
"""The settings that say where the ids of an endpoint are unique, by its type."""


@dataclass(frozen=True)
class CountedEndpoint:
    """An endpoint that counts. `place` is where its ids are unique: who lists one place sees the same objects."""

    name: str
    endpoint_id: int | None  # None: nothing was ever stored about it
    type: str = ""
    place: str = ""


def endpoints_of_day(runtime: Runtime, day: Day) -> list[CountedEndpoint]:
    """Return the endpoints that count on a day, by name.

    One that was switched off or removed since counts until its last sync, so that a day that is told again says the
    same: on the day of that sync it may have been gone already.
    """
    metadata = runtime.metadata
    known, latest = metadata.endpoints.ids(), metadata.syncs.latest()
    active = {endpoint.name: endpoint for endpoint in runtime.config.active}
    found = [
        CountedEndpoint(name, known.get(name), endpoint.type, place_of(name, endpoint.type, endpoint.public_details()))
        for name, endpoint in active.items()
    ]
    for endpoint_id, record in metadata.endpoints.records().items():
        last = latest.get(endpoint_id)
        if record.name not in active and last and last.sync_completed >= day.end:
            place = place_of(record.name, record.type, record.details)
            found.append(CountedEndpoint(record.name, endpoint_id, record.type, place))
    return sorted(found, key=lambda one: one.name)


def place_of(name: str, kind: str, details: Mapping[str, Any]) -> str:
    """Return where the ids of an endpoint of this type, with these details, are unique."""
    where = UNIQUE_WITHIN.get(kind)
    named = [name] if where is None else [details.get(setting) for setting in where]
    return canonical_json([kind, *named])
