"""How patient sources are in tests: as often as in life, and nearly without waiting."""

from filesync_dagster.connectors.rest.calls import RetryPolicy

IMPATIENT = RetryPolicy(attempts=4, wait_initial=0.0, wait_max=0.01, retry_after_min=0.0, retry_after_max=0.01)
