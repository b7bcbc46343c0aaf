"""Log events: a name and fields (`sync.finished endpoint=…`), never prose, never a secret in use. No business logic.

Events go through the standard logger `filesync_dagster`, so that an application that embeds filesync (Dagster among
them) decides where they end up. `structlog` is imported on the first event: the command line stays quick.
"""

import logging
import sys
from collections.abc import Callable, Iterator, Mapping, MutableMapping
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from typing import Any

from filesync_dagster.core.redaction import to_told

LOGGER = "filesync_dagster"

FIELD_MAX_LETTERS = 20_000
"""Of one field: a traceback."""

_ids: ContextVar[Mapping[str, str]] = ContextVar("filesync_ids")


def configure_logging(*, json: bool = False, verbose: bool = False) -> None:
    """Write events to standard error, as JSON lines or for a person; `verbose` shows more.

    A person sees warnings; who collects JSON lines wants to know what happened as well.
    """
    handler = _LogHandler(json=json)
    logger = logging.getLogger(LOGGER)
    logger.handlers = [handler]
    logger.propagate = False
    logger.setLevel(logging.DEBUG if verbose else logging.INFO if json else logging.WARNING)
    _events.cache_clear()


class _LogHandler(logging.StreamHandler[Any]):
    """Our own handler. Its formatter, and structlog with it, is there with the first event."""

    def __init__(self, *, json: bool) -> None:
        super().__init__()
        self._json = json

    def format(self, record: logging.LogRecord) -> str:
        """Return the line of an event."""
        if self.formatter is None:
            import structlog

            dev = structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())
            renderer = structlog.processors.JSONRenderer() if self._json else dev
            processors = [structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer]
            self.formatter = structlog.stdlib.ProcessorFormatter(processors=processors)
        return super().format(record)


@cache
def _events() -> Any:
    import structlog

    logger = logging.getLogger(LOGGER)
    ours = any(isinstance(handler, _LogHandler) for handler in logger.handlers)
    last: Any = structlog.stdlib.ProcessorFormatter.wrap_for_formatter if ours else _as_line
    return structlog.wrap_logger(
        logger,
        processors=[
            structlog.stdlib.filter_by_level,
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            _as_told,
            last,
        ],
        wrapper_class=structlog.stdlib.BoundLogger,
    )


def _as_told(logger: Any, method: str, fields: MutableMapping[str, Any]) -> Mapping[str, Any]:
    """Return the fields without secrets, and none of them longer than anybody reads."""
    return {name: _to_told(value) for name, value in fields.items()}


def _to_told(value: Any) -> Any:
    if isinstance(value, str):
        return to_told(value, FIELD_MAX_LETTERS)
    if isinstance(value, list | tuple):
        return [_to_told(one) for one in value]
    if isinstance(value, BaseException):
        return to_told(repr(value))
    return value


def _as_line(logger: Any, method: str, fields: dict[str, Any]) -> str:
    name = fields.pop("event")
    hidden = {"timestamp", "level"}
    return " ".join([name, *(f"{key}={value!r}" for key, value in fields.items() if key not in hidden)])


@contextmanager
def log_context(**ids: str | None) -> Iterator[None]:
    """Let every event of this block carry ids, such as `endpoint`, `sync_id` and `run_id`."""
    token = _ids.set({**_ids.get({}), **{name: value for name, value in ids.items() if value is not None}})
    try:
        yield
    finally:
        _ids.reset(token)


def inherit_log_context() -> Callable[[], None]:
    """Return what a new thread calls first, so that its events carry the ids of this one."""
    ids = _ids.get({})

    def inherit() -> None:
        _ids.set(ids)

    return inherit


def event(name: str, /, *, level: int = logging.INFO, **fields: Any) -> None:
    """Log that something happened."""
    if logging.getLogger(LOGGER).isEnabledFor(level):
        _events().log(level, name, **{**_ids.get({}), **fields})
