"""Where Dagster's web server is: as the environment says, or as a running `filesync up` has written down.

And where the console is: as the settings say, or as a running `filesync serve` has written down.
"""

from __future__ import annotations

from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from filesync_dagster.core.errors import DagsterUnreachable

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from filesync_dagster.config import Config, Environment

ANNOUNCEMENT = "dagster.url"
"""The file in FILESYNC_HOME that says where its `filesync up` serves."""


CONSOLE_ANNOUNCEMENT = "console.url"
"""The file in FILESYNC_HOME that says where its `filesync serve` has the console."""


def console_url(config: Config) -> str | None:
    """Return where people find the console; None when nobody said."""
    found = config.settings.serve.console_url or read_url(config.environment.home, CONSOLE_ANNOUNCEMENT)
    return found.rstrip("/") if found else None


def dagster_url(environment: Environment) -> str:
    """Return where Dagster's web server is: FILESYNC_DAGSTER_URL, or where `filesync up` serves.

    Raises DagsterUnreachable when nobody said: what answers at a usual port may be anybody's.
    """
    url = environment.dagster_url or read_url(environment.home)
    if url is None:
        raise nowhere(environment.home)
    return url


def nowhere(home: Path) -> DagsterUnreachable:
    """Return what to tell when nobody said where Dagster is."""
    return DagsterUnreachable(
        f"No Dagster of {home} runs.",
        hint="Start it with `filesync up`, or say where it is with --dagster-url or FILESYNC_DAGSTER_URL.",
    )


def read_url(home: Path, announcement: str = ANNOUNCEMENT) -> str | None:
    """Return where the `filesync up` of this FILESYNC_HOME serves; None when none does.

    One that was killed has not taken it back: that nobody answers there is worth knowing.
    """
    try:
        return (home / announcement).read_text("utf-8").strip() or None
    except (OSError, UnicodeDecodeError):
        return None


@contextmanager
def announce_url(home: Path, url: str, announcement: str = ANNOUNCEMENT) -> Iterator[None]:
    """Let others know, as long as this lasts. It is a convenience: what cannot be written is not."""
    file = home / announcement
    with suppress(OSError):
        file.write_text(url, "utf-8")
    try:
        yield
    finally:
        if read_url(home, announcement) == url:  # not that of another one, begun since
            with suppress(OSError):
                file.unlink()
