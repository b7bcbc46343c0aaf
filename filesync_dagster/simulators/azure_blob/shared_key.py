"""Who asks: requests are signed with the key of the account, as Microsoft's "Authorize with Shared Key" has it."""

import hmac
from base64 import b64decode, b64encode
from collections import defaultdict
from collections.abc import Iterator
from email.utils import parsedate_to_datetime
from hashlib import sha256
from urllib.parse import quote

from filesync_dagster.simulators.kit.refusals import Refusal
from filesync_dagster.simulators.kit.wire import Request

ACCOUNT = "simulated"
ACCOUNT_KEY = b64encode(b"simulated key, which opens nothing but a simulator").decode()
SKEW_SECONDS = 15 * 60.0
STANDARD = (
    "content-encoding", "content-language", "content-length", "content-md5", "content-type", "date",
    "if-modified-since", "if-match", "if-none-match", "if-unmodified-since", "range",
)  # fmt: skip
UNESCAPED = ("/", "/!$&'()*+,;=:@")
"""What clients leave as it is in a path, besides letters, digits and `-_.~`."""
WRONG = "Server failed to authenticate the request. Make sure the value of Authorization header is formed correctly."


def require_signature(request: Request, now: float) -> None:
    """Raise Refusal unless a request is signed with the key of the account, and of now."""
    given = request.headers.get("authorization", "")
    if not given:
        raise Refusal(401, "NoAuthenticationInformation", WRONG)
    try:
        sent = parsedate_to_datetime(request.headers.get("x-ms-date") or request.headers.get("date", ""))
    except ValueError:
        raise Refusal(403, "AuthenticationFailed", f"{WRONG} The date header is missing.") from None
    if abs(sent.timestamp() - now) > SKEW_SECONDS:
        raise Refusal(403, "AuthenticationFailed", f"{WRONG} Request date header too old.")
    if not any(hmac.compare_digest(given, f"SharedKey {ACCOUNT}:{one}") for one in _signatures(request)):
        raise Refusal(403, "AuthenticationFailed", WRONG)


def _signatures(request: Request) -> Iterator[str]:
    for unescaped in UNESCAPED:
        text = "\n".join(
            [request.method, *_standard(request), *_own(request), _resource(request, quote(request.path, unescaped))]
        )
        yield b64encode(hmac.new(b64decode(ACCOUNT_KEY), text.encode(), sha256).digest()).decode()


def _standard(request: Request) -> Iterator[str]:
    for name in STANDARD:
        value = request.headers.get(name, "")
        # An empty body has no length here, and a date of its own makes that of x-ms-date.
        silent = (name == "content-length" and value == "0") or (name == "date" and "x-ms-date" in request.headers)
        yield "" if silent else value


def _own(request: Request) -> Iterator[str]:
    for name in sorted(name for name in request.headers if name.startswith("x-ms-")):
        yield f"{name}:{' '.join(request.headers[name].split())}"


def _resource(request: Request, path: str) -> str:
    values: dict[str, list[str]] = defaultdict(list)
    for name, value in request.query:
        values[name.lower()].append(value)
    asked = (f"{name}:{','.join(sorted(found))}" for name, found in sorted(values.items()))
    return "\n".join([f"/{ACCOUNT}{path}", *asked])
