"""A sensor that replicates what changed: `schedule: after_source`.

It goes by the source's journal in the database and not by Dagster's events: so a sync that was no materialization
counts too, and none is missed. What a replica lacks is asked for until it is there; the cursor says what was asked for
and when, so that what was asked for in vain is asked for again only after a while. The same tick once more, as after a
crash, asks for the same runs under the same keys, and Dagster launches no second one.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import dagster as dg

from filesync_dagster.config import Config, ReplicationSchedule
from filesync_dagster.core.model import canonical_json
from filesync_dagster.orchestration.replication_runs import in_work, replication_requests
from filesync_dagster.orchestration.resources import FilesyncResource
from filesync_dagster.orchestration.schedules import Clock, utc_now
from filesync_dagster.orchestration.tags import SYNC

if TYPE_CHECKING:
    from filesync_dagster.replication.due import Need

AFTER_SOURCE = "after_source"
"""The sensor, and the cadence of its runs."""

REPEAT_INTERVAL = timedelta(hours=1)
"""After which the same is asked for again: the run before it did not bring it about."""


@dataclass(frozen=True)
class NeedRecord:
    """What was asked for lately, for one replication: which need of it, when, and how often before."""

    mark: str
    at: str
    times: int = 0


def replication_sensor(config: Config, clock: Clock = utc_now) -> dg.SensorDefinition:
    """Return the sensor that runs replications after their sources were synced. It only looks."""

    @dg.sensor(
        name=AFTER_SOURCE,
        job_name=SYNC,
        minimum_interval_seconds=30,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Runs the replications whose source has something that the destination has not.",
    )
    def look(
        context: dg.SensorEvaluationContext, filesync: FilesyncResource
    ) -> Iterator[dg.RunRequest | dg.SkipReason]:
        from filesync_dagster.replication.due import need_of  # it loads the database's drivers

        now = clock()
        wanted = [one for one in config.active_replications if one.schedule is ReplicationSchedule.AFTER_SOURCE]
        with filesync.open() as opened:
            # First who is at work: what a run has done by then is no need any more.
            names = [one.name for one in wanted]
            busy = in_work(context.instance, opened.replications.status(), names, config, now)
            needs = [need for one in wanted if (need := need_of(opened.runtime, one, now))]
        if not needs:
            yield dg.SkipReason("Every destination has what its source has.")
            return
        known = _parse(context.cursor)
        due = [need for need in needs if need.replication not in busy and _is_due(need, known, now)]
        if not due:
            yield dg.SkipReason("What is lacking is in active runs, or was asked for in vain a while ago.")
            return
        asked = {need.replication: _next(need, known, now) for need in due}
        context.update_cursor(_text({**known, **asked}))
        yield from replication_requests(list(asked), config, now, AFTER_SOURCE, _run_key(asked))

    return look


def _parse(cursor: str | None) -> dict[str, NeedRecord]:
    return {name: NeedRecord(**one) for name, one in json.loads(cursor).items()} if cursor else {}


def _text(requests: Mapping[str, NeedRecord]) -> str:
    return json.dumps({name: asdict(one) for name, one in requests.items()})


def _is_due(need: "Need", known: Mapping[str, NeedRecord], now: datetime) -> bool:
    """Tell whether a need is to be asked for: it is a new one, or was asked for long ago."""
    last = known.get(need.replication)
    return last is None or last.mark != need.mark or now - datetime.fromisoformat(last.at) >= REPEAT_INTERVAL


def _next(need: "Need", known: Mapping[str, NeedRecord], now: datetime) -> NeedRecord:
    last = known.get(need.replication)
    return NeedRecord(need.mark, now.isoformat(), last.times + 1 if last and last.mark == need.mark else 0)


def _run_key(asked: Mapping[str, NeedRecord]) -> str:
    """Return the key of a run: the same for the same needs, whenever they are asked for; another one when repeated."""
    needs = sorted((name, one.mark, one.times) for name, one in asked.items())
    return hashlib.sha256(canonical_json(needs).encode()).hexdigest()[:32]
