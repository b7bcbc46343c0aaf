"""What each replication looks like in Dagster: the replica, where it lies, and what is checked."""

from collections.abc import Mapping, Sequence
from typing import Any

import dagster as dg

from filesync_dagster.config import Config, Endpoint, Replication, ReplicationSchedule, replica_freshness
from filesync_dagster.connectors import CONNECTORS
from filesync_dagster.orchestration.assets.places import place_text
from filesync_dagster.orchestration.assets.specs import asset_key, group, kind_icon, store_key
from filesync_dagster.orchestration.cadences import replication_cadence
from filesync_dagster.orchestration.tags import REPLICA_PREFIX

EQUALS_SOURCE = "replica_equals_source"
GUARD = "replication_guard"
VERIFIED = "replica_verified"
CHECKS = {
    EQUALS_SOURCE: "The replica is what the source, as it was last synced, wants it to be. After a reconcile, that is "
    "seen in a listing of the destination.",
    GUARD: "The last plan did not delete, overwrite or send so much that somebody should look first.",
    VERIFIED: "Every file is proved to lie at the destination: by a hash, by reading it again, or by its size there.",
}
PARTITIONS = (
    "A partition is a day: the runs of that day. Materialize today to replicate now; a replica has no past, so a past "
    "day cannot be materialized."
)


def replica_key(name: str) -> dg.AssetKey:
    """Return the asset of a replication."""
    return dg.AssetKey([REPLICA_PREFIX, name])


def destination_key(config: Config, replication: Replication) -> dg.AssetKey:
    """Return the external asset that stands for the destination of a replication."""
    kind, _ = replication.destination_of(config.by_name)
    return dg.AssetKey([kind, f"{replication.name}_destination"])


def replica_spec(config: Config, replication: Replication, days: dg.PartitionsDefinition[str]) -> dg.AssetSpec:
    """Return the asset of a replication."""
    source = config.by_name[replication.source]
    kind, _ = replication.destination_of(config.by_name)
    windows = replica_freshness(replication)
    return dg.AssetSpec(
        replica_key(replication.name),
        deps=[asset_key(replication.source)],
        description=_description(config, replication, source),
        group_name=group(source),
        kinds={kind_icon(kind), "filesync"},
        tags={"filesync/type": kind, "filesync/schedule": replication.schedule.value},
        metadata={
            "title": replication.label,
            "source": replication.source,
            "destination": replication.destination.endpoint or kind,
            "mode": replication.mode.value,
        },
        freshness_policy=windows and dg.FreshnessPolicy.time_window(warn_window=windows[0], fail_window=windows[1]),
        partitions_def=days,
        skippable=True,
    )


def replica_check_specs(replication: Replication) -> list[dg.AssetCheckSpec]:
    """Return what every run of a replication checks."""
    key = replica_key(replication.name)
    return [dg.AssetCheckSpec(name, asset=key, description=text) for name, text in CHECKS.items()]


def destination_specs(config: Config, written: Mapping[str, Sequence[str]]) -> list[dg.AssetSpec]:
    """Return the external assets of destinations that are no endpoint of `written`, which says who writes to which."""
    linked = {name for names in written.values() for name in names}
    return [
        _destination_spec(config, replication)
        for replication in config.active_replications
        if replication.name not in linked
    ]


def _destination_spec(config: Config, replication: Replication) -> dg.AssetSpec:
    kind, details = replication.destination_of(config.by_name)
    shown = _public_details(config, replication)
    configured = details.model_fields_set
    return dg.AssetSpec(
        destination_key(config, replication),
        deps=[replica_key(replication.name)],
        description=f"The destination itself. filesync writes to it: {_where(config, replication)}.",
        group_name=group(config.by_name[replication.source]),
        kinds={kind_icon(kind)},
        metadata={name: str(value) for name, value in shown.items() if name in configured},
    )


def writers_by_endpoint(config: Config) -> dict[str, list[str]]:
    """Return which replications write to which active endpoint: their stores are downstream of the replicas.

    Where files may go round (`allow_cycle`), Dagster would refuse the lineage: the one that would close the circle
    is shown with a destination of its own.
    """
    active = {endpoint.name for endpoint in config.active}
    found: dict[str, list[str]] = {}
    onwards: dict[str, set[str]] = {}
    for replication in config.active_replications:
        target = replication.destination.endpoint
        if target in active and target is not None and not _leads_to(onwards, target, replication.source):
            found.setdefault(target, []).append(replication.name)
            onwards.setdefault(replication.source, set()).add(target)
    return found


def _leads_to(onwards: Mapping[str, set[str]], start: str, end: str) -> bool:
    waiting, visited = [start], set[str]()
    while waiting:
        name = waiting.pop()
        if name == end:
            return True
        if name not in visited:
            visited.add(name)
            waiting += onwards.get(name, ())
    return False


def written_store_spec(endpoint: Endpoint, spec: dg.AssetSpec, writers: Sequence[str]) -> dg.AssetSpec:
    """Return the store of an endpoint as it is shown downstream of what writes to it."""
    assert spec.key == store_key(endpoint)
    return spec.replace_attributes(deps=[replica_key(name) for name in writers])


def _public_details(config: Config, replication: Replication) -> dict[str, Any]:
    if replication.destination.endpoint is not None:
        return config.by_name[replication.destination.endpoint].public_details()
    return replication.destination.public_details()


def _where(config: Config, replication: Replication) -> str:
    kind, _ = replication.destination_of(config.by_name)
    if replication.destination.endpoint is not None:
        return f"the endpoint `{replication.destination.endpoint}`"
    return place_text(kind, _public_details(config, replication)) or CONNECTORS[kind].title


def _description(config: Config, replication: Replication, source: Endpoint) -> str:
    guard = replication.guard
    chosen = replication.filters.model_dump(mode="json", exclude_defaults=True)
    lines = [
        f"**{replication.label}**: the files of {source.label}, kept at {_where(config, replication)}.",
        replication.description,
        "\n".join(
            line
            for line in [
                f"- **Replicated** {_when(config, replication)}",
                f"- **Mode** `{replication.mode.value}`",
                f"- **Folder** `{replication.paths.add}`" if replication.paths.add else "",
                f"- **Filters** {', '.join(f'`{name}`' for name in chosen)}" if chosen else "",
                f"- **Guard** holds a plan that would delete more than {guard.max_removed_percent:g} % of the files, "
                f"or more than {guard.max_removed:,}"
                if guard.enabled
                else "- **Guard** off",
                "- **Dry run**: nothing is done" if replication.dry_run else "",
            ]
            if line
        ),
        PARTITIONS,
    ]
    return "\n\n".join(line for line in lines if line)


def _when(config: Config, replication: Replication) -> str:
    if replication.schedule is ReplicationSchedule.AFTER_SOURCE:
        return f"after each sync of `{replication.source}` that changed something"
    cadence = replication_cadence(replication, config.settings.partitions.timezone)
    return cadence.spoken if cadence else "only when somebody starts it"
