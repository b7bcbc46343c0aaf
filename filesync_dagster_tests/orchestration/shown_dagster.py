"""Dagster's web server for real, over code locations of several configurations, without a daemon and code servers."""

import json
import threading
import time
import warnings
from contextlib import contextmanager

import uvicorn
from dagster._core.remote_origin import InProcessCodeLocationOrigin
from dagster._core.types.loadable_target_origin import LoadableTargetOrigin
from dagster._core.workspace.context import WorkspaceProcessContext
from dagster._core.workspace.load_target import InProcessWorkspaceLoadTarget
from dagster_webserver.app import create_app_from_workspace_process_context

CODE = """
from pathlib import Path

from filesync_dagster.config import read_environment
from filesync_dagster.orchestration.definitions import definitions_for

folder = Path(__file__).parent
defs = definitions_for(read_environment(folder / "endpoints.yaml", {{"FILESYNC_HOME": str(folder / "home"), **{more}}}))
"""


def write_project(folder, *names, **more):
    """Write a configuration with endpoints of these names, and the code that Dagster loads; return its variables."""
    folder.mkdir(exist_ok=True)
    endpoints = [
        {"name": name, "type": "local", "schedule": "manual", "endpoint_details": {"path": str(folder)}}
        for name in names
    ]
    (folder / "endpoints.yaml").write_text(json.dumps({"endpoints": endpoints}))
    (folder / "code.py").write_text(CODE.format(more=more))
    return {"FILESYNC_HOME": str(folder / "home"), "FILESYNC_CONFIG": str(folder / "endpoints.yaml"), **more}


@contextmanager
def shown_dagster(instance, **folders):
    """Serve the UI of an instance over the projects of these folders, by the names of their code locations."""
    origins = [
        InProcessCodeLocationOrigin(LoadableTargetOrigin(python_file=str(folder / "code.py")), location_name=name)
        for name, folder in folders.items()
    ]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # Dagster's own, of its own properties
        loaded = WorkspaceProcessContext(instance, InProcessWorkspaceLoadTarget(origins))
    with loaded as context:
        app = create_app_from_workspace_process_context(context)
        server = uvicorn.Server(uvicorn.Config(app, port=0, log_level="error", lifespan="off"))
        thread = threading.Thread(target=server.run)
        thread.start()
        try:
            while not server.started:
                time.sleep(0.01)
            yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join()
