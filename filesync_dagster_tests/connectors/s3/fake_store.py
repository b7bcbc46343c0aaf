"""A store at the wire: an httpx transport that lists keys as told, with faults."""

from urllib.parse import parse_qsl, quote_plus, unquote_to_bytes

import httpx

from filesync_dagster.connectors.s3 import S3Details
from filesync_dagster.connectors.s3.source import S3Source
from filesync_dagster.core.model import Meter
from filesync_dagster.testing import IMPATIENT

ADDRESS = "https://store.example.com"
ERROR = "<Error><Code>{}</Code><Message>no</Message></Error>"


class FakeStore:
    """Lists keys in order. `fault(number, query, answer)` may replace the answer to the n-th request, from 1."""

    def __init__(self, keys, fault=None, *, page_size=1000):
        self.keys = sorted(key.encode() if isinstance(key, str) else key for key in keys)
        self.fault = fault
        self.page_size = page_size
        self.head_status = None  # of all answers about one object
        self.queries = []
        self.signatures = []

    def source(self, **details):
        """Return a source of this store and its meter."""
        meter = Meter()
        chosen = {"bucket": "eng", "endpoint_url": ADDRESS, "anonymous": True} | details
        return S3Source(S3Details(**chosen), meter, policy=IMPATIENT, wire=httpx.MockTransport(self.answer)), meter

    def answer(self, request):
        query = dict(parse_qsl(request.url.query.decode(), keep_blank_values=True, errors="surrogateescape"))
        if request.method == "HEAD":
            key = unquote_to_bytes(request.url.raw_path.partition(b"/eng/")[2])
            return httpx.Response(self.head_status or (200 if key in self.keys else 404))
        if "max-keys" not in query:
            return httpx.Response(501)  # it knows nothing but listings
        self.queries.append(query)
        self.signatures.append(request.headers.get("Authorization", ""))
        answer = self.listing(query)
        replaced = self.fault and self.fault(len(self.queries), query, answer)
        if isinstance(replaced, Exception):
            raise replaced
        return replaced or httpx.Response(200, text=answer)

    def listing(self, query):
        """Return the answer of a store without faults."""
        after = query.get("start-after", query.get("marker", "")).encode("utf-8", "surrogateescape")
        if "continuation-token" in query:
            after = bytes.fromhex(query["continuation-token"])
        prefix = query.get("prefix", "").encode()
        delimiter = query.get("delimiter", "").encode()
        limit = min(int(query["max-keys"]), self.page_size)
        entries = {}
        for key in self.keys:
            if key.startswith(prefix) and (key > after or not after):
                cut = key.find(delimiter, len(prefix)) if delimiter else -1
                entries.setdefault(key[: cut + 1] if cut >= 0 else key, cut >= 0)
        names = list(entries)
        page = names[:limit]
        rows = "".join(prefix_row(n) if entries[n] else row(n) for n in page)
        more = len(names) > len(page)
        token = f"<NextContinuationToken>{page[-1].hex()}</NextContinuationToken>" if more else ""
        return listing(rows, truncated=more, count=len(page), token=token)


def listing(rows, *, truncated=False, count=None, token=""):
    """Return the XML of a page."""
    number = "" if count is None else f"<KeyCount>{count}</KeyCount>"
    return (
        '<ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><EncodingType>url</EncodingType>'
        f"<IsTruncated>{str(truncated).lower()}</IsTruncated>{number}{token}{rows}</ListBucketResult>"
    )


def row(key, etag="&quot;0cc175b9c0f1b6a831c399e269772661&quot;"):
    """Return the XML of an object."""
    return (
        f"<Contents><Key>{quote_plus(key)}</Key><LastModified>2026-11-01T12:00:00.000Z</LastModified>"
        f"<ETag>{etag}</ETag><Size>1</Size><StorageClass>STANDARD</StorageClass></Contents>"
    )


def prefix_row(prefix):
    """Return the XML of a common prefix."""
    return f"<CommonPrefixes><Prefix>{quote_plus(prefix)}</Prefix></CommonPrefixes>"


def listed_ids(source, checkpoint=None, landmarks=()):
    """Return the ids of a listing, in the order in which they came."""
    return [i for page in source.list("", checkpoint, landmarks) for i in page.batch["external_id"].to_pylist()]
