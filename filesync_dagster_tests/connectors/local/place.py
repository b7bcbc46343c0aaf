"""A local folder as a place of the contract suite."""

import os
import time

from filesync_dagster.connectors.local import CONNECTOR, LocalDetails, open_local


class LocalPlace:
    """A folder below a temporary one."""

    connector = CONNECTOR
    hostile_names = (
        " leading and trailing ",
        "-dash",
        "~$lock.docx",
        "new\nline",
        "control\x01\x7f",
        "quote\"'`$(x)",
        "back\\slash",
        "per%cent+plus&amp<tag>",
        "question?#hash",
        "ünïcödé/日本語/😀.txt",
        "nfc-é",
        "nfd-e\u0301",
        "nfc-e\u0301",
        "case",
        "CASE",
        "...",
        ".hidden/.git/x",
        "a" * 255,
        "\\xff",
        "rtl\u202eeman",
    )

    def __init__(self, folder, **details):
        self.root = folder / "root"
        self.root.mkdir()
        self._details = details

    def write(self, path, content):
        file = self.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)

    def overwrite(self, path, content):
        file = self.root / path
        times = file.stat()
        time.sleep(0.02)  # coarser than the clock of any kernel's file system
        file.write_bytes(content)
        os.utime(file, ns=(times.st_atime_ns, times.st_mtime_ns))

    def rename(self, old, new):
        (self.root / old).rename(self.root / new)

    def delete(self, path):
        (self.root / path).unlink()

    def open(self, meter, page_size=10):
        return open_local(LocalDetails(path=str(self.root), page_size=page_size, **self._details), meter)

    def open_missing(self, meter):
        return open_local(LocalDetails(path=str(self.root / "absent")), meter)
