"""The border that no secret in use crosses: texts for people, logs and tables pass `redact`, which masks them.

Whoever reads or fetches a secret notes it here. It is found in each form in which a foreign library or store may quote
it: as it is, escaped for an address, JSON, XML or Python, in Base64 (alone or within more), and line by line.
"""

import base64
import json
import threading
from collections import deque
from collections.abc import Iterable, Iterator
from contextlib import suppress
from html import escape
from urllib.parse import quote, quote_plus, unquote, urlsplit

MASK = "***"

SECRET_MIN_LETTERS = 6
"""Anything shorter is a word like any other, and would be masked in every sentence."""

DEFAULTS = frozenset(
    {"changeme", "dagster", "filesync", "minioadmin", "password", "postgres", "rabbitmq", "secret", "token", "rootroot"}
)
"""Passwords that are no secrets, but words of every other sentence."""

SECRETS_MAX_COUNT = 20_000
"""Secrets that are kept; the oldest go first. Tokens are minted for as long as a process lives."""

WORD_LETTERS = 20
"""A line that is no longer is no part of a key."""

SECRET_KEYS = ("private_key", "private_key_id", "client_secret", "refresh_token")
"""What is secret in a key file."""

TEXT_MAX_LETTERS = 2_000
"""Of what is stored or told about one error. What a store sends can be any size."""

_lock = threading.Lock()
_noted: dict[str, None] = {}  # secrets whose forms are known, in the order in which they were noted
_pending: deque[str] = deque()  # those whose forms nobody needed yet
_by_start: dict[str, list[str]] = {}  # forms by their first letters, longest first


def note_secret(text: str | None) -> None:
    """Let no text that is told show this from now on."""
    if text and len(text.strip()) >= SECRET_MIN_LETTERS and text not in _noted:
        _pending.append(text)


def forget_secrets() -> None:
    """Forget all of them, as a new process does."""
    with _lock:
        _pending.clear()
        _noted.clear()
        _by_start.clear()


def note_secrets(texts: Iterable[str | None]) -> None:
    """Note several."""
    for text in texts:
        note_secret(text)


def redact(text: str) -> str:
    """Return a text with every secret that is known in it masked."""
    if _pending:
        _take_pending()
    if not _by_start:
        return text
    found, at, after = [], 0, 0
    while at <= len(text) - SECRET_MIN_LETTERS:
        forms = _by_start.get(text[at : at + SECRET_MIN_LETTERS], ())
        hit = next((form for form in forms if text.startswith(form, at)), None)
        if hit is None:
            at += 1
            continue
        found += [text[after:at], MASK]
        at = after = at + len(hit)
    return "".join([*found, text[after:]]) if found else text


def to_told(text: str, most: int = TEXT_MAX_LETTERS) -> str:
    """Return a text as it may be told and stored: without secrets, and not longer than anybody reads."""
    safe = redact(text)
    if len(safe) <= most:
        return safe
    return f"{safe[: most - 40]}… ({len(safe):,} characters in all)"


def _take_pending() -> None:
    with _lock:
        while _pending:
            text = _pending.popleft()
            if text not in _noted:
                _noted[text] = None
                for form in _forms_of(text):
                    _add(form)
        while len(_noted) > SECRETS_MAX_COUNT:
            oldest = next(iter(_noted))
            del _noted[oldest]
            for form in _forms_of(oldest):
                _remove(form)


def _add(form: str) -> None:
    start = form[:SECRET_MIN_LETTERS]
    others = _by_start.get(start, [])
    if len(form) >= SECRET_MIN_LETTERS and form not in others and form.lower() not in DEFAULTS:
        # A new list: readers go without the lock.
        _by_start[start] = sorted([*others, form], key=len, reverse=True)


def _remove(form: str) -> None:
    start = form[:SECRET_MIN_LETTERS]
    _by_start[start] = [other for other in _by_start.get(start, ()) if other != form]


def _forms_of(text: str) -> Iterator[str]:
    """Yield a secret in every form in which it may be quoted."""
    for part in dict.fromkeys([text, text.strip(), unquote(text), *_parts(text)]):
        yield part
        yield from (quote(part, safe=""), quote(part), quote_plus(part), quote(part, safe="").lower())
        yield from (json.dumps(part)[1:-1], json.dumps(part, ensure_ascii=False)[1:-1])
        yield from (repr(part)[1:-1], repr(part.encode("utf-8", "surrogatepass"))[2:-1])
        yield from (escape(part), escape(part, quote=False))
        yield from _base64_of(part)


def _parts(text: str) -> Iterator[str]:
    """Yield what is secret of more than a word: an address with a password, a PEM block, a key file as JSON."""
    if "://" in text:
        with suppress(ValueError):
            yield unquote(urlsplit(text).password or "")
    if "\n" in text:
        yield from (line.strip() for line in text.splitlines() if len(line) > WORD_LETTERS and "-----" not in line)
    if text.lstrip().startswith("{"):
        for value in _values_in(text):
            yield value
            yield from _parts(value)


def _values_in(text: str) -> list[str]:
    try:
        values = json.loads(text)
        return [values[name] for name in SECRET_KEYS if isinstance(values.get(name), str)]
    except (ValueError, AttributeError, RecursionError):
        return []


def _base64_of(text: str) -> Iterator[str]:
    """Yield Base64 of a text wherever it begins in what is encoded; what depends on its neighbours is left out."""
    data = text.encode("utf-8", "surrogatepass")
    for shift in range(3):
        encoded = base64.b64encode(bytes(shift) + data).decode()
        first = -(-shift * 8 // 6)
        last = (shift + len(data)) * 8 // 6
        whole = encoded[first:last]
        if len(whole) > SECRET_MIN_LETTERS:
            yield whole
            yield whole.replace("+", "-").replace("/", "_")
            yield quote(whole, safe="")
