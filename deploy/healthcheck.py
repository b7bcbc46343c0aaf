"""Is this container healthy? Exit 0 or 1, whatever its role is; the command that it was started with tells the role.

Needs nothing but what the image has, and imports Dagster only for the daemon, which has no port to ask.
"""

import subprocess
import sys
import urllib.request
from http import HTTPStatus
from pathlib import Path

SECONDS = 50.0


def healthy(
    command: str,
    webserver: str = "http://127.0.0.1:3000",
    code_server: str = "127.0.0.1:4000",
    api: str = "http://127.0.0.1:8080",
) -> bool:
    """Tell whether the role that `command` started does its work. A role without a check counts as healthy."""
    if "dagster-webserver" in command:
        return webserver_answers(f"{webserver}/server_info")
    if "filesync serve" in command:
        return webserver_answers(f"{api}/ready")
    if "dagster code-server" in command:  # `filesync reload --code-server …` is none
        return code_server_serves(code_server)
    if "dagster-daemon" in command:
        return daemon_lives()
    return True


def webserver_answers(url: str) -> bool:
    """Tell whether a web server answers that all is well."""
    try:
        with urllib.request.urlopen(url, timeout=SECONDS) as answer:
            return bool(answer.status == HTTPStatus.OK)
    except OSError:
        return False


def code_server_serves(address: str) -> bool:
    """Tell whether the code server says by the gRPC health protocol that it serves."""
    import grpc
    from grpc_health.v1 import health_pb2, health_pb2_grpc

    with grpc.insecure_channel(address) as channel:
        ask = health_pb2_grpc.HealthStub(channel).Check
        try:
            answer = ask(health_pb2.HealthCheckRequest(service="DagsterApi"), timeout=SECONDS)
        except grpc.RpcError:
            return False
        return bool(answer.status == health_pb2.HealthCheckResponse.SERVING)


def daemon_lives() -> bool:
    """Tell whether every daemon that the instance needs has left a heartbeat lately."""
    try:
        return subprocess.run(["dagster-daemon", "liveness-check"], timeout=SECONDS, check=False).returncode == 0
    except subprocess.TimeoutExpired:
        return False


if __name__ == "__main__":
    sys.exit(not healthy(Path("/proc/1/cmdline").read_text().replace("\0", " ")))
