"""Log events: a name and fields (`sync.finished endpoint=…`), never prose. No business logic.

`structlog` is imported on the first event, not with the module: the command line stays quick.
"""

import sys
from typing import Any


def configure_logging(*, json: bool = False, verbose: bool = False) -> None:
    """Send events to standard error, as JSON lines or for a person; `verbose` shows the debug ones too."""
    import structlog

    renderer = structlog.processors.JSONRenderer() if json else structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(10 if verbose else 30),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=False,
    )


def event(name: str, /, *, level: str = "info", **fields: Any) -> None:
    """Log that something happened."""
    import structlog

    getattr(structlog.get_logger(), level)(name, **fields)
