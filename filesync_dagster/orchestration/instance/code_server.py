"""Dagster's client of its code servers, as a command: for processes that do not load Dagster.

`python -m filesync_dagster.orchestration.instance.code_server ADDRESS SECONDS [INSTALLATION]` makes a code server start
anew. What came of it is printed as a line of JSON: `load_error` with a sentence or null, `unreachable` with a sentence,
or `foreign`: it has code, which does not show that it is of the installation. ADDRESS is `host:port`, or `unix:` and
the path of a socket.
"""

import json
import sys
from contextlib import suppress

from dagster._core.errors import DagsterUserCodeUnreachableError
from dagster._core.remote_origin import GrpcServerCodeLocationOrigin, RemoteRepositoryOrigin
from dagster._core.remote_representation.external_data import RepositorySnap
from dagster._grpc.client import DagsterGrpcClient
from dagster._grpc.types import ListRepositoriesResponse
from dagster._serdes import deserialize_value
from dagster_shared.error import SerializableErrorInfo

from filesync_dagster.orchestration.client.locations import FIELD, RESOURCE


def connect(address: str) -> DagsterGrpcClient:
    """Return the client of the code server at an address. Raises ValueError for what is no address."""
    if address.startswith("unix:"):
        return DagsterGrpcClient(socket=address.removeprefix("unix:"))
    host, _, port = address.rpartition(":")
    return DagsterGrpcClient(host=host or "localhost", port=int(port))


def reload(client: DagsterGrpcClient, timeout_seconds: int, installation: str = "") -> dict[str, str | bool | None]:
    """Make a code server start anew, unless it has code of another installation; return what came of it.

    Why it could not load the code is not in the answer to a reload, so it is asked what it loaded. One without code
    has nothing to lose, and is asked afterwards whose it is. Raises DagsterUserCodeUnreachableError.
    """
    with suppress(DagsterUserCodeUnreachableError):  # its process died: that is what a reload is for
        if installation and not _is_of(client, client.list_repositories(), installation):
            return {"foreign": True}
    client.reload_code(timeout=timeout_seconds)
    answer = client.list_repositories()
    if installation and not _is_of(client, answer, installation):
        return {"foreign": True}
    return {"load_error": load_error(answer)}


def _is_of(client: DagsterGrpcClient, answer: str, installation: str) -> bool:
    """Tell whether what a code server loaded shows the id of an installation, or is nothing but an error."""
    loaded = deserialize_value(answer, (ListRepositoriesResponse, SerializableErrorInfo))
    if isinstance(loaded, SerializableErrorInfo):
        return True
    here = GrpcServerCodeLocationOrigin(
        host=client.host or "", port=client.port, socket=client.socket, location_name=RESOURCE
    )
    for name in loaded.repository_code_pointer_dict:
        text = client.external_repository(RemoteRepositoryOrigin(here, name), defer_snapshots=True)
        for resource in deserialize_value(text, RepositorySnap).resources or ():
            shown = resource.configured_values.get(FIELD) if resource.name == RESOURCE else None
            if shown is not None and json.loads(str(shown)) == installation:
                return True
    return False


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


def main(address: str, timeout_seconds: str, installation: str = "") -> None:
    """Do what the command line says, and print what came of it."""
    answer: dict[str, str | bool | None]
    try:
        answer = reload(connect(address), int(timeout_seconds), installation)
    except DagsterUserCodeUnreachableError as error:
        answer = {"unreachable": describe(error)}
    except ValueError:
        answer = {"unreachable": "it is neither HOST:PORT nor unix:PATH"}
    sys.stdout.write(json.dumps(answer) + "\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
