"""Signed GET requests to one bucket over a pooled HTTP client."""

import ssl
import threading
from collections.abc import Callable, Mapping
from functools import cache
from urllib.parse import quote, urlsplit

import httpx

from filesync_dagster.connectors.retry import RetryPolicy, count, never, retrying
from filesync_dagster.connectors.s3.answers import refusal_of
from filesync_dagster.connectors.s3.credentials import Identity, aws_session
from filesync_dagster.connectors.s3.details import S3Details
from filesync_dagster.connectors.s3.errors import Refusal, botocore_border, httpx_border, refused
from filesync_dagster.connectors.s3.quirks import Quirks
from filesync_dagster.model import Meter

DEFAULT_REGION = "us-east-1"
AWS_SUFFIXES = {"cn-": "amazonaws.com.cn", "us-iso-": "c2s.ic.gov", "us-isob-": "sc2s.sgov.gov"}
ELSEWHERE = frozenset({301, 307, 400})  # answers that may name the region to ask instead


class Transport:
    """Asks one bucket. Thread-safe. Follows the store to the bucket's region once."""

    def __init__(
        self,
        details: S3Details,
        quirks: Quirks,
        meter: Meter,
        policy: RetryPolicy | None = None,
        wire: httpx.BaseTransport | None = None,
    ) -> None:
        self._details = details
        self._quirks = quirks
        self._meter = meter
        self._policy = policy or RetryPolicy()
        self._identity = Identity(details)
        self._region = details.region
        self._moved = False
        self._lock = threading.Lock()
        timeout = httpx.Timeout(details.read_timeout, connect=details.connect_timeout, pool=None)
        limits = httpx.Limits(max_connections=details.list_workers + 2)
        # http addresses need no certificates, and loading them is most of what a client costs.
        secure = not (details.endpoint_url or "").startswith("http://")
        verify = _trust(details.verify_tls, details.ca_bundle) if secure else False
        self._client = httpx.Client(transport=wire, timeout=timeout, limits=limits, verify=verify)

    @property
    def where(self) -> str:
        """The bucket and the address, for messages."""
        return f"Bucket {self._details.bucket} at {self.endpoint_url}"

    @property
    def region(self) -> str:
        """The region that requests are signed for."""
        with self._lock:
            if self._region is None:
                self._region = self._configured_region() or DEFAULT_REGION
            return self._region

    @property
    def endpoint_url(self) -> str:
        """The address of the store, without the bucket."""
        if self._details.endpoint_url is not None:
            return self._details.endpoint_url.rstrip("/")
        region = self.region
        suffix = next((s for start, s in AWS_SUFFIXES.items() if region.startswith(start)), "amazonaws.com")
        return f"https://s3.{region}.{suffix}"

    @property
    def identity(self) -> Identity:
        """Whose requests these are."""
        return self._identity

    def get(self, query: Mapping[str, str], *, stopped: Callable[[], bool] = never) -> bytes:
        """Return the body of the answer to `GET bucket?query`. Repeats what can be repeated; raises SourceError."""
        return retrying(lambda: self._once(query), self._meter, self._policy, stopped=stopped)

    def close(self) -> None:
        """Release the connections."""
        self._client.close()

    @property
    def virtual(self) -> bool:
        """Whether the bucket is part of the host name."""
        style, given = self._details.addressing_style, self._details.endpoint_url
        if style != "auto" or "." in self._details.bucket:  # a certificate for *.host covers no name with dots
            return style == "virtual"
        host = "." + (urlsplit(given or "").hostname or "")
        return self._quirks.virtual_hosts and (given is None or host.endswith(self._quirks.hosts))

    def _bucket_url(self) -> str:
        endpoint, bucket = self.endpoint_url, quote(self._details.bucket, safe="")
        if not self.virtual:
            return f"{endpoint}/{bucket}"
        parts = urlsplit(endpoint)
        return f"{parts.scheme}://{bucket}.{parts.netloc}/"

    def _once(self, query: Mapping[str, str]) -> bytes:
        # The query is escaped here, completely, so that what is sent is what was signed.
        asked = "&".join(
            f"{name}={quote(value, safe='-_.~', errors='surrogateescape')}" for name, value in query.items()
        )
        for _ in range(2):  # the second time in the bucket's own region
            answer = self._fetched(f"{self._bucket_url()}?{asked}")
            if answer.status_code == httpx.codes.OK:
                return answer.content
            refusal = refusal_of(answer.status_code, answer.headers, answer.content)
            if not self._moves_to(refusal):
                break
        raise refused(self.where, refusal)

    def _fetched(self, url: str) -> httpx.Response:
        headers: dict[str, str] = {}
        if self._details.requester_pays:
            headers["x-amz-request-payer"] = "requester"
        if self._details.expected_bucket_owner is not None:
            headers["x-amz-expected-bucket-owner"] = self._details.expected_bucket_owner
        with botocore_border(self.where):
            headers = self._identity.signed_headers(url, self.region, headers)
        count(self._meter, api_calls=1)
        with httpx_border(self.where):
            return self._client.get(url, headers=headers)

    def _moves_to(self, refusal: Refusal) -> bool:
        """Take over the region that the store named, once; say whether to ask again."""
        if refusal.region is None or refusal.status not in ELSEWHERE:
            return False
        asked_in = self.region
        with self._lock:
            if refusal.region == self._region:
                return refusal.region != asked_in  # another thread was told so already
            if self._moved:
                return False
            self._region, self._moved = refusal.region, True
            return True

    def _configured_region(self) -> str | None:
        if self._details.access_key_id is not None or self._details.anonymous:
            return None
        with botocore_border(f"Bucket {self._details.bucket}"):
            region: str | None = aws_session(self._details).get_config_variable("region")
        return region


@cache
def _trust(verify: bool, ca_bundle: str | None) -> ssl.SSLContext | bool:
    """Return what httpx verifies certificates with, made once for all buckets: loading certificates is slow."""
    if not verify:
        return False
    return ssl.create_default_context(cafile=ca_bundle) if ca_bundle else httpx.create_ssl_context()
