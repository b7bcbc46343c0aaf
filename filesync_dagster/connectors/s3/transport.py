"""Signed requests to one bucket over a pooled HTTP client, and whose they are."""

import threading
from collections.abc import Callable, Mapping
from hashlib import sha256
from typing import TypeVar
from urllib.parse import quote, urlsplit

import botocore.session
import httpx
from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials, ReadOnlyCredentials
from pydantic import SecretStr

from filesync_dagster.connectors.aws.credentials import aws_session
from filesync_dagster.connectors.aws.errors import AwsRefusal, botocore_border, refusal_error
from filesync_dagster.connectors.rest.calls import Calls, RetryPolicy, never, tenant_of
from filesync_dagster.connectors.rest.client import httpx_border, pooled_client
from filesync_dagster.connectors.rest.errors import ErrorTable
from filesync_dagster.connectors.s3.answers import TABLE, refusal_of
from filesync_dagster.connectors.s3.details import S3Details
from filesync_dagster.connectors.s3.quirks import Quirks
from filesync_dagster.connectors.s3.signature import UNSIGNED, SignedRequest, Signer
from filesync_dagster.core.downloads import Download, Downloader
from filesync_dagster.core.errors import AuthenticationFailed
from filesync_dagster.core.http import BoundedClient
from filesync_dagster.core.model import Meter
from filesync_dagster.core.redaction import note_secrets

DEFAULT_REGION = "us-east-1"
AWS_SUFFIXES = {"cn-": "amazonaws.com.cn", "us-iso-": "c2s.ic.gov", "us-isob-": "sc2s.sgov.gov"}
ELSEWHERE = frozenset({301, 307, 400})  # answers that may name the region to ask instead
SAFE = "-_.~"
ANSWERED = frozenset({200, 206})
TOLD_BY_STATUS = {200: True, 404: False}

Result = TypeVar("Result")


def session_of(details: S3Details) -> botocore.session.Session:
    """Return the AWS session that the details choose."""
    return aws_session(details.profile, use_instance_metadata=details.use_instance_metadata)


