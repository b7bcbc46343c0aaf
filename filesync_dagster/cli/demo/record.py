"""What people did in the stores behind a simulator, so that it can be done again.

A simulator forgets everything when it ends, and becomes the same when the same is done to it in the same order: ids and
times too. So all stores of one simulator have one record, one JSON array a line, that a demo plays when it goes on
(`--keep`).
"""

import json
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Concatenate, ParamSpec, TypeVar

P = ParamSpec("P")
S = TypeVar("S", bound="RecordedStore")


class RecordedStore:
    """A store whose methods write down that they were called."""

    def __init__(self, record: "Record") -> None:
        self._record = record
        record.stores[type(self).__name__] = self

    def note(self, action: str, *arguments: object) -> None:
        """Write down what was done."""
        self._record.note(type(self).__name__, action, *arguments)


class Record:
    """The file of what was done, and the stores that it was done in by their names in it."""

    def __init__(self, path: Path) -> None:
        self.stores: dict[str, RecordedStore] = {}
        self._path = path
        self._done_again = False

    def note(self, *what: object) -> None:
        """Write down one thing, unless it is being done again."""
        if not self._done_again:
            with self._path.open("a", encoding="utf-8") as lines:
                lines.write(json.dumps(what, ensure_ascii=False) + "\n")

    def rebuild(self) -> None:
        """Do again all that was written down."""
        if not self._path.exists():
            return
        self._done_again = True
        for line in self._path.read_text("utf-8").split("\n"):
            if line:
                store, action, *arguments = json.loads(line)
                getattr(self.stores[store], action)(*arguments)
        self._done_again = False


def remember_call(method: Callable[Concatenate[S, P], None]) -> Callable[Concatenate[S, P], None]:
    """Let a method write down that it was called, once it has done its work."""

    @wraps(method)
    def call_and_remember(self: S, *args: P.args, **kwargs: P.kwargs) -> None:
        method(self, *args, **kwargs)
        self.note(method.__name__, *args)

    return call_and_remember  # type: ignore[return-value]  # `self` is never passed by name
