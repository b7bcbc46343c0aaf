"""Whether the process behind a code server answers: Dagster's own ping, in processes that do not load Dagster.

It is asked every minute as long as Dagster runs. Dagster's client takes a second of a processor to start.
"""

import grpc

METHOD = "/api.DagsterApi/Ping"
"""Of Dagster's gRPC service. The proxy `dagster code-server` hands it to the process behind it."""

PING_TIMEOUT_SECONDS = 30.0
"""That an answer may take."""


def works(address: str) -> bool:
    """Tell whether the process behind a code server (`host:port`, or `unix:` and a path) answers."""
    with grpc.insecure_channel(address) as channel:
        try:
            channel.unary_unary(METHOD)(b"", timeout=PING_TIMEOUT_SECONDS, wait_for_ready=False)
        except grpc.RpcError:
            return False
    return True
