"""How the results of many endpoints get into Dagster's event log: as few events as say it, each written once.

Dagster makes three events of the output of an asset, and looks through all outputs of its op for each of them: a
thousand endpoints would take minutes to log what took seconds to do. What is yielded as an event is written as it is.
"""

from collections.abc import Collection, Iterable, Iterator
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import dagster as dg
from dagster._core.definitions.data_version import DATA_VERSION_TAG

if TYPE_CHECKING:
    from dagster._core.storage.asset_check_execution_record import AssetCheckExecutionRecord
    from dagster._core.storage.event_log.sql_event_log import SqlEventLogStorage

Result = dg.MaterializeResult[Any] | dg.AssetMaterialization | dg.AssetCheckResult
"""`AssetMaterialization`: of a partition that is not that of the run."""
Event = dg.MaterializeResult[Any] | dg.AssetMaterialization | dg.AssetCheckEvaluation

REPEAT_INTERVAL = timedelta(days=1)
"""After which a check is reported again though it says the same, so that its history goes on."""


def log_results(context: dg.AssetExecutionContext, results: Iterable[Result]) -> Iterator[Event]:
    """Yield results as events. Only what another asset in the same run waits for must be an output."""
    awaited, partition = _awaited(context), context.partition_key if context.has_partition_key else None
    for result in results:
        if isinstance(result, dg.AssetCheckResult):
            yield evaluation(result)
        elif isinstance(result, dg.AssetMaterialization) or result.asset_key in awaited:
            yield result
        else:
            yield as_event(result, partition)


def _awaited(context: dg.AssetExecutionContext) -> Collection[dg.AssetKey]:
    op = context.op_execution_context
    waiting = op.job_def.dependency_structure.output_to_downstream_inputs_for_node(op.op_handle.name)
    return {op.asset_key_for_output(output.output_name) for output in waiting}


def as_event(result: dg.MaterializeResult[Any], partition: str | None) -> dg.AssetMaterialization:
    """Return the same as an event of a partition, which need not be that of the run."""
    assert result.asset_key is not None
    version = {DATA_VERSION_TAG: result.data_version.value} if result.data_version else {}
    return dg.AssetMaterialization(
        asset_key=result.asset_key,
        metadata=dict(result.metadata or {}),
        partition=partition,
        tags={**version, **(result.tags or {})},
    )


def evaluation(result: dg.AssetCheckResult) -> dg.AssetCheckEvaluation:
    """Return the result of a check as an event. It is about no partition: it tells how an endpoint is now."""
    key = _key(result)
    return dg.AssetCheckEvaluation(
        asset_key=key.asset_key,
        check_name=key.name,
        passed=result.passed,
        metadata=dict(result.metadata or {}),
        severity=result.severity,
        description=result.description,
    )


def unreported_results(
    instance: dg.DagsterInstance, results: Iterable[dg.AssetCheckResult]
) -> Iterator[dg.AssetCheckResult]:
    """Yield the results of checks that Dagster does not show already, and those it was told a day ago.

    The others were found again, now: Dagster takes them as results about what was materialized meanwhile.
    """
    from dagster._core.storage.event_log.sql_event_log import SqlEventLogStorage  # it loads SQLAlchemy

    found, storage = {_key(result): result for result in results}, instance.event_log_storage
    if not isinstance(storage, SqlEventLogStorage):
        yield from found.values()
        return
    shown = storage.get_latest_asset_check_execution_by_key(list(found))
    same = {key: record.id for key, record in shown.items() if _says(record, found[key])}
    _confirm(storage, same.values())
    yield from (result for key, result in found.items() if key not in same)


def _confirm(storage: "SqlEventLogStorage", ids: Collection[int]) -> None:
    """Date results of checks anew. An event for each would say the same again, in thousands of bytes."""
    from dagster._core.storage.event_log.schema import AssetCheckExecutionsTable

    table, now = AssetCheckExecutionsTable, datetime.now(UTC).replace(tzinfo=None)
    if ids:
        with storage.index_connection() as connection:
            connection.execute(table.update().where(table.c.id.in_(ids)).values(create_timestamp=now))


def _says(record: "AssetCheckExecutionRecord", result: dg.AssetCheckResult) -> bool:
    if record.event is None or record.event.dagster_event is None:
        return False
    last = record.event.dagster_event.event_specific_data
    if not isinstance(last, dg.AssetCheckEvaluation):
        return False  # it was planned only: the run that was to tell did not
    age = datetime.now(UTC).timestamp() - record.event.timestamp
    said, new = ((r.passed, r.severity, r.description, dict(r.metadata or {})) for r in (last, evaluation(result)))
    return said == new and age < REPEAT_INTERVAL.total_seconds()


def _key(result: dg.AssetCheckResult) -> dg.AssetCheckKey:
    assert result.asset_key is not None
    assert result.check_name is not None
    return dg.AssetCheckKey(dg.AssetKey.from_coercible(result.asset_key), result.check_name)
