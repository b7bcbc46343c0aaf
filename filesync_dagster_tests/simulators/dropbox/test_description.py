"""What the simulator answers is what Dropbox's own description (Stone) says of each call, and nothing besides."""

from functools import cache
from pathlib import Path

import httpx
import pytest
from stone.frontend.frontend import specs_to_ir
from stone.ir import data_types as stone

from filesync_dagster.simulators.dropbox import DropboxSimulator
from filesync_dagster.simulators.kit.wire import InProcess

pytestmark = pytest.mark.slow

SPECS = Path(__file__).parents[3].parent / "shared" / "specs" / "dropbox"


@cache
def description():
    """Return the calls of the description by name; skip the test where it is not at hand."""
    if not SPECS.exists():
        pytest.skip("Dropbox's description is not beside this repository")
    api = specs_to_ir([(path.name, path.read_text()) for path in sorted(SPECS.glob("*.stone"))])
    return {
        f"{namespace.name}/{route.name}": route
        for namespace in api.namespaces.values()
        for route in namespace.routes
        if route.version == 1
    }


def judge(kind, value, where="answer"):
    """Fail unless a JSON value is what a type of the description says."""
    kind = unwrap(kind)
    if isinstance(kind, stone.Nullable):
        kind = unwrap(kind.data_type)
    if isinstance(kind, stone.List):
        for number, one in enumerate(value):
            judge(kind.data_type, one, f"{where}[{number}]")
    elif isinstance(kind, stone.Struct):
        judge_struct(kind, value, where)
    elif isinstance(kind, stone.Union):
        fields = {field.name: field for field in kind.all_fields}
        assert value[".tag"] in fields, f"{where} has the tag {value['.tag']}"
    elif not isinstance(kind, stone.Void):
        if isinstance(kind, stone.Timestamp):
            assert len(value) == len("2026-01-05T08:00:00Z"), f"{where} is {value}"
        else:
            kind.check(value)


def judge_struct(kind, value, where):
    """Fail unless an object has the fields of a struct, or of the subtype that its tag names."""
    if kind.has_enumerated_subtypes():
        subtypes = {field.name: field.data_type for field in kind.get_enumerated_subtypes()}
        kind, value = subtypes[value[".tag"]], {name: one for name, one in value.items() if name != ".tag"}
    fields = {field.name: field for field in kind.all_fields}
    assert set(value) <= set(fields), f"{where} has {set(value) - set(fields)}, which {kind.name} has not"
    required = {field.name for field in kind.all_required_fields}
    assert required <= set(value), f"{where} lacks {required - set(value)} of {kind.name}"
    for name, one in value.items():
        judge(fields[name].data_type, one, f"{where}.{name}")


def unwrap(kind):
    """Return what an alias stands for."""
    while isinstance(kind, stone.Alias):
        kind = kind.data_type
    return kind


@pytest.fixture
def ask():
    """Return what asks a Dropbox with something of each kind in it, and judges question and answer."""
    simulator = DropboxSimulator()
    store = simulator.store
    team = store.create("Team", kind="folder")
    store.share_folder(team)
    store.share(team, "bob@example.com")
    for kind in ("file", "paper", "web", "symlink"):
        store.create(f"{kind}.x", team, kind=kind, target="/elsewhere" if kind == "symlink" else None)
    store.create("plain")
    client = httpx.Client(transport=InProcess(simulator), base_url="http://dropbox.example/2")
    client.headers["authorization"] = f"Bearer {simulator.access_token()}"

    def asked(name, argument, status=200):
        route = description()[name]
        if not isinstance(unwrap(route.arg_data_type), stone.Void):
            judge(route.arg_data_type, argument, "argument")
        answer = client.post(f"/{name}", json=argument)
        assert answer.status_code == status
        if status == 200:
            judge(route.result_data_type, answer.json())
        else:
            judge(route.error_data_type, answer.json()["error"], "error")
        return answer.json()

    asked.store = store
    return asked


def test_listings_and_changes(ask):
    """Files, folders and what was deleted, with all that is told of them."""
    how = {"recursive": True, "include_has_explicit_shared_members": True, "limit": 3}
    page = ask("files/list_folder", {"path": "", **how})
    while page["has_more"]:
        page = ask("files/list_folder/continue", {"cursor": page["cursor"]})
    ask.store.delete(ask.store.at("/plain").id)
    assert ask("files/list_folder/continue", {"cursor": page["cursor"]})["entries"][0][".tag"] == "deleted"
    ask("files/list_folder/get_latest_cursor", {"path": "/team", "recursive": True})
    assert not ask("files/list_folder/longpoll", {"cursor": page["cursor"], "timeout": 30}).get("backoff")


def test_single_entries_and_people(ask):
    """Accounts, shared folders, members."""
    ask("files/get_metadata", {"path": "/team/paper.x"})
    ask("users/get_current_account", None)
    [folder] = ask("sharing/list_folders", {"limit": 10})["entries"]
    ask("sharing/list_folder_members", {"shared_folder_id": folder["shared_folder_id"]})
    ask("sharing/list_file_members", {"file": ask.store.at("/team/file.x").id})


@pytest.mark.parametrize(
    ("name", "argument"),
    [
        ("files/list_folder", {"path": "/nothing"}),
        ("files/list_folder", {"path": "/plain"}),
        ("files/get_metadata", {"path": "/nothing"}),
        ("sharing/list_folder_members", {"shared_folder_id": "7"}),
    ],
)
def test_refusals(ask, name, argument):
    """The tags of an error are those of the call."""
    ask(name, argument, 409)
