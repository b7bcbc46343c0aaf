"""Days. Partition D of an asset is what was observed during day D; today is a partition from its first minute."""

from datetime import date, datetime

import dagster as dg

from filesync_dagster.config import Partitions


def daily(partitions: Partitions) -> dg.DailyPartitionsDefinition:
    """Return the one partitions definition that every asset shares: equal definitions can be backfilled together."""
    return dg.DailyPartitionsDefinition(
        start_date=f"{partitions.start_date:%Y-%m-%d}", timezone=partitions.timezone, end_offset=1
    )


def day_of(key: str) -> date:
    """Return the day that a partition key names."""
    return date.fromisoformat(key)


def key_of(moment: datetime, partitions: Partitions) -> str:
    """Return the partition that a moment belongs to."""
    return moment.astimezone(partitions.zone).date().isoformat()
