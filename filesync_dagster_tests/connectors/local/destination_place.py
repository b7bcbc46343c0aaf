"""A local folder as a place of the destination suite."""

import os
import shutil
import subprocess
from contextlib import contextmanager

import pytest

from filesync_dagster.connectors.local import LocalDetails
from filesync_dagster.connectors.local.destination import LocalDestination
from filesync_dagster.core.model import Meter, from_storable_text, to_storable_text
from filesync_dagster_tests.connectors.local.mounts import mounted
from filesync_dagster_tests.connectors.local.place import LocalPlace


class LocalDestinationPlace:
    """A folder below a temporary one."""

    kind = "local"
    odd_names = (
        *(name for name in LocalPlace.hostile_names if name != "\\xff"),
        "\\xff",  # a byte that is no UTF-8, as inventories write it
        "\\x5cxff",  # what looks like one, written out
        ".filesync-trash.txt",
        "folder/.filesync-trash/x",
    )

    def __init__(self, folder, disk=None):
        self.folder = folder
        self.root = folder / "root"
        self.root.mkdir()
        self.details = {"path": str(self.root)}
        self._disk = disk

    def open(self, meter):
        return self._open(self.root, meter)

    def open_missing(self, meter):
        return self._open(self.root / "absent", meter)

    def _open(self, root, meter):
        return LocalDestination(LocalDetails(path=str(root)), meter, disk=self._disk)

    def read(self, path):
        try:
            with open(self._file(path), "rb") as file:  # noqa: PTH123 - a raw path
                return file.read()
        except (FileNotFoundError, NotADirectoryError):
            return None

    def paths(self):
        root = os.fsencode(self.root)
        return {
            to_storable_text(os.path.relpath(os.path.join(folder, name), root))  # noqa: PTH118 - raw paths
            for folder, _, names in os.walk(root)
            for name in names
        }

    def put(self, path, content):
        file = self._file(path)
        os.makedirs(os.path.dirname(file), exist_ok=True)  # noqa: PTH103, PTH120 - raw paths
        with open(file, "wb") as written:  # noqa: PTH123
            written.write(content)

    def remove(self, path):
        os.unlink(self._file(path))  # noqa: PTH108

    @contextmanager
    def full(self, room):
        with mounted(self.folder / "small", "-t", "tmpfs", "-o", f"size={room}", "tmpfs") as small:
            yield self._open(small, Meter())

    @contextmanager
    def forbidden(self, path):
        folder = self.root / path
        if os.getuid() != 0:
            folder.chmod(0o500)
            yield
            folder.chmod(0o700)
            return
        if shutil.which("chattr") is None or subprocess.run(["chattr", "+i", str(folder)], check=False).returncode:
            pytest.skip("root is forbidden nothing here")
        yield
        subprocess.run(["chattr", "-i", str(folder)], check=True)

    def _file(self, path):
        return os.path.join(os.fsencode(self.root), from_storable_text(path))  # noqa: PTH118
