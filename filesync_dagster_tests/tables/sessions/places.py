"""A place where generations are worked on, and requests for them."""

import hashlib
import os
import time
from contextlib import contextmanager
from pathlib import Path

from filesync_dagster.config import load_config, read_environment
from filesync_dagster.core.encryption import SecretBox
from filesync_dagster.storage.database.sessions import UNFINISHED
from filesync_dagster.sync.runtime import Runtime
from filesync_dagster.tables.sessions.request import GenerationRequest
from filesync_dagster.tables.sessions.secrets import SessionSecrets
from filesync_dagster.tables.sessions.submit import submit

ENDPOINTS = """
settings:
  tables: {generations_per_hour: 10000, queued_sessions: 100}
endpoints: []
"""
TABLES = [
    {
        "name": "customers",
        "columns": [
            {"name": "id", "data_type": "integer", "is_primary_key": True},
            {"name": "email", "data_type": "varchar(100)", "is_unique": True},
            {"name": "points", "data_type": "integer", "business_rules": "between 0 and 500"},
        ],
    },
    {
        "name": "orders",
        "columns": [
            {"name": "id", "data_type": "integer", "is_primary_key": True},
            {"name": "customer_id", "data_type": "integer", "is_nullable": False},
            {"name": "amount", "data_type": "numeric(10,2)"},
        ],
    },
]
RELATION = {
    "source_table": "customers",
    "source_column": "id",
    "target_table": "orders",
    "target_column": "customer_id",
    "relationship_type": "one_to_many",
}
DESCRIBED = {"tables": TABLES, "relationships": [RELATION]}


def variables_of(folder):
    """Return the environment of a place: nothing but where its state is."""
    return {"FILESYNC_HOME": str(folder / "home"), "PATH": os.environ["PATH"]}


@contextmanager
def place_at(folder, *, key=None, text=ENDPOINTS):
    """Open a place in a folder."""
    file = Path(folder) / "endpoints.yaml"
    file.write_text(text)
    variables = variables_of(folder) | ({"FILESYNC_SECRET_KEY": key} if key else {})
    runtime = Runtime(load_config(read_environment(file, variables)))
    try:
        yield runtime
    finally:
        runtime.close()


def ask(runtime, body=DESCRIBED, **more):
    """Let a generation wait; return its session."""
    request = GenerationRequest.model_validate({**body, **more})
    return submit(runtime, request, SessionSecrets(SecretBox(())), owner="tests")


def wait_for(runtime, session_id, states=None, seconds=240):
    """Return a session once it is in one of some states: those that it ends in, unless others are named."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        record = runtime.metadata.sessions.get(session_id)
        if record.state in (states or ()) or (states is None and record.state not in UNFINISHED):
            return record
        if record.is_finished:
            break
        time.sleep(0.05)
    raise AssertionError(f"{session_id} is {record.state} ({record.error}) after {seconds} seconds at most.")


def files_of(runtime, session_id):
    """Return the names of all files and folders that there are of a session, wherever they are."""
    folders = (Path(runtime.home) / "data" / "sessions" / session_id, Path(runtime.home) / "sessions" / session_id)
    found = [path for folder in folders if folder.exists() for path in (folder, *folder.rglob("*"))]
    return sorted(str(path.relative_to(runtime.home)) for path in found)


def require_whole(runtime, session_id):
    """Fail unless every file that a session names is there, as it was written."""
    files = runtime.metadata.session_files.of(session_id)
    assert {file.kind for file in files} == {"table", "export", "manifest", "report"}
    for file in files:
        assert hashlib.sha256(Path(file.uri).read_bytes()).hexdigest() == file.sha256
