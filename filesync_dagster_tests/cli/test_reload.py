"""What is wrong with an edit, on the command line; and a Dagster that is told to read the file again."""

import json
import threading
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, HTTPServer

import grpc
import pytest
from dagster._grpc.__generated__.dagster_api_pb2 import ListRepositoriesReply, PingReply, ReloadCodeReply
from dagster._grpc.__generated__.dagster_api_pb2_grpc import DagsterApiServicer, add_DagsterApiServicer_to_server
from dagster._grpc.types import ListRepositoriesResponse
from dagster._serdes import serialize_value


class CodeServer(DagsterApiServicer):
    """A code server where all is well, and how often it reloaded; `address` is where."""

    address = ""
    reloads = 0

    def ReloadCode(self, request, context):  # noqa: N802 - gRPC's name
        self.reloads += 1
        return ReloadCodeReply()

    def ListRepositories(self, request, context):  # noqa: N802 - gRPC's name
        text = serialize_value(ListRepositoriesResponse([]))
        return ListRepositoriesReply(serialized_list_repositories_response_or_error=text)

    def Ping(self, request, context):  # noqa: N802 - gRPC's name
        return PingReply(echo=request.echo)


@pytest.fixture
def code_server():
    """Return a code server that answers what Dagster's own client asks."""
    servicer, server = CodeServer(), grpc.server(ThreadPoolExecutor(1))
    add_DagsterApiServicer_to_server(servicer, server)
    servicer.address = f"127.0.0.1:{server.add_insecure_port('127.0.0.1:0')}"
    server.start()
    yield servicer
    server.stop(0)


def test_status_says_what_is_wrong_while_the_old_goes_on(shell):
    """A file that cannot be used is a warning, an entry that cannot be is a note; the rows are those of what runs."""
    assert shell.run("status").exit_code == 0
    good = shell.config.read_text()
    shell.write(shell.endpoint(titel="Documents"))
    result = shell.run("status")
    assert result.exit_code == 0
    assert "docs: what it said before is what runs, for" in result.stdout
    assert "'titel'" in result.stdout
    [row] = shell.json("status", "--json")
    assert (row["endpoint"], row["state"]) == ("docs", "never synced")
    assert "'titel'" in row["misconfigured"]

    shell.config.write_text("endpoints: [")
    result = shell.run("status")
    assert "Warning: " in result.stderr
    assert "this is not YAML" in result.stderr
    assert "docs" in result.stdout
    assert shell.run("sync").exit_code != 0, "who starts a sync by hand wants what the file says"

    shell.config.write_text(good)
    assert shell.json("status", "--json")[0]["misconfigured"] is None


def test_a_code_server_is_told(shell, code_server):
    """Once, and what is wrong with the file is said."""
    shell.write(shell.endpoint(), shell.endpoint("b", typ="x"))
    result = shell.run("reload", "--code-server", code_server.address)
    assert result.exit_code == 0, result.output
    assert code_server.reloads == 1
    assert "'typ'" in result.stderr


def test_a_web_server_is_told(shell):
    """With the name of the code location, the only one if need be; what it refuses is a sentence."""
    asked, there = [], ["company"]

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            name = json.loads(self.rfile.read(int(self.headers["Content-Length"])))["variables"].get("name")
            if name:
                asked.append(name)
                kind = "WorkspaceLocationEntry" if name in there else "RepositoryLocationNotFound"
                data = {"answer": {"__typename": kind, "message": "No such location."}}
            else:
                data = {"workspaceOrError": {"locationEntries": [{"name": one} for one in there]}}
            body = json.dumps({"data": data}).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    url = f"http://127.0.0.1:{server.server_port}"
    assert shell.run("reload", "--dagster-url", url).exit_code == 0
    there.append("another")
    which = shell.run("reload", "--dagster-url", url)
    there.append("filesync")
    assert shell.run("reload", "--dagster-url", url).exit_code == 0
    refused = shell.run("reload", "--dagster-url", url, "--location", "elsewhere")
    server.shutdown()
    server.server_close()
    assert asked == ["company", "filesync", "elsewhere"]
    assert which.exit_code == 1
    assert "--location" in which.stderr
    assert refused.exit_code == 1
    assert "No such location." in refused.stderr


def test_nobody_there_is_a_sentence(shell):
    """It says who did not answer."""
    result = shell.run("reload", "--code-server", "127.0.0.1:9")
    assert result.exit_code == 1
    assert "127.0.0.1:9 did not reload" in result.stderr


def test_watching_tells_of_each_edit(shell, code_server):
    """Dagster reads the file at the beginning and after each edit, until the command is told to stop."""
    with shell.start("reload", "--watch", "--code-server", code_server.address) as process:
        assert "Watching" in process.stdout.readline()
        shell.write(shell.endpoint(), shell.endpoint("photos"))
        assert "added photos" in process.stdout.readline()
        assert code_server.reloads == 2
        process.terminate()
    assert process.returncode == 0
