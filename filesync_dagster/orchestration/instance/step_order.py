"""The order of two steps of one run of which one may fail, and the other runs all the same: it has no input of it.

In one process their priorities do it. Other executors run them at the same time, so the later one waits.
"""

import threading

import dagster as dg
from dagster import DagsterEventType

POLL_SECONDS = 2.0
"""Between two looks at the log of the run."""

ENDED = {DagsterEventType.STEP_SUCCESS, DagsterEventType.STEP_FAILURE, DagsterEventType.STEP_SKIPPED}


def wait_for_step(context: dg.AssetExecutionContext, step: str, stop: threading.Event) -> None:
    """Wait until another step of the run has ended, if the run has it. Raises KeyboardInterrupt once it is to stop."""
    run, op = context.run, context.op_execution_context
    is_left_out = run.step_keys_to_execute is not None and step not in run.step_keys_to_execute
    if is_left_out or not op.job_def.graph.has_node_named(step):
        return
    while not _has_ended(context.instance, run.run_id, step):
        if stop.wait(POLL_SECONDS):
            raise KeyboardInterrupt


def _has_ended(instance: dg.DagsterInstance, run_id: str, step: str) -> bool:
    records = instance.get_records_for_run(run_id, of_type=ENDED).records
    return any(record.event_log_entry.step_key == step for record in records)
