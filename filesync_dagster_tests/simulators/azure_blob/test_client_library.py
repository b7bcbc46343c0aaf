"""Microsoft's own client drives the simulator."""

import pytest

from filesync_dagster.simulators.azure_blob import AzureBlobSimulator
from filesync_dagster.simulators.kit.faults import Fault
from filesync_dagster.simulators.kit.wire import serve_simulator

NAMES = ["a//b", "a?b#c %25.txt", "control\x01", "x (1)'!&.txt", "é/日本.txt"]


@pytest.fixture(scope="module")
def served():
    """Yield a simulator, and what its address is."""
    simulator = AzureBlobSimulator()
    with serve_simulator(simulator) as url:
        yield simulator, simulator.credentials(url)


@pytest.fixture
def container(served):
    """Yield a client of a container of its own, with some blobs in it."""
    client = client_of(served[1], "made", served[1]["account_key"])
    client.create_container()
    for name in NAMES:
        client.upload_blob(name, f"content of {name}".encode(), metadata={"by": "ada"})
    yield client
    served[0].plan.clear()
    client.delete_container()


def client_of(known, name, key):
    """Return a client of a container."""
    from azure.storage.blob import ContainerClient

    credential = {"account_name": known["account"], "account_key": key}
    return ContainerClient(known["base_url"], name, credential=credential, retry_total=0)


def test_blobs_are_listed_in_pages_and_folders(container):
    """Odd names come as they were given, whatever the size of a page."""
    assert [blob.name for blob in container.list_blobs(results_per_page=2)] == NAMES
    assert [blob.name for blob in container.list_blobs(name_starts_with="a")] == NAMES[:2]
    assert {blob.name for blob in container.walk_blobs()} == {"a/", "é/", *NAMES[1:4]}


def test_a_blob_is_written_read_and_deleted(container):
    """With its facts, in parts, and only if it is still what it was."""
    from azure.core import MatchConditions
    from azure.core.exceptions import ResourceModifiedError

    blob = container.get_blob_client(NAMES[1])
    known = blob.get_blob_properties()
    assert (known.size, known.metadata) == (len(f"content of {NAMES[1]}"), {"by": "ada"})
    assert blob.download_blob(offset=3, length=4).readall() == b"tent"

    blob.upload_blob(b"other", overwrite=True)

    with pytest.raises(ResourceModifiedError):
        blob.download_blob(etag=known.etag, match_condition=MatchConditions.IfNotModified).readall()
    blob.delete_blob()
    assert not blob.exists()


def test_who_has_another_key_is_refused(served):
    """Each request is signed."""
    from azure.core.exceptions import ClientAuthenticationError

    with pytest.raises(ClientAuthenticationError):
        client_of(served[1], "made", "YWJj").create_container()


def test_an_answer_of_the_plan_is_one_of_the_service(served, container):
    """Microsoft's client reads refusals of the plan."""
    from azure.core.exceptions import HttpResponseError

    served[0].plan.add(Fault.THROTTLE)

    with pytest.raises(HttpResponseError) as refused:
        list(container.list_blobs())
    assert (refused.value.status_code, refused.value.error_code) == (503, "ServerBusy")
