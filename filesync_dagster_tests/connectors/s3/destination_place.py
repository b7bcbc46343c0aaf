"""A bucket as a place of the destination suite, with a wire on which things go wrong."""

import unicodedata
import uuid

import httpx
from botocore.exceptions import ClientError

from filesync_dagster.connectors.s3 import S3Details
from filesync_dagster.connectors.s3.destination import S3Destination
from filesync_dagster.core.model import from_storable_text, to_storable_text
from filesync_dagster.testing import IMPATIENT, Fault, FaultPlan

REFUSALS = {
    Fault.THROTTLE: (503, "SlowDown"),
    Fault.SERVER_ERROR: (500, "InternalError"),
    Fault.EXPIRE_TOKEN: (400, "ExpiredToken"),
    Fault.DENY: (403, "AccessDenied"),
    Fault.REFUSE: (404, "NoSuchKey"),
    Fault.ERROR_IN_BODY: (200, "InternalError"),
}
ERROR = "<Error><Code>{}</Code><Message>no</Message></Error>"


class FaultyWire(httpx.BaseTransport):
    """The network to a real server, on which a plan's faults happen. `meanwhile` is called before each request."""

    def __init__(self, plan):
        self.plan = plan
        self.requests = []
        self.meanwhile = lambda request: None
        self.changed = lambda request, answer: answer
        # Certificates, which nobody asks for here, would take longer to load than a test to run.
        self._network = httpx.HTTPTransport(verify=False, limits=httpx.Limits(max_connections=64))

    def handle_request(self, request):
        target = request.extensions.get("target", request.url.raw_path).decode()
        self.requests.append(f"{request.method} {target}")
        self.meanwhile(request)
        (*_, rule) = (None, *self.plan.strike(operation_of(request.method, target)))
        fault = rule and rule.fault
        if fault in REFUSALS:
            status, code = REFUSALS[fault]
            return httpx.Response(status, text="" if request.method == "HEAD" else ERROR.format(code))
        if fault is Fault.TIMEOUT:
            raise httpx.ReadTimeout("no answer")
        answer = self._network.handle_request(request)
        answer.read()
        if fault is Fault.DISCONNECT:
            raise httpx.ReadError("the connection broke")
        return self.changed(request, answer)

    def close(self):
        self._network.close()


def operation_of(method, target):
    """Return a name for a request: `put`, `put part`, `post uploads`."""
    query = target.partition("?")[2]
    names = {part.partition("=")[0] for part in query.split("&")}
    word = next((word for word in ("partNumber", "uploadId", "uploads", "delete", "list-type") if word in names), "")
    return f"{method.lower()} {word}".strip()


class S3DestinationPlace:
    """A bucket of one of the test servers, below an optional prefix. Its credentials are those of the environment."""

    kind = "s3"
    faults = frozenset({*REFUSALS, Fault.TIMEOUT, Fault.DISCONNECT})

    def __init__(self, server, odd_names, monkeypatch, **details):
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", server.access_key_id)
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", server.secret_access_key)
        self.server = server
        self.bucket = server.bucket()
        self.client = server.client()
        self.details = {"bucket": self.bucket, "endpoint_url": server.endpoint_url, "region": "us-east-1", **details}
        self.plan = FaultPlan()
        self.tears = server.root is not None  # rclone writes into the file that others read
        prefix = details.get("prefix", "")
        self.prefix = prefix if not prefix or prefix.endswith("/") else f"{prefix}/"
        self.wires = []
        room = 1_024 - len(self.prefix.encode())
        names = [name for name in odd_names if len(name.encode()) <= room]
        if server.root is not None:  # rclone takes two spellings of one letter for the same
            names = [name for name in names if unicodedata.is_normalized("NFC", name)]
        self.odd_names = tuple(to_storable_text(name.encode()) for name in names)

    def open(self, meter):
        self.wires.append(FaultyWire(self.plan))
        return S3Destination(S3Details(**self.details), meter, policy=IMPATIENT, wire=self.wires[-1])

    def open_missing(self, meter):
        details = {**self.details, "bucket": f"missing-{uuid.uuid4().hex}"}
        return S3Destination(S3Details(**details), meter, policy=IMPATIENT)

    def key(self, path):
        return self.prefix + from_storable_text(path).decode()

    def read(self, path):
        try:
            return self.client.get_object(Bucket=self.bucket, Key=self.key(path))["Body"].read()
        except ClientError as error:
            if error.response["Error"]["Code"] == "NoSuchKey":
                return None
            raise

    def paths(self):
        pages = self.client.get_paginator("list_objects_v2").paginate(Bucket=self.bucket, Prefix=self.prefix)
        keys = [found["Key"].removeprefix(self.prefix) for page in pages for found in page.get("Contents", ())]
        return {to_storable_text(key.encode()) for key in keys}

    def put(self, path, content):
        self.client.put_object(Bucket=self.bucket, Key=self.key(path), Body=content)

    def remove(self, path):
        self.client.delete_object(Bucket=self.bucket, Key=self.key(path))

    def uploads(self):
        """Return the keys of the uploads that are not complete."""
        try:
            told = self.client.list_multipart_uploads(Bucket=self.bucket)
        except self.client.exceptions.NoSuchUpload:  # rclone's way to say: none
            return []
        return [found["Key"] for found in told.get("Uploads", ())]
