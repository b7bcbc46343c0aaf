"""What each endpoint looks like in Dagster: the store, the inventory of it, and what is checked."""

import re

import dagster as dg

from filesync_dagster.config import Endpoint, Settings, freshness
from filesync_dagster.connectors import CONNECTORS
from filesync_dagster.orchestration.assets.places import place_text
from filesync_dagster.orchestration.cadences import cadence_of
from filesync_dagster.orchestration.tags import ASSET_PREFIX

LISTING_COMPLETE = "listing_complete"
MASS_DELETE_GUARD = "mass_delete_guard"
FEED_DRIFT = "feed_drift"
CHECKS = {
    LISTING_COMPLETE: "Everything in the store could be read, and there is something. What could not be read "
    "is kept as it was known before.",
    MASS_DELETE_GUARD: "The last sync did not remove, empty or change so much that somebody should look first.",
}
DRIFT_CHECK = "The last full listing found nothing that the store's change feed had not told."
PARTITIONS = (
    "A partition is a day: what was observed during it. Materialize today to sync now; a past day is rebuilt from the "
    "store's history, or from what was stored on that day."
)
KINDS = {"local": "file", "google_drive": "googledrive", "onedrive": "microsoft", "azure_blob": "azure"}
"""Types of endpoints for which Dagster has an icon under another name. For box, dropbox and autodesk it has none."""
EMAIL = re.compile(r"[A-Za-z0-9._%+-]+@[A-Za-z0-9.-]+\.[A-Za-z]{2,7}")
"""What Dagster takes for the address of an owner; it refuses the whole definition for anything else."""


def asset_key(name: str) -> dg.AssetKey:
    """Return the asset of an endpoint."""
    return dg.AssetKey([ASSET_PREFIX, name])


def store_key(endpoint: Endpoint) -> dg.AssetKey:
    """Return the external asset that stands for the store itself: its node must not look like that of the inventory."""
    return dg.AssetKey([endpoint.type, f"{endpoint.name}_store"])


def slug(text: str) -> str:
    """Return text as a name that Dagster accepts everywhere."""
    return re.sub(r"[^A-Za-z0-9_]+", "_", text).strip("_")[:63] or "unnamed"


def endpoint_spec(endpoint: Endpoint, settings: Settings, days: dg.PartitionsDefinition[str]) -> dg.AssetSpec:
    """Return the asset of an endpoint: its inventory."""
    return dg.AssetSpec(
        asset_key(endpoint.name),
        deps=[store_key(endpoint)],
        description=_description(endpoint, settings),
        group_name=group(endpoint),
        kinds={kind_icon(endpoint.type), "filesync"},
        owners=[endpoint.user_id] if endpoint.user_id and EMAIL.fullmatch(endpoint.user_id) else None,
        tags=_tags(endpoint),
        metadata={
            "title": endpoint.label,
            "type": endpoint.type,
            **({"project_id": endpoint.project_id} if endpoint.project_id else {}),
            **({"user_id": endpoint.user_id} if endpoint.user_id else {}),
            **_console_page(endpoint, settings),
        },
        freshness_policy=_freshness(endpoint),
        partitions_def=days,
        skippable=True,
    )


def _console_page(endpoint: Endpoint, settings: Settings) -> dict[str, dg.MetadataValue[str]]:
    """Return the link to the page of an endpoint; nothing unless the settings say where the console is."""
    found = settings.serve.console_url
    return {"console": dg.MetadataValue.url(f"{found.rstrip('/')}/endpoints/{endpoint.name}")} if found else {}


def store_spec(endpoint: Endpoint) -> dg.AssetSpec:
    """Return the external asset upstream of an endpoint."""
    configured = endpoint.endpoint_details.model_fields_set  # fifteen defaults would hide the three that matter
    return dg.AssetSpec(
        store_key(endpoint),
        description=f"The store itself, as its users see it. filesync reads it: {_where(endpoint)}.",
        group_name=group(endpoint),
        kinds={kind_icon(endpoint.type)},
        metadata={name: str(value) for name, value in endpoint.public_details().items() if name in configured},
    )


def check_specs(endpoint: Endpoint) -> list[dg.AssetCheckSpec]:
    """Return what every sync of an endpoint checks."""
    key, checks = asset_key(endpoint.name), CHECKS
    if CONNECTORS[endpoint.type].incremental:
        checks = {**checks, FEED_DRIFT: DRIFT_CHECK}
    return [dg.AssetCheckSpec(name, asset=key, description=text) for name, text in checks.items()]


def group(endpoint: Endpoint) -> str:
    """Return the asset group of an endpoint: its project, or the kind of its store."""
    return slug(endpoint.project_id or endpoint.type)


def kind_icon(kind: str) -> str:
    """Return the kind of a store as Dagster has an icon for it."""
    return KINDS.get(kind, kind)


def _tags(endpoint: Endpoint) -> dict[str, str]:
    tags = {"filesync/type": endpoint.type, "filesync/schedule": endpoint.schedule.value}
    if endpoint.project_id:
        tags["filesync/project"] = slug(endpoint.project_id)
    return tags


def _freshness(endpoint: Endpoint) -> dg.FreshnessPolicy | None:
    windows = freshness(endpoint)
    return windows and dg.FreshnessPolicy.time_window(warn_window=windows[0], fail_window=windows[1])


def _where(endpoint: Endpoint) -> str:
    return place_text(endpoint.type, endpoint.public_details()) or endpoint.label


def _description(endpoint: Endpoint, settings: Settings) -> str:
    cadence = cadence_of(endpoint, settings.partitions.timezone)
    chosen = endpoint.filters.model_dump(mode="json", exclude_defaults=True)
    guard = endpoint.guard
    lines = [
        f"**{endpoint.label}**: the inventory of {_where(endpoint)} ({CONNECTORS[endpoint.type].title}).",
        endpoint.description,
        "\n".join(
            line
            for line in [
                f"- **Synced** {cadence.spoken if cadence else 'only when somebody starts it'}",
                f"- **Reconciled** at `{endpoint.reconcile.cron}`" if endpoint.reconcile.cron else "",
                f"- **Filters** {_spoken_filters(chosen)}",
                f"- **Guard** holds a sync that would remove more than {guard.max_removed_percent:g} % of the files, "
                f"or more than {guard.max_removed:,}"
                if guard.enabled
                else "- **Guard** off",
            ]
            if line
        ),
        PARTITIONS,
    ]
    return "\n\n".join(line for line in lines if line)


def _spoken_filters(chosen: dict[str, object]) -> str:
    if not chosen:
        return "none: every file"
    return "; ".join(
        f"{name} {', '.join(f'`{v}`' for v in value) if isinstance(value, list) else f'`{value}`'}"
        for name, value in chosen.items()
    )
