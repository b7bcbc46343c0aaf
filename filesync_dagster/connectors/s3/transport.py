"""Signed GET requests to one bucket over a pooled HTTP client."""

import threading
from collections.abc import Callable, Mapping
from urllib.parse import quote, urlsplit

import httpx

from filesync_dagster.connectors.rest.calls import Calls, RetryPolicy, never, tenant_of
from filesync_dagster.connectors.rest.client import httpx_border, pooled_client
from filesync_dagster.connectors.s3.answers import refusal_of
from filesync_dagster.connectors.s3.credentials import Identity, aws_session
from filesync_dagster.connectors.s3.details import S3Details
from filesync_dagster.connectors.s3.errors import S3Refusal, botocore_border, refusal_error
from filesync_dagster.connectors.s3.quirks import Quirks
from filesync_dagster.core.model import Meter

DEFAULT_REGION = "us-east-1"
AWS_SUFFIXES = {"cn-": "amazonaws.com.cn", "us-iso-": "c2s.ic.gov", "us-isob-": "sc2s.sgov.gov"}
ELSEWHERE = frozenset({301, 307, 400})  # answers that may name the region to ask instead


class Transport:
    """Asks one bucket. Thread-safe. Follows the store to the bucket's region once.

    `calls` makes every call to the store, also those of others on behalf of this bucket.
    """

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
        self._identity = Identity(details)
        self._region = details.region
        self._moved = False
        self._lock = threading.Lock()
        self.calls = Calls(meter, tenant_of(self._identity.tenant), policy, self._identity.renewal)
        self._client = pooled_client(
            (details.endpoint_url or "").startswith("http://"),
            connections=details.list_workers + 2,
            read_timeout=details.read_timeout,
            connect_timeout=details.connect_timeout,
            wire=wire,
            verify_tls=details.verify_tls,
            ca_bundle=details.ca_bundle,
        )

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
        # The query is escaped here, completely, so that what is sent is what was signed.
        asked = "&".join(
            f"{name}={quote(value, safe='-_.~', errors='surrogateescape')}" for name, value in query.items()
        )
        body = None
        while body is None:  # once more, when the bucket turns out to be in another region
            body = self.calls(lambda: self._once(asked), stopped=stopped)
        return body

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

    def _once(self, asked: str) -> bytes | None:
        """Return the body of the answer to one request; None when it is to be asked for in another region."""
        answer = self._fetch(f"{self._bucket_url()}?{asked}")
        if answer.status_code == httpx.codes.OK:
            return answer.content
        refusal = refusal_of(answer.status_code, answer.headers, answer.content)
        if self._moves_to(refusal):
            return None
        raise refusal_error(self.where, refusal)

    def _fetch(self, url: str) -> httpx.Response:
        headers: dict[str, str] = {}
        if self._details.requester_pays:
            headers["x-amz-request-payer"] = "requester"
        if self._details.expected_bucket_owner is not None:
            headers["x-amz-expected-bucket-owner"] = self._details.expected_bucket_owner
        with botocore_border(self.where):
            headers = self._identity.signed_headers(url, self.region, headers)
        with httpx_border(self.where):
            return self._client.get(url, headers=headers)

    def _moves_to(self, refusal: S3Refusal) -> bool:
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
