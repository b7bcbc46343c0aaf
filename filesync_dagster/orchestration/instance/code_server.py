"""Dagster's client of its code servers, as a command: for processes that do not load Dagster.

`python -m filesync_dagster.orchestration.instance.code_server ADDRESS SECONDS` makes a code server start anew. What
came of it is printed as a line of JSON: `load_error` with a sentence or null, or `unreachable` with a sentence. ADDRESS
is `host:port`, or `unix:` and the path of a socket.
"""

import json
import sys

from dagster._core.errors import DagsterUserCodeUnreachableError
from dagster._grpc.client import DagsterGrpcClient
from dagster._grpc.types import ListRepositoriesResponse
from dagster._serdes import deserialize_value
from dagster_shared.error import SerializableErrorInfo


def connect(address: str) -> DagsterGrpcClient:
    """Return the client of the code server at an address. Raises ValueError for what is no address."""
    if address.startswith("unix:"):
        return DagsterGrpcClient(socket=address.removeprefix("unix:"))
    host, _, port = address.rpartition(":")
    return DagsterGrpcClient(host=host or "localhost", port=int(port))


def reload(client: DagsterGrpcClient, timeout_seconds: int) -> str | None:
    """Make a code server start anew; return why it could not load the code, or None.

    That is not in the answer to a reload, so it is asked what it loaded. Raises DagsterUserCodeUnreachableError.
    """
    client.reload_code(timeout=timeout_seconds)
    return load_error(client.list_repositories())


def load_error(answer: str) -> str | None:
    """Return the innermost reason why a code server could not load its code, from what it says it loaded."""
    error = deserialize_value(answer, (ListRepositoriesResponse, SerializableErrorInfo))
    if isinstance(error, ListRepositoriesResponse):
        return None
    while error.cause:
        error = error.cause
    return " ".join(error.message.split())[:500]


def describe(error: DagsterUserCodeUnreachableError) -> str:
    """Return why a code server did not answer, in gRPC's own words where it has some."""
    details = getattr(error.__cause__, "details", None)
    return (details() if details else "") or str(error)


def main(address: str, timeout_seconds: str) -> None:
    """Do what the command line says, and print what came of it."""
    answer: dict[str, str | None]
    try:
        answer = {"load_error": reload(connect(address), int(timeout_seconds))}
    except DagsterUserCodeUnreachableError as error:
        answer = {"unreachable": describe(error)}
    except ValueError:
        answer = {"unreachable": "it is neither HOST:PORT nor unix:PATH"}
    sys.stdout.write(json.dumps(answer) + "\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
