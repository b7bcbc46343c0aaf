"""The service at the wire: an httpx transport that lists names as told, with habits and faults."""

from bisect import bisect_left
from urllib.parse import parse_qsl, quote
from xml.sax.saxutils import escape

import httpx

from filesync_dagster.connectors.azure_blob import AzureBlobDetails
from filesync_dagster.connectors.azure_blob.source import AzureBlobSource
from filesync_dagster.core.model import Meter
from filesync_dagster.testing import IMPATIENT

ERROR = "<?xml version='1.0'?><Error><Code>{}</Code><Message>no</Message></Error>"
HABITS = ("as documented", "skips", "ignores", "without case", "refuses", "old", "empty pages")
"""What the service does with `startFrom`: begins there; one later; at the beginning; where the name would be if case
did not matter; answers 400; knows only older versions of the protocol; begins there, with an empty page before each."""


class FakeService:
    """Lists names in order. `fault(number, query)` may replace the answer to the n-th request, from 1."""

    def __init__(self, names, habit="as documented", *, fault=None, page_size=5000, order=None):
        self.names = sorted(names, key=order or (lambda name: name.encode()))
        self.habit = habit
        self.fault = fault
        self.page_size = page_size
        self.queries = []
        self.heads = []
        self.versions = []

    def source(self, **details):
        """Return a source of this service and its meter."""
        meter = Meter()
        chosen = {"container": "eng", "account": "acme", "anonymous": True} | details
        wire = httpx.MockTransport(self.answer)
        return AzureBlobSource(AzureBlobDetails(**chosen), meter, policy=IMPATIENT, wire=wire), meter

    def answer(self, request):
        query = dict(parse_qsl(request.url.query.decode(), keep_blank_values=True))
        if request.method == "HEAD":
            self.heads.append(request.url.path)
            return httpx.Response(404, headers={"x-ms-error-code": "BlobNotFound"})
        self.queries.append(query)
        self.versions.append(request.headers["x-ms-version"])
        if replaced := self.fault and self.fault(len(self.queries), query):
            return replaced
        if self.habit == "old" and request.headers["x-ms-version"] > "2025":
            return refusal(400, "InvalidHeaderValue")
        if self.habit == "refuses" and "startFrom" in query:
            return refusal(400, "OutOfRangeQueryParameterValue")
        return httpx.Response(200, content=self.listing(query).encode())

    def begin(self, query):
        """Return the number of the name that a listing begins with."""
        start = query.get("startFrom")
        if query.get("marker"):
            return int(query["marker"].rstrip("!"))
        if start is None or self.habit == "ignores":
            return 0
        if self.habit == "without case":
            return sum(name.lower() < start.lower() for name in self.names)
        found = bisect_left(self.names, start.encode(), key=lambda name: name.encode())
        return found + (self.habit == "skips")

    def listing(self, query):
        at, limit = self.begin(query), min(int(query["maxresults"]), self.page_size)
        prefix, delimiter = query.get("prefix", ""), query.get("delimiter")
        rest = [(n, name) for n, name in enumerate(self.names) if n >= at and name.startswith(prefix)]
        if delimiter:
            folders = {name[: name.index("/", len(prefix)) + 1] for _, name in rest if "/" in name[len(prefix) :]}
            return listing(
                "".join(f"<BlobPrefix><Name>{escape(f)}</Name></BlobPrefix>" for f in sorted(folders)[:limit])
            )
        if self.habit == "empty pages" and not query.get("marker", "").endswith("!"):
            return listing("", f"{at}!")
        return self.page_of(rest, limit)

    def page_of(self, rest, limit):
        marker = str(rest[limit][0]) if len(rest) > limit else ""
        return listing("".join(blob(name) for _, name in rest[:limit]), marker)


def refusal(status, code, **headers):
    """Return an answer that refuses."""
    return httpx.Response(status, headers={"x-ms-error-code": code, **headers}, text=ERROR.format(code))


def listing(rows, marker=""):
    """Return the XML of a page, with the mark that the service begins it with."""
    return (
        '\ufeff<?xml version="1.0" encoding="utf-8"?><EnumerationResults ServiceEndpoint="https://acme.example/" '
        f'ContainerName="eng"><Blobs>{rows}</Blobs><NextMarker>{marker}</NextMarker></EnumerationResults>'
    )


def blob(name, properties=""):
    """Return the XML of a blob; a name that XML cannot have comes as the service writes it."""
    odd = any(letter in name for letter in "\ufffe\uffff") or any(ord(letter) < 32 for letter in name)
    told = f'<Name Encoded="true">{quote(name, safe="")}</Name>' if odd else f"<Name>{escape(name)}</Name>"
    return (
        f"<Blob>{told}<Properties><Creation-Time>Sun, 01 Nov 2026 12:00:00 GMT</Creation-Time>"
        "<Last-Modified>Sun, 01 Nov 2026 12:00:00 GMT</Last-Modified><Etag>0x8DEADBEEF</Etag>"
        "<Content-Length>1</Content-Length><Content-Type>application/octet-stream</Content-Type>"
        f"<Content-MD5>DMF1ucDxtqgxw5niaXcmYQ==</Content-MD5><BlobType>BlockBlob</BlobType>{properties}</Properties></Blob>"
    )


def listed_ids(source, checkpoint=None, landmarks=()):
    """Return the ids of a listing, in the order in which they came."""
    return [i for page in source.list("", checkpoint, landmarks) for i in page.batch["external_id"].to_pylist()]
