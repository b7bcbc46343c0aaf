"""boto3's requests over our own client, so that their answers are bounded as all others are."""

from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import httpx

from filesync_dagster.core.http import BoundedClient, trusted_certificates

if TYPE_CHECKING:
    from botocore.awsrequest import AWSPreparedRequest, AWSResponse


def default_http(*, connect_seconds: float, read_seconds: float) -> BoundedClient:
    """Return a client that trusts whom AWS's own tools trust on this machine."""
    import botocore.session

    bundle = botocore.session.get_session().get_config_variable("ca_bundle")
    return BoundedClient(
        verify=trusted_certificates(bundle), timeout=httpx.Timeout(read_seconds, connect=connect_seconds, pool=None)
    )


def send_through(http: BoundedClient, client: Any) -> None:
    """Let a client of boto3 send over an HTTP client, but for bodies that are streamed, which whoever reads bounds."""

    def send(request: "AWSPreparedRequest", **_: Any) -> "AWSResponse | None":
        body = request.body
        if request.stream_output or not (body is None or isinstance(body, bytes | str)):
            return None  # botocore sends it itself
        return _answer(http, request, body)

    client.meta.events.register("before-send", send)


def _answer(http: BoundedClient, request: "AWSPreparedRequest", body: str | bytes | None) -> "AWSResponse":
    """Return the answer to a request. Raises botocore's errors, as its own transport does."""
    from botocore import exceptions
    from botocore.awsrequest import AWSResponse
    from botocore.compat import HTTPHeaders

    url = request.url
    parts = urlsplit(url)
    # As it was signed: httpx would resolve `..` in a key.
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    try:
        answer = http.request(
            request.method,
            url,
            headers=[(name, _text(value)) for name, value in request.headers.items()],
            content=body,
            extensions={"target": target.encode("ascii")},
        )
    except httpx.ConnectTimeout as exc:
        raise exceptions.ConnectTimeoutError(endpoint_url=url, error=exc) from exc
    except httpx.ConnectError as exc:
        kind = exceptions.SSLError if "SSL" in str(exc) else exceptions.EndpointConnectionError
        raise kind(endpoint_url=url, error=exc) from exc
    except httpx.ProxyError as exc:
        raise exceptions.ProxyConnectionError(proxy_url="of the environment", error=exc) from exc
    except httpx.TimeoutException as exc:
        raise exceptions.ReadTimeoutError(endpoint_url=url, error=exc) from exc
    except httpx.NetworkError as exc:
        raise exceptions.ConnectionClosedError(endpoint_url=url, error=exc) from exc
    except (httpx.HTTPError, httpx.InvalidURL) as exc:
        raise exceptions.HTTPClientError(error=exc) from exc
    headers = HTTPHeaders.from_pairs(answer.headers.multi_items())
    return AWSResponse(url, answer.status_code, headers, _Body(answer.content))


class _Body:
    """A body that was read, in the shape in which botocore reads one."""

    def __init__(self, content: bytes) -> None:
        self._content = content

    def stream(self) -> list[bytes]:
        """Return all of it."""
        return [self._content]


def _text(value: str | bytes) -> str:
    return value.decode("latin-1") if isinstance(value, bytes) else value
