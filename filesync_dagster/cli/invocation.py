"""What the global options of one call of `filesync` say."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from filesync_dagster.api import Filesync
    from filesync_dagster.config import Environment


@dataclass(frozen=True)
class Invocation:
    """The global options. Nothing is read before a command asks for it."""

    config: Path | None = None
    debug: bool = False
    log_format: str = "text"
    log_level: str = ""  # of the environment

    def environment(self) -> Environment:
        """Return where things are, and the variables for child processes."""
        from filesync_dagster.config import read_environment

        return read_environment(self.config)

    def open(self, *, last_good: bool = False) -> Filesync:
        """Open the configuration for work, as it was when it could last be used if need be. Raises ConfigError."""
        from filesync_dagster.api import Filesync

        self.configure_logging()
        return Filesync.open(self.config, last_good=last_good)

    def configure_logging(self) -> None:
        """Send log events to standard error: warnings, or everything with --debug or LOG_LEVEL=DEBUG."""
        from filesync_dagster.core.logging import configure_logging

        verbose = self.debug or self.log_level.strip().upper() == "DEBUG"
        configure_logging(json=self.log_format == "json", verbose=verbose)
