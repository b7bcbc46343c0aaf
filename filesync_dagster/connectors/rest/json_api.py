"""Requests to a store that answers JSON objects and is asked with a bearer token."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import httpx
import orjson

from filesync_dagster.connectors.rest.answers import Answer, parse_object
from filesync_dagster.connectors.rest.client import httpx_border
from filesync_dagster.connectors.rest.errors import ErrorTable, error_for
from filesync_dagster.connectors.rest.oauth import AccessToken, AuthorizedCalls, access_token_in
from filesync_dagster.connectors.rest.retry import never

PLAIN_TEXT_MAX = 300  # characters of a refusal in plain text that a message has

RefusalReader: TypeAlias = Callable[[Answer], tuple[str, str]]
"""Returns the code and the message of an error body. What it raises for another shape counts as none."""


@dataclass(frozen=True, slots=True)
class JsonApi:
    """Asks one store. Thread-safe. The kind of a call names its quota and decides what its refusals mean."""

    client: httpx.Client
    calls: AuthorizedCalls
    errors: ErrorTable
    read_refusal: RefusalReader

    def get(
        self,
        url: str,
        where: str,
        *,
        call: str = "",
        params: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        stopped: Callable[[], bool] = never,
    ) -> Answer:
        """Return the answer to a GET; `where` names what is asked for, for messages. Raises SourceError."""
        return self._ask(
            lambda: self.client.get(url, params=params, headers=self._headers(headers)), where, call, stopped
        )

    def post(
        self,
        url: str,
        where: str,
        body: Any,
        *,
        call: str = "",
        headers: Mapping[str, str] | None = None,
        stopped: Callable[[], bool] = never,
    ) -> Answer:
        """Return the answer to a POST of JSON that only asks: it may be repeated. Raises SourceError."""
        return self._ask(lambda: self.client.post(url, json=body, headers=self._headers(headers)), where, call, stopped)

    def _headers(self, headers: Mapping[str, str] | None) -> dict[str, str]:
        return {**self.calls.headers(), **(headers or {})}

    def _ask(self, send: Callable[[], httpx.Response], where: str, call: str, stopped: Callable[[], bool]) -> Answer:
        def once() -> Answer:
            return read_answer(send, where, self.errors, self.read_refusal, call)

        return self.calls(once, quota=call, stopped=stopped)


def fetch_token(
    client: httpx.Client,
    url: str,
    form: Mapping[str, str],
    where: str,
    *,
    errors: ErrorTable,
    read_refusal: RefusalReader,
) -> AccessToken:
    """Return a token that an OAuth service gives for a form: one request, the kind of call `token`."""
    return access_token_in(
        read_answer(lambda: client.post(url, data=dict(form)), where, errors, read_refusal, "token"), where
    )


def read_answer(
    send: Callable[[], httpx.Response], where: str, errors: ErrorTable, read_refusal: RefusalReader, call: str = ""
) -> Answer:
    """Send one request and return the JSON object of its answer. Raises the error that a refusal means."""
    with httpx_border(where):
        answer = send()
    if answer.is_success:
        return parse_object(answer.content, where, errors.unknown_hint)
    code, message, wait = "", _plain_text_of(answer), answer.headers.get("retry-after")
    try:
        body = orjson.loads(answer.content)
        wait = wait or _wait_in(body, errors.wait_at)
        code, message = read_refusal(body)
    except (ValueError, TypeError, KeyError, AttributeError, IndexError):
        pass  # whatever it is, it tells no more
    raise error_for(
        where,
        answer.status_code,
        errors,
        code=code,
        message=message,
        call=call,
        retry_after=wait,
    )


def _plain_text_of(answer: httpx.Response) -> str:
    """Return what a refusal says that is plain text, as some stores send it where a request makes no sense."""
    is_plain = answer.headers.get("content-type", "").startswith("text/plain")
    return " ".join(answer.text[:PLAIN_TEXT_MAX].split()) if is_plain else ""


def _wait_in(body: Any, names: Sequence[str]) -> str | None:
    """Return the seconds that a body says to wait, as the text that a header has; None where it does not say."""
    for name in names:
        body = body.get(name) if isinstance(body, dict) else None
    return str(body) if names and isinstance(body, int) else None
