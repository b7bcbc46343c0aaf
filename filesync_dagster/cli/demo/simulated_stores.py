"""Stores behind simulators: what people do in them is played through the simulators' own controls."""

from abc import ABC, abstractmethod
from posixpath import split
from typing import Any

import httpx

from filesync_dagster.cli.demo.record import Record, RecordedStore, remember_call
from filesync_dagster.cli.demo.stores import Listing
from filesync_dagster.core.errors import ServiceError


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

    def credentials(self) -> dict[str, Any]:
        """Return what an endpoint has to know: some keys are made when a simulator starts."""
        return dict(self._asked("GET", "credentials"))

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


class SimulatedStore(RecordedStore, ABC):
    """A store of folders behind a simulator, used by paths.

    `ids` has folders too; None is where entries lie by themselves.
    """

    removal = "trashed"
    entry = "item_id"  # what the controls call an entry
    target = "parent"  # and the folder that it is moved to
    remove, bring_back = "trash", "restore"  # the actions of the controls that take a file away, and bring it back

    def __init__(self, control: Control, record: Record, tops: dict[str, str | None]) -> None:
        super().__init__(record)
        self.control = control
        self.ids = dict(tops)
        self.bin: dict[str, str | None] = {}  # what was taken away

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
        # The new name first: the old one may be taken where it goes.
        if old_name != new_name:
            self._act("rename", self.ids[old], name=new_name)
        if old_folder != new_folder:
            self._act("move", self.ids[old], **{self.target: self.folder(new_folder)})
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

    def _create(self, folder: str | None, name: str, content: str) -> str:
        return str(self.control.act("create", name=name, parent=folder, content=content))

    def _create_folder(self, folder: str | None, name: str) -> str:
        return str(self.control.act("create", name=name, parent=folder, kind="folder"))

    def _edit(self, entry: str | None, content: str) -> None:
        self._act("edit", entry, content=content)

    def _act(self, action: str, entry: str | None, **arguments: object) -> None:
        self.control.act(action, **{self.entry: entry}, **arguments)
