"""Stores behind simulators: what people do in them is played through the simulators' own controls.

A simulator forgets everything when it ends, and becomes the same when the same is done to it: ids and times too. So
what people did is written down, one JSON array a line, and done again when a demo goes on (`--keep`).
"""

import json
from abc import ABC, abstractmethod
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from posixpath import split
from typing import Any, Concatenate, ParamSpec, TypeVar

import httpx

from filesync_dagster.cli.demo.stores import Listing
from filesync_dagster.core.errors import ServiceError

P = ParamSpec("P")
S = TypeVar("S", bound="SimulatedStore")


def remember_call(method: Callable[Concatenate[S, P], None]) -> Callable[Concatenate[S, P], None]:
    """Let a method write down that it was called, once it has done its work."""

    @wraps(method)
    def call_and_remember(self: S, *args: P.args, **kwargs: P.kwargs) -> None:
        method(self, *args, **kwargs)
        self.note(method.__name__, *args)

    return call_and_remember  # type: ignore[return-value]  # `self` is never passed by name


class Control:
    """The paths of a simulator that its provider has not: what people do, and what they see."""

    def __init__(self, url: str) -> None:
        self._client = httpx.Client(base_url=f"{url}/_simulator/", timeout=30, trust_env=False)

    def act(self, action: str, **arguments: Any) -> Any:
        """Let a person do something; return what came of it, such as the id of something new."""
        return self._asked("POST", action, json=arguments)["result"]

    def listing(self, **of: str) -> dict[str, int | None]:
        """Return the size of every file that a person sees, by its path."""
        return dict(self._asked("GET", "listing", params=of))

    def close(self) -> None:
        """Let go of the connection."""
        self._client.close()

    def _asked(self, method: str, action: str, **how: Any) -> Any:
        try:
            answer = self._client.request(method, action, **how)
        except httpx.HTTPError as exc:
            raise ServiceError(f"The simulator at {self._client.base_url} did not answer: {exc}.") from exc
        if answer.is_error:
            raise ServiceError(f"The simulator at {self._client.base_url} did not do {action}: {answer.text}")
        return answer.json()


class SimulatedStore(ABC):
    """A store behind a simulator, used by paths. `ids` has folders too; None is where entries lie by themselves."""

    removal: str
    entry: str  # what the controls call an entry
    remove: str  # the actions of the controls that take a file away, and bring it back
    bring_back: str

    def __init__(self, control: Control, record: Path, tops: dict[str, str | None]) -> None:
        self.control = control
        self.ids = dict(tops)
        self.bin: dict[str, str | None] = {}  # what was taken away
        self._record = record
        self._rebuilding = False

    def note(self, action: str, *arguments: object) -> None:
        """Write down what was done."""
        if not self._rebuilding:
            with self._record.open("a", encoding="utf-8") as lines:
                lines.write(json.dumps([action, *arguments], ensure_ascii=False) + "\n")

    def rebuild(self) -> None:
        """Do again all that was written down."""
        if not self._record.exists():
            return
        self._rebuilding = True
        for line in self._record.read_text("utf-8").split("\n"):
            if line:
                action, *arguments = json.loads(line)
                getattr(self, action)(*arguments)
        self._rebuilding = False

    @remember_call
    def put(self, path: str, content: str) -> None:
        """Write a file, new or not."""
        if path in self.ids:
            self._edit(self.ids[path], content)
        else:
            folder, name = split(path)
            self.ids[path] = self._create(self.folder(folder), name, content)

    @remember_call
    def move(self, old: str, new: str) -> None:
        """Give a file or a folder another path, and so to what is in it."""
        (old_folder, old_name), (new_folder, new_name) = split(old), split(new)
        if old_folder != new_folder:
            self._act("move", self.ids[old], parent=self.folder(new_folder))
        if old_name != new_name:
            self._act("rename", self.ids[old], name=new_name)
        self.ids, self.bin = (
            {
                new + path.removeprefix(old) if path == old or path.startswith(f"{old}/") else path: known
                for path, known in entries.items()
            }
            for entries in (self.ids, self.bin)
        )

    def move_folder(self, old: str, new: str) -> None:
        """Give a folder another path."""
        self.move(old, new)

    @remember_call
    def delete(self, path: str) -> None:
        """Take a file away, as people do: they can have it back."""
        self._act(self.remove, self.ids[path])
        self.bin[path] = self.ids.pop(path)

    @remember_call
    def restore(self, path: str) -> None:
        """Get a file back."""
        self._act(self.bring_back, self.bin[path])
        self.ids[path] = self.bin.pop(path)

    def folder(self, path: str) -> str | None:
        """Return the id of a folder, made if there is none."""
        if path not in self.ids:
            above, name = split(path)
            self.ids[path] = self._create_folder(self.folder(above), name)
        return self.ids[path]

    @abstractmethod
    def listing(self) -> Listing:
        """Return every file that a person sees."""

    @abstractmethod
    def _create(self, folder: str | None, name: str, content: str) -> str: ...

    @abstractmethod
    def _create_folder(self, folder: str | None, name: str) -> str: ...

    @abstractmethod
    def _edit(self, entry: str | None, content: str) -> None: ...

    def _act(self, action: str, entry: str | None, **arguments: object) -> None:
        self.control.act(action, **{self.entry: entry}, **arguments)