class Identity:
    """Signs requests. Credentials are looked up at the first one, and refreshed when they expire."""

    def __init__(self, details: S3Details) -> None:
        self._details = details
        self._lock = threading.Lock()
        self._found: Credentials | None = None
        self._signer = Signer()

    def freeze(self) -> ReadOnlyCredentials:
        """Return the credentials to use now. Raises AuthenticationFailed when there are none."""
        with self._lock:
            if self._found is None:
                self._found = self._looked_up()
            found = self._found
        frozen = found.get_frozen_credentials()
        note_secrets((frozen.secret_key, frozen.token))
        return frozen

    @property
    def tenant(self) -> str:
        """Who asks where, hashed: what the store counts calls by, as far as can be told from here."""
        details = self._details
        who = _open(details.access_key_id) or (details.profile or "", details.anonymous)
        return sha256(repr(("s3", details.endpoint_url, who)).encode()).hexdigest()

    @property
    def renewal(self) -> Callable[[], None] | None:
        """What finds credentials anew after a refusal; None where that would find the same ones."""
        fixed = self._details.anonymous or self._details.access_key_id is not None
        return None if fixed else self._forget

    def _forget(self) -> None:
        with self._lock:
            self._found = None

    def signed_headers(self, method: str, url: str, region: str, headers: dict[str, str]) -> dict[str, str]:
        """Return `headers` plus those that sign a request for `url`; unchanged for anonymous access."""
        if self._details.anonymous:
            return headers
        request = AWSRequest(method, url, headers=headers)
        S3SigV4Auth(self.freeze(), "s3", region).add_auth(request)
        return dict(request.headers.items())

    def sign(self, request: SignedRequest, region: str) -> tuple[str, dict[str, str]]:
        """Return the address and the headers of a request, signed unless access is anonymous; see `signature`."""
        asked = f"{request.url}?{request.query}" if request.query else request.url
        if self._details.anonymous:
            return asked, dict(request.headers)
        return asked, {**request.headers, **self._signer.headers(request, self.freeze(), region)}

    def _looked_up(self) -> Credentials:
        details = self._details
        if details.access_key_id is not None:
            return Credentials(
                _open(details.access_key_id) or "",
                _open(details.secret_access_key) or "",
                _open(details.session_token),
                method="endpoints.yaml",
            )
        found = session_of(details).get_credentials()
        if found is None:
            raise AuthenticationFailed(
                f"No credentials were found for bucket {details.bucket}.",
                hint="Give access_key_id and secret_access_key, a profile, or anonymous: true.",
            )
        return found


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
        self._client = pooled_client(details, connections=details.list_workers + 2, wire=wire)
        self.downloads = Downloader(self._client)

    @property
    def bucket(self) -> str:
        """The name of the bucket."""
        return self._details.bucket

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
        return self.read(query, lambda body: body, stopped=stopped)

    def read(
        self, query: Mapping[str, str], parse: Callable[[bytes], Result], *, stopped: Callable[[], bool] = never
    ) -> Result:
        """Return what `parse` makes of the answer to `GET bucket?query`; an answer that it refuses is asked for again.

        Repeats what can be repeated; raises SourceError.
        """
        # The query is escaped here, completely, so that what is sent is what was signed.
        asked = "&".join(f"{name}={quote(value, safe=SAFE, errors='surrogateescape')}" for name, value in query.items())
        found: list[Result] = []
        while not found:  # once more, when the bucket turns out to be in another region
            found = self.calls(lambda: [parse(body) for body in self._once(asked)], stopped=stopped)
        return found[0]

    def download(self, key: bytes, query: str, headers: Mapping[str, str], table: ErrorTable, where: str) -> Download:
        """Return the answer to one GET of an object when it is 200 or 206.

        Raises SourceError by `table`, and httpx's errors. `where` names the object.
        """
        while True:  # once more, when the bucket turns out to be in another region
            request = SignedRequest("GET", self.url_of(key), query, self._common_headers())
            with botocore_border(self.where, TABLE):
                url, signed = self._identity.sign(request, self.region)
            answer = self.downloads.get(url, {**signed, **headers})
            if answer.status in ANSWERED:
                return answer
            try:
                refusal = refusal_of(answer.status, answer.headers, answer.refusal())
            finally:
                answer.close()
            if not self.moves_to(refusal):
                raise refusal_error(where, refusal, table)

    def head(self, key: bytes, query: str, table: ErrorTable, where: str) -> Mapping[str, str]:
        """Return what the store tells of an object. Repeats what can be repeated; raises SourceError by `table`."""
        url = self.url_of(key) + (f"?{query}" if query else "")

        def once() -> Mapping[str, str]:
            answer = self._fetch("HEAD", url)
            if not answer.is_success:
                raise refusal_error(where, refusal_of(answer.status_code, answer.headers, b""), table)
            return answer.headers

        return self.calls(once)

    def url_of(self, key: bytes) -> str:
        """Return the address of an object."""
        return f"{self.bucket_url.rstrip('/')}/{quote(key, safe=SAFE + '/')}"

    def has(self, key: bytes, *, stopped: Callable[[], bool] = never) -> bool | None:
        """Say whether there is an object, asked for it by itself; None where the store does not tell."""
        if any(part in {b".", b".."} for part in key.split(b"/")):
            return None  # addresses know these steps: the request would be for another object
        url = self.url_of(key)
        return TOLD_BY_STATUS.get(self.calls(lambda: self._head(url), stopped=stopped))

    @property
    def http(self) -> BoundedClient:
        """What sends the requests."""
        return self._client

    def close(self) -> None:
        """Release the connections."""
        self.downloads.close()
        self._client.close()

    @property
    def virtual(self) -> bool:
        """Whether the bucket is part of the host name."""
        style, given = self._details.addressing_style, self._details.endpoint_url
        if style != "auto" or "." in self._details.bucket:  # a certificate for *.host covers no name with dots
            return style == "virtual"
        host = "." + (urlsplit(given or "").hostname or "")
        return self._quirks.virtual_hosts and (given is None or host.endswith(self._quirks.hosts))

    @property
    def bucket_url(self) -> str:
        """The address of the bucket."""
        endpoint, bucket = self.endpoint_url, quote(self._details.bucket, safe="")
        if not self.virtual:
            return f"{endpoint}/{bucket}"
        parts = urlsplit(endpoint)
        return f"{parts.scheme}://{bucket}.{parts.netloc}{parts.path}/"

    def _once(self, asked: str) -> list[bytes]:
        """Return the body of the answer to one request; none when it is to be asked for in another region."""
        answer = self._fetch("GET", f"{self.bucket_url}?{asked}")
        if answer.status_code == httpx.codes.OK:
            return [answer.content]
        refusal = refusal_of(answer.status_code, answer.headers, answer.content)
        if self.moves_to(refusal):
            return []
        raise refusal_error(self.where, refusal, TABLE)

    def _head(self, url: str) -> int:
        """Return the status of an answer about one object. Raises what may pass."""
        answer = self._fetch("HEAD", url)
        error = refusal_error(self.where, refusal_of(answer.status_code, answer.headers, b""), TABLE)
        if error.retryable and not answer.is_success and answer.status_code != httpx.codes.NOT_IMPLEMENTED:
            raise error
        return answer.status_code

    def _fetch(self, method: str, url: str) -> httpx.Response:
        with botocore_border(self.where, TABLE):
            headers = self._identity.signed_headers(method, url, self.region, self._common_headers())
        with httpx_border(self.where):
            return self._client.request(method, url, headers=headers, extensions={"target": _target_of(url)})

    def send(
        self,
        method: str,
        key: bytes,
        query: str,
        headers: Mapping[str, str],
        body: bytes,
        *,
        seconds: float | None = None,
    ) -> httpx.Response:
        """Return the answer to one signed request about an object; about the bucket for an empty key.

        `seconds`: how long the answer is waited for, when not as long as for any other. Raises SourceError when there
        is none.
        """
        # What is sent in the clear is signed, so that nobody changes it; TLS sees to that by itself.
        url = self.url_of(key)
        payload = UNSIGNED if url.startswith("https:") else sha256(body).hexdigest()
        request = SignedRequest(method, url, query, {**self._common_headers(), **headers}, payload)
        with botocore_border(self.where, TABLE):
            url, signed = self._identity.sign(request, self.region)
        with httpx_border(self.where):
            return self._client.request(
                method,
                url,
                content=body or None,
                headers=signed,
                timeout=httpx.Timeout(
                    seconds or self._details.read_timeout, connect=self._details.connect_timeout, pool=None
                ),
                extensions={"target": _target_of(url)},
            )

    def _common_headers(self) -> dict[str, str]:
        headers: dict[str, str] = {}
        if self._details.requester_pays:
            headers["x-amz-request-payer"] = "requester"
        if self._details.expected_bucket_owner is not None:
            headers["x-amz-expected-bucket-owner"] = self._details.expected_bucket_owner
        return headers

    def moves_to(self, refusal: AwsRefusal) -> bool:
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
        with botocore_border(f"Bucket {self._details.bucket}", TABLE):
            region: str | None = session_of(self._details).get_config_variable("region")
        return region


def _target_of(url: str) -> bytes:
    """Return what is asked for as it was signed: httpx would resolve `..` in a key."""
    return url[url.index("/", len("https://")) :].encode("ascii")


def _open(secret: SecretStr | None) -> str | None:
    return None if secret is None else secret.get_secret_value()
