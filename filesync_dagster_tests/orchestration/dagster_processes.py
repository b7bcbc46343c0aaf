"""Dagster for real: code server, web server and daemon over a configuration, driven through GraphQL."""

import socket
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass

import httpx

from filesync_dagster.config import read_environment
from filesync_dagster.orchestration.processes import serve

LAUNCH = """
mutation ($params: ExecutionParams!) {
  launchRun(executionParams: $params) {
    __typename
    ... on LaunchRunSuccess { run { id } }
    ... on PythonError { message }
    ... on RunConfigValidationInvalid { errors { message } }
  }
}
"""
BACKFILL = """
mutation ($params: LaunchBackfillParams!) {
  launchPartitionBackfill(backfillParams: $params) {
    __typename
    ... on LaunchBackfillSuccess { backfillId }
    ... on PythonError { message }
  }
}
"""
BACKFILL_STATUS = """
query ($id: String!) {
  partitionBackfillOrError(backfillId: $id) { ... on PartitionBackfill { status } }
}
"""
RUN_STATUS = "query ($id: ID!) { runOrError(runId: $id) { ... on Run { status } } }"
RUN_LOG = """
query ($id: ID!) {
  logsForRun(runId: $id) {
    ... on EventConnection {
      events {
        ... on MessageEvent { timestamp message }
        ... on ErrorEvent { error { message causes { message } } }
      }
    }
  }
}
"""
PARTITIONS = """
query ($key: AssetKeyInput!) {
  assetNodeOrError(assetKey: $key) {
    ... on AssetNode { partitionStats { numMaterialized numFailed numPartitions } }
  }
}
"""
SELECTOR = {"repositoryName": "__repository__", "repositoryLocationName": "filesync"}


@dataclass(frozen=True)
class Dagster:
    """A running Dagster."""

    url: str

    def graphql(self, query, **variables):
        """Return the data of an answer without errors."""
        answer = httpx.post(f"{self.url}/graphql", json={"query": query, "variables": variables}, timeout=120).json()
        assert "errors" not in answer, answer["errors"]
        return answer["data"]

    def launch(self, day, *paths):
        """Launch one run that materializes a day of some assets; return its id."""
        selector = {
            **SELECTOR,
            "pipelineName": "__ASSET_JOB",
            "assetSelection": [{"path": list(path)} for path in paths],
        }
        params = {"selector": selector, "executionMetadata": {"tags": [{"key": "dagster/partition", "value": day}]}}
        answer = self.graphql(LAUNCH, params=params)["launchRun"]
        assert answer["__typename"] == "LaunchRunSuccess", answer
        return answer["run"]["id"]

    def run_ended(self, run_id, patience=180):
        """Wait for a run; return how it ended. What it logged is printed when that was no success."""
        ended = _until(
            lambda: self.graphql(RUN_STATUS, id=run_id)["runOrError"]["status"],
            {"SUCCESS", "FAILURE", "CANCELED"},
            patience,
        )
        if ended != "SUCCESS":
            for logged in self.graphql(RUN_LOG, id=run_id)["logsForRun"]["events"]:
                print(logged)  # noqa: T201 - pytest shows it when the test fails
        return ended

    def backfill(self, days, *paths):
        """Backfill days of some assets; return its id."""
        params = {"partitionNames": list(days), "assetSelection": [{"path": list(path)} for path in paths]}
        answer = self.graphql(BACKFILL, params=params)["launchPartitionBackfill"]
        assert answer["__typename"] == "LaunchBackfillSuccess", answer
        return answer["backfillId"]

    def backfill_ended(self, backfill_id, patience=400):
        """Wait for a backfill; return how it ended."""
        return _until(
            lambda: self.graphql(BACKFILL_STATUS, id=backfill_id)["partitionBackfillOrError"]["status"],
            {"COMPLETED", "COMPLETED_SUCCESS", "COMPLETED_FAILED", "FAILED", "CANCELED"},
            patience,
        )

    def partitions(self, *path):
        """Return how many partitions of an asset are materialized and failed."""
        return self.graphql(PARTITIONS, key={"path": list(path)})["assetNodeOrError"]["partitionStats"]


def _until(look, ends, patience):
    deadline = time.monotonic() + patience
    while (state := look()) not in ends:
        assert time.monotonic() < deadline, state
        time.sleep(1)
    return state


@contextmanager
def running_dagster(config, variables, tell=lambda sentence: None):
    """Run Dagster for a configuration, as `filesync up` does. `tell` gets what becomes of edits."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    told, ready, failed = threading.Event(), threading.Event(), []

    def work():
        try:
            environment = read_environment(config, variables)
            serve(environment, "127.0.0.1", port, told, on_ready=lambda url: ready.set(), tell=tell)
        except Exception as error:  # noqa: BLE001 - it is raised where the test sees it
            failed.append(error)
            ready.set()

    thread = threading.Thread(target=work)
    thread.start()
    try:
        assert ready.wait(240), "Dagster did not answer"
        assert not failed, failed
        yield Dagster(f"http://127.0.0.1:{port}")
    finally:
        told.set()
        thread.join()
