"""A container of the emulator as a place of the destination suite, with a wire on which things go wrong."""

import uuid

import httpx
from azure.core.exceptions import ResourceNotFoundError

from filesync_dagster.connectors.azure_blob import AzureBlobDetails
from filesync_dagster.connectors.azure_blob.destination import AzureBlobDestination
from filesync_dagster.core.model import from_storable_text, to_storable_text
from filesync_dagster.testing import IMPATIENT, Fault, FaultPlan
from filesync_dagster_tests.connectors.azure_blob.fake_service import refusal
from filesync_dagster_tests.connectors.azure_blob.place import BLOB_NAMES

REFUSALS = {
    Fault.THROTTLE: (503, "ServerBusy"),
    Fault.SERVER_ERROR: (500, "InternalError"),
    Fault.DENY: (403, "AuthorizationPermissionMismatch"),
    Fault.REFUSE: (404, "BlobNotFound"),
}


class FaultyWire(httpx.BaseTransport):
    """The network to a real server, on which a plan's faults happen."""

    def __init__(self, plan):
        self.plan = plan
        self._network = httpx.HTTPTransport(verify=False, limits=httpx.Limits(max_connections=64))

    def handle_request(self, request):
        (*_, rule) = (None, *self.plan.strike(request.method.lower()))
        fault = rule and rule.fault
        if fault in REFUSALS:
            return refusal(*REFUSALS[fault])
        if fault is Fault.TIMEOUT:
            raise httpx.ReadTimeout("no answer")
        answer = self._network.handle_request(request)
        answer.read()
        if fault is Fault.DISCONNECT:
            raise httpx.ReadError("the connection broke")
        return answer

    def close(self):
        self._network.close()


class AzureBlobDestinationPlace:
    """A container, below an optional prefix; the vendor's own client looks at it."""

    kind = "azure_blob"
    faults = frozenset({*REFUSALS, Fault.TIMEOUT, Fault.DISCONNECT})

    def __init__(self, server, prefix=""):
        self.server = server
        self.container = server.container()
        self.client = server.client(self.container)
        self.prefix = f"{prefix}/" if prefix else ""
        self.details = server.details(self.container, prefix=prefix)
        self.plan = FaultPlan()
        odd = [
            name
            for name in BLOB_NAMES
            if not any(part in {"", ".", ".."} or part[-1] == "." for part in name.split("/"))
        ]
        self.odd_names = tuple(to_storable_text(name.encode()) for name in odd)

    def open(self, meter):
        wire = FaultyWire(self.plan)
        return AzureBlobDestination(AzureBlobDetails(**self.details), meter, policy=IMPATIENT, wire=wire)

    def open_missing(self, meter):
        details = {**self.details, "container": f"missing-{uuid.uuid4().hex}"}
        return AzureBlobDestination(AzureBlobDetails(**details), meter, policy=IMPATIENT)

    def read(self, path):
        try:
            return self.client.download_blob(self.key(path)).readall()
        except ResourceNotFoundError:
            return None

    def paths(self):
        listed = self.client.list_blob_names(name_starts_with=self.prefix)
        return {to_storable_text(name.removeprefix(self.prefix).encode()) for name in listed}

    def put(self, path, content):
        self.client.upload_blob(self.key(path), content, overwrite=True)

    def remove(self, path):
        self.client.delete_blob(self.key(path))

    def key(self, path):
        return self.prefix + from_storable_text(path).decode()
