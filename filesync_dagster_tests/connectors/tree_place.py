"""A simulated store of files and folders as a place of the contract suite: what all of them have in common."""

import itertools

from filesync_dagster.core.model import Meter

_NUMBERS = itertools.count(1)


class TreePlace:
    """A part of a store that the kit of simulators keeps as a tree. `_simulate` makes the simulator."""

    wire = None  # replaces the simulator, which it may ask

    def __init__(self, **details):
        self.simulator = self._simulate()
        self.store = self.simulator.store
        self.plan = self.simulator.plan
        self.base_url = f"http://{type(self).__name__.lower()}-{next(_NUMBERS)}.example"  # a tenant of its own
        self.details = details
        self.parent = self._top()
        self.prepare()

    def prepare(self):
        """Make what the endpoint needs besides an account."""

    def write(self, path, content):
        folder, name = self.folder_of(path)
        return self.store.create(name, folder, content=content)

    def overwrite(self, path, content):
        self.store.edit(self.id_of(path), content)

    def rename(self, old, new):
        found = self.id_of(old)
        folder, name = self.folder_of(new)
        if self.store.entry(found).parent.id != folder:
            self.store.move(found, folder)
        if self.store.entry(found).name != name:
            self.store.rename(found, name)

    def delete(self, path):
        self.store.delete(self.id_of(path))

    def open(self, meter, page_size=10):
        return self.opened(meter, page_size=page_size, **self.details)

    def reopen(self):
        return self.open(Meter())

    def part_of(self, path):
        return self.id_of(path)

    def add_scope(self):
        return None

    def id_of(self, path, *, trashed=False):
        found = self.parent
        for name in path.split("/"):
            found = self._child(found, name, trashed=trashed)
            assert found is not None, path
        return found

    def folder_of(self, path):
        """Return the id of the folder that a path lies in, made if need be, and the last name of the path."""
        *folders, name = path.split("/")
        found = self.parent
        for folder in folders:
            found = self._child(found, folder) or self.store.create(folder, found, kind="folder")
        return found, name

    def _top(self):
        """Return the id of the folder that paths begin in."""
        return self.store.root.id

    def _child(self, folder, name, *, trashed=False):
        children = self.store.entry(folder).children or ()
        return next((c.id for c in children if c.name == name and (trashed or not c.trashed)), None)


class TrashTreePlace(TreePlace):
    """One of a store with a trash."""

    def trash(self, path):
        self.store.trash(self.id_of(path))

    def restore(self, path):
        self.store.restore(self.id_of(path, trashed=True))
