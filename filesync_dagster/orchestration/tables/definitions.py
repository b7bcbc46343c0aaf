"""Everything that Dagster shows of the sources of tables of a configuration."""

from collections.abc import Sequence
from dataclasses import dataclass

import dagster as dg

from filesync_dagster.config import Config
from filesync_dagster.orchestration.tables.generations import generation_assets
from filesync_dagster.orchestration.tables.schedules import after_changes_sensor, table_schedules
from filesync_dagster.orchestration.tables.sources import source_assets
from filesync_dagster.orchestration.tables.specs import place_spec


@dataclass(frozen=True)
class TableAssets:
    """The assets that runs make, the places upstream of them, and what starts the runs."""

    made: Sequence[dg.AssetsDefinition]
    places: Sequence[dg.AssetSpec]
    schedules: Sequence[dg.ScheduleDefinition]
    sensors: Sequence[dg.SensorDefinition]

    def definitions(self) -> dg.Definitions:
        """Return them as definitions."""
        return dg.Definitions(
            assets=[*self.made, *self.places], schedules=list(self.schedules), sensors=list(self.sensors)
        )


def table_definitions(config: Config, installation: str) -> TableAssets:
    """Return what there is for the active sources; nothing where there is none. No network, no database."""
    if not config.active_sources:
        return TableAssets((), (), (), ())
    places = [place_spec(source) for source in config.active_sources if source.endpoint is None]
    sensor = after_changes_sensor(config, installation)
    made = [source_assets(config)]
    if config.active_generations:
        made.append(generation_assets(config))
    return TableAssets(made, places, table_schedules(config), [sensor] if sensor else [])
