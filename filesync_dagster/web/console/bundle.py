"""The built console: the files that `make console` writes to `web/static`, as they are sent."""

from __future__ import annotations

import json
import mimetypes
import re
from dataclasses import dataclass
from functools import cached_property
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from filesync_dagster.core.errors import ServiceError

if TYPE_CHECKING:
    from importlib.resources.abc import Traversable

ENCODINGS = (("br", ".br"), ("gzip", ".gz"))
"""What a file is compressed with already, the smallest first."""

PREFIX = re.compile(r"(?:/[A-Za-z0-9._~-]+)*")
"""Of a proxy below whose path filesync is served: a path, and nothing that could be another host."""

THEMES = frozenset({"light", "dark"})

HTML = '<html lang="en"'
BASE = '<base href="/console/"'


@dataclass(frozen=True)
class StaticFile:
    """A file as one client gets it."""

    content: bytes
    media_type: str
    etag: str
    encoding: str | None = None


class Bundle:
    """The files of the console. Raises ServiceError when there is none: it is never silently absent."""

    def __init__(self, folder: Traversable | None = None) -> None:
        self._folder = folder or files("filesync_dagster.web") / "static"
        self._index = self._read_index()
        self._kept: dict[str, bytes] = {}

    def _read_index(self) -> str:
        try:
            return (self._folder / "index.html").read_text("utf-8")
        except OSError as exc:
            raise ServiceError(
                f"The console is not built: {self._folder} has no index.html.",
                hint="Install filesync from a wheel or a clone; in a clone, `make console` builds it.",
            ) from exc

    @cached_property
    def build(self) -> dict[str, Any]:
        """What BUILD.json says: of which sources, by which versions, and every file with its digest."""
        found: dict[str, Any] = json.loads((self._folder / "BUILD.json").read_text("utf-8"))
        return found

    def index(self, prefix: str, theme: str | None) -> bytes:
        """Return the page below a prefix of a proxy, in a theme that somebody chose."""
        below = prefix if PREFIX.fullmatch(prefix) else ""
        page = self._index.replace(BASE, f'<base href="{below}/console/"')
        return (page.replace(HTML, f'{HTML} class="{theme}"') if theme in THEMES else page).encode()

    def file(self, name: str, accepted: str) -> StaticFile | None:
        """Return a built file, compressed as a client accepts it; None for what BUILD.json does not have."""
        about = self.build["files"].get(f"assets/{name}")
        if about is None:
            return None
        kind = mimetypes.guess_type(name)[0] or "application/octet-stream"
        kind = "text/javascript" if name.endswith(".js") else kind
        media_type = f"{kind}; charset=utf-8" if kind.startswith("text/") else kind
        wanted = {part.partition(";")[0].strip() for part in accepted.split(",") if "q=0" not in part.replace(" ", "")}
        for encoding, suffix in ENCODINGS:
            if encoding in wanted and f"assets/{name}{suffix}" in self.build["files"]:
                etag = f'"{about["sha256"][:32]}-{encoding}"'
                return StaticFile(self._read(f"{name}{suffix}"), media_type, etag, encoding)
        return StaticFile(self._read(name), media_type, f'"{about["sha256"][:32]}"')

    def _read(self, name: str) -> bytes:
        if name not in self._kept:
            self._kept[name] = (self._folder / "assets" / name).read_bytes()
        return self._kept[name]
