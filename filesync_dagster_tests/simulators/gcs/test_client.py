"""Google's own client drives the simulator, and Google's own description judges its answers."""

import json
import warnings
from contextlib import contextmanager
from importlib.resources import files

import httpx
import jsonschema
import pytest

from filesync_dagster.simulators.gcs import GcsSimulator
from filesync_dagster.simulators.gcs.store import BUCKET
from filesync_dagster.simulators.kit.wire import InProcess, serve_simulator


@contextmanager
def served():
    """Yield a simulator and Google's client of it."""
    with warnings.catch_warnings():  # of what would help with gRPC
        warnings.simplefilter("ignore")
        from google.api_core.client_options import ClientOptions
        from google.cloud import storage
        from google.oauth2.credentials import Credentials

    simulator = GcsSimulator()
    with serve_simulator(simulator) as address:
        # A token and no key: with one the client would ask another service of Google's where the account may be used.
        credentials = Credentials(simulator.issuer.mint("simulated-token", "scope")["access_token"])
        client = storage.Client("project", credentials, client_options=ClientOptions(api_endpoint=address))
        try:
            yield simulator, client
        finally:
            client.close()


def test_googles_client_reads_and_writes():
    """Listings, folders, contents, ranges, conditions, copies, metadata, uploads in chunks, soft-deleted objects."""
    with served() as (_, client):
        from google.api_core.exceptions import NotFound, PreconditionFailed

        bucket = client.bucket(BUCKET)
        names = [f"eng/é +%?#&{number:02}/a.txt" for number in range(25)]
        for name in names:
            bucket.blob(name).upload_from_string(name, if_generation_match=0)
        large = bucket.blob("large.bin", chunk_size=1 << 18)
        large.upload_from_string(b"x" * 700_000)

        assert sorted(blob.name for blob in client.list_blobs(bucket, page_size=7)) == sorted([*names, "large.bin"])
        folders = client.list_blobs(bucket, delimiter="/", page_size=3)
        assert [blob.name for blob in folders] == ["large.bin"]
        assert folders.prefixes == {"eng/"}
        blob = bucket.get_blob(names[3])
        assert blob.download_as_bytes() == names[3].encode()
        assert bucket.blob("large.bin").download_as_bytes(start=5, end=9) == b"xxxxx"
        blob.metadata = {"colour": "red"}
        blob.patch()
        assert bucket.get_blob(names[3]).metageneration == 2
        with pytest.raises(PreconditionFailed):
            bucket.blob(names[3]).upload_from_string(b"2", if_generation_match=0)
        copy = bucket.copy_blob(blob, bucket, "copies/b.txt")
        assert (copy.md5_hash, copy.metadata) == (blob.md5_hash, {"colour": "red"})
        blob.delete()
        assert bucket.get_blob(names[3]) is None
        assert [gone.name for gone in client.list_blobs(bucket, soft_deleted=True)] == [names[3]]
        with pytest.raises(NotFound):
            client.get_bucket("missing")


def schema_of(name):
    """Return a schema of Google's description as JSON Schema."""
    text = files("googleapiclient.discovery_cache.documents").joinpath("storage.v1.json").read_text()

    def translated(one):
        if isinstance(one, list):
            return [translated(each) for each in one]
        if not isinstance(one, dict):
            return one
        told = {name: translated(value) for name, value in one.items() if name in KEPT and value != "any"}
        if "$ref" in one:
            return {"$ref": f"#/$defs/{one['$ref']}"}
        if "properties" in told:
            told["properties"] = {key: translated(value) for key, value in one["properties"].items()}
            told["additionalProperties"] = False
        return told

    schemas = {key: translated(value) for key, value in json.loads(text)["schemas"].items()}
    return {"$ref": f"#/$defs/{name}", "$defs": schemas}


KEPT = ("type", "items", "additionalProperties", "properties")


def test_answers_are_as_google_describes_them():
    """Bucket, objects and listings: no field that the description does not have, each of its type."""
    simulator = GcsSimulator()
    store = simulator.store
    store.put("a/b", b"1")
    store.put("c", b"2", metadata={"x": "y"})
    store.compose("d", ["a/b", "c"])
    store.delete("c")
    with httpx.Client(transport=InProcess(simulator), base_url="http://gcs.test") as client:
        token = simulator.issuer.mint("t", "scope")["access_token"]
        client.headers["authorization"] = f"Bearer {token}"
        api = f"/storage/v1/b/{BUCKET}"
        for path, schema in (
            (api, "Bucket"),
            (f"{api}/o?projection=full", "Objects"),
            (f"{api}/o?delimiter=/", "Objects"),
            (f"{api}/o?maxResults=1", "Objects"),
            (f"{api}/o?softDeleted=true", "Objects"),
            (f"{api}/o/a%2Fb", "Object"),
        ):
            document = client.get(path).json()
            jsonschema.validate(document, schema_of(schema))
        refused = client.get(f"{api}/o/none")

    assert refused.status_code == 404
    assert refused.json()["error"]["errors"][0]["reason"] == "notFound"


def test_only_what_is_asked_for_is_told():
    """Without its name in `fields` no token comes: as with Google."""
    simulator = GcsSimulator()
    for number in range(3):
        simulator.store.put(f"k{number}", b"1")
    token = simulator.issuer.mint("t", "scope")["access_token"]
    with httpx.Client(transport=InProcess(simulator), base_url="http://gcs.test") as client:
        client.headers["authorization"] = f"Bearer {token}"
        answer = client.get(f"/storage/v1/b/{BUCKET}/o?maxResults=1&fields=items(name)").json()

    assert answer == {"items": [{"name": "k0"}]}
