"""Log events: a name and fields (`sync.finished endpoint=…`), never prose. No business logic.

Events go through the standard logger `filesync_dagster`, so that an application that embeds filesync (Dagster among
them) decides where they end up. `structlog` is imported on the first event: the command line stays quick.
"""

import logging
import sys
from functools import cache
from typing import Any

LOGGER = "filesync_dagster"


def configure_logging(*, json: bool = False, verbose: bool = False) -> None:
    """Write events to standard error, as JSON lines or for a person; `verbose` shows more than warnings."""
    import structlog

    renderer = (
        structlog.processors.JSONRenderer() if json else structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())
    )
    handler = logging.StreamHandler()
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
        ),
    )
    logger = logging.getLogger(LOGGER)
    logger.handlers = [handler]
    logger.propagate = False
    logger.setLevel(logging.DEBUG if verbose else logging.WARNING)
    _events.cache_clear()


@cache
def _events() -> Any:
    import structlog

    logger = logging.getLogger(LOGGER)
    ours = any(isinstance(h.formatter, structlog.stdlib.ProcessorFormatter) for h in logger.handlers)
    last: Any = structlog.stdlib.ProcessorFormatter.wrap_for_formatter if ours else _as_line
    return structlog.wrap_logger(
        logger,
        processors=[
            structlog.stdlib.filter_by_level,
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            last,
        ],
        wrapper_class=structlog.stdlib.BoundLogger,
    )


def _as_line(logger: Any, method: str, fields: dict[str, Any]) -> str:
    name = fields.pop("event")
    hidden = {"timestamp", "level"}
    return " ".join([name, *(f"{key}={value!r}" for key, value in fields.items() if key not in hidden)])


def event(name: str, /, *, level: int = logging.INFO, **fields: Any) -> None:
    """Log that something happened."""
    if logging.getLogger(LOGGER).isEnabledFor(level):
        _events().log(level, name, **fields)
