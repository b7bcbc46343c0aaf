"""What is wrong with an edit, on the command line; and a Dagster that is told to read the file again."""

import json
import threading
import warnings
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, HTTPServer

import grpc
import pytest
from dagster._core.code_pointer import ModuleCodePointer
from dagster._core.remote_representation.external_data import RepositorySnap
from dagster._grpc.__generated__.dagster_api_pb2 import (
    ExternalRepositoryReply,
    ListRepositoriesReply,
    PingReply,
    ReloadCodeReply,
)
from dagster._grpc.__generated__.dagster_api_pb2_grpc import DagsterApiServicer, add_DagsterApiServicer_to_server
from dagster._grpc.types import ListRepositoriesResponse
from dagster._serdes import serialize_value
from dagster_shared.error import SerializableErrorInfo

from filesync_dagster.cli.reload import WebServer
from filesync_dagster.config import ensure_installation_id, read_environment
from filesync_dagster.orchestration.client.locations import UNREACHABLE
from filesync_dagster.orchestration.definitions import definitions_for


class CodeServer(DagsterApiServicer):
    """A code server with the code of a configuration, and how often it reloaded; `address` is where.

    Without `code` it could not load any.
    """

    address = ""
    reloads = 0
    code = None

    def ReloadCode(self, request, context):  # noqa: N802 - gRPC's name
        self.reloads += 1
        return ReloadCodeReply()

    def ListRepositories(self, request, context):  # noqa: N802 - gRPC's name
        pointers = {"__repository__": ModuleCodePointer("code", "defs")}
        loaded = ListRepositoriesResponse([], repository_code_pointer_dict=pointers)
        answer = loaded if self.code else SerializableErrorInfo("no such module", [], "ImportError")
        return ListRepositoriesReply(serialized_list_repositories_response_or_error=serialize_value(answer))

    def ExternalRepository(self, request, context):  # noqa: N802 - gRPC's name
        return ExternalRepositoryReply(serialized_external_repository_data=self.code)

    def Ping(self, request, context):  # noqa: N802 - gRPC's name
        return PingReply(echo=request.echo)


def code_of(environment):
    """Return the definitions of a configuration as a code server describes them."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # Dagster's own, of its own properties
        repository = definitions_for(environment).get_repository_def()
        return serialize_value(RepositorySnap.from_def(repository, defer_snapshots=True))


@pytest.fixture
def code_server(shell):
    """Return a code server, with our code, that answers what Dagster's own client asks."""
    servicer, server = CodeServer(), grpc.server(ThreadPoolExecutor(1))
    servicer.code = code_of(read_environment(variables=shell.variables))
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


@pytest.mark.slow
def test_a_code_server_is_told(shell, code_server):
    """Once, and what is wrong with the file is said."""
    shell.write(shell.endpoint(), shell.endpoint("b", typ="x"))
    result = shell.run("reload", "--code-server", code_server.address)
    assert result.exit_code == 0, result.output
    assert code_server.reloads == 1
    assert "'typ'" in result.stderr


def test_a_code_server_of_another_configuration_is_not_told(shell, code_server, tmp_path):
    """One with other code is left as it is; one without code has nothing to lose, and is asked again afterwards."""
    other = read_environment(tmp_path / "other.yaml", {"FILESYNC_HOME": str(tmp_path / "other")})
    code_server.code = code_of(other)
    foreign = shell.run("reload", "--code-server", code_server.address)
    assert foreign.exit_code == 1
    assert f"The code server at {code_server.address} does not run this configuration." in foreign.stderr
    assert code_server.reloads == 0

    code_server.code = None
    broken = shell.run("reload", "--code-server", code_server.address)
    assert "cannot load it: no such module" in broken.stderr
    assert code_server.reloads == 1


@pytest.mark.parametrize("name", ["company", "filesync"])
def test_a_web_server_is_told(shell, tmp_path, name):
    """Whatever the name of the code location; what it cannot do is a sentence."""
    reloaded, broken = [], []
    here = ensure_installation_id(read_environment(variables=shell.variables))

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))["variables"].get("name")
            if asked:
                reloaded.append(asked)
                data = {"answer": {"__typename": "WorkspaceLocationEntry"}}
            else:
                shown = {"name": "filesync", "configuredValues": [{"key": "installation", "value": json.dumps(here)}]}
                ours = {"repositories": [{"allTopLevelResourceDetails": [shown]}]}
                entries = [
                    {"name": name, "locationOrLoadError": {"className": broken[0]} if broken else ours},
                    {"name": "theirs", "locationOrLoadError": {"repositories": []}},
                ]
                data = {"workspaceOrError": {"locationEntries": entries}}
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
    theirs = shell.run("reload", "--dagster-url", url, "--location", "theirs")
    nowhere = shell.run("reload", "--dagster-url", url, "--location", "elsewhere")
    watched = WebServer(read_environment(variables=shell.variables), url, None)
    watched.reload()
    broken.append(UNREACHABLE)
    assert not watched.reaches()
    watched.reload()  # it has proved whose it is before its process died
    watched.close()
    unknown = shell.run("reload", "--dagster-url", url)
    server.shutdown()
    server.server_close()
    assert reloaded == [name] * 3
    assert [theirs.exit_code, nowhere.exit_code, unknown.exit_code] == [1, 1, 1]
    assert "does not run this configuration" in theirs.stderr
    assert "has no code location 'elsewhere'" in nowhere.stderr
    assert "does not load" in unknown.stderr


@pytest.mark.slow
def test_nobody_there_is_a_sentence(shell):
    """It says who did not answer."""
    result = shell.run("reload", "--code-server", "127.0.0.1:9")
    assert result.exit_code == 1
    assert "127.0.0.1:9 did not reload" in result.stderr


@pytest.mark.slow
def test_watching_tells_of_each_edit(shell, code_server):
    """Dagster reads the file at the beginning and after each edit, until the command is told to stop."""
    with shell.start("reload", "--watch", "--code-server", code_server.address) as process:
        assert "Watching" in process.stdout.readline()
        shell.write(shell.endpoint(), shell.endpoint("photos"))
        assert "added photos" in process.stdout.readline()
        assert code_server.reloads >= 2  # more, where its server was too busy to answer a ping
        process.terminate()
    assert process.returncode == 0
