"""A file system that misbehaves on demand: a FUSE server in a thread, behind the real kernel.

It speaks the kernel's own protocol (linux/fuse.h), so nothing has to be installed; it needs /dev/fuse, and root.
"""

import ctypes
import errno
import os
import stat
import struct
import threading
from contextlib import contextmanager, suppress

import pytest

LOOKUP, FORGET, GETATTR, READLINK, OPENDIR, READDIR, INIT, INTERRUPT, BATCH_FORGET = 1, 2, 3, 5, 27, 28, 26, 36, 42
UNANSWERED = {FORGET, BATCH_FORGET}
HANG = "hang"
MNT_DETACH = 2
LIBC = ctypes.CDLL(None, use_errno=True)


class FaultyFolder:
    """A tree of empty files by path, and what goes wrong with it: `faults` has an errno, or HANG, by (what, path).

    What can go wrong: "stat", "open", "names" (at once) and "more names" (after the first ones); each time, or as often
    as a list has errors. `vanishing` is a path that is not there any more once something went wrong.
    """

    def __init__(self, files):
        self.files = set(files)
        self.vanishing = None
        self.faults = {}
        self.hung = threading.Event()  # somebody waits for an answer that does not come
        self._paths = {1: ""}

    def children(self, folder):
        """Return the names in a folder."""
        prefix = f"{folder}/" if folder else ""
        names = {path[len(prefix) :].split("/")[0] for path in self.files if path.startswith(prefix)}
        return sorted(names)

    def fault(self, what, path):
        """Return what goes wrong now, if anything does."""
        found = self.faults.get((what, path))
        if isinstance(found, list):
            return found.pop() if found else None
        if found and self.vanishing:
            self.files = {file for file in self.files if not file.startswith(f"{self.vanishing}/")}
        return found

    def is_folder(self, path):
        """Tell whether a path is a folder."""
        return any(file.startswith(f"{path}/") for file in self.files) or not path

    def node(self, path):
        """Return the number of a path."""
        number = next((number for number, known in self._paths.items() if known == path), len(self._paths) + 1)
        self._paths[number] = path
        return number

    def attributes(self, path):
        """Return the attributes of a path as the kernel wants them."""
        mode = stat.S_IFDIR | 0o755 if self.is_folder(path) else stat.S_IFREG | 0o644
        return struct.pack("=6Q10I", self.node(path), 0, 0, 0, 1000, 1000, 0, 0, 0, mode, 1, 0, 0, 0, 512, 0)

    def answer(self, opcode, node, body):
        """Return the answer to a request, an errno, or HANG."""
        if opcode == INIT:
            return struct.pack("=4I2H2I2HI28x", 7, 31, 1 << 17, 0, 8, 8, 1 << 17, 1, 0, 0, 0)
        path = self._paths.get(node, "")
        if opcode == LOOKUP:
            return self.look_up(path, body[: body.index(0)].decode())
        if opcode == READDIR:
            return self.names(path, struct.unpack_from("=2Q", body)[1])
        found = {
            GETATTR: ("stat", struct.pack("=Q2I", 0, 0, 0) + self.attributes(path)),
            OPENDIR: ("open", bytes(16)),
        }
        if opcode not in found:
            return errno.ENOSYS
        what, answer = found[opcode]
        return self.fault(what, path) or answer

    def look_up(self, folder, name):
        """Return the number and the attributes of what has a name in a folder."""
        path = f"{folder}/{name}" if folder else name
        if fault := self.fault("stat", path):
            return fault
        if name not in self.children(folder):
            return errno.ENOENT
        return struct.pack("=4Q2I", self.node(path), 0, 0, 0, 0, 0) + self.attributes(path)

    def names(self, path, offset):
        """Return two names at a time."""
        fault = self.fault("more names" if offset else "names", path)
        if fault:
            return fault
        found = b""
        for number, name in enumerate(self.children(path)[offset : offset + 2], offset + 1):
            raw = name.encode()
            found += struct.pack("=2Q2I", 99, number, len(raw), 0) + raw + bytes(-len(raw) % 8)
        return found

    def serve(self, device):
        """Answer until the file system is unmounted."""
        while True:
            try:
                request = os.read(device, 1 << 18)
            except OSError as exc:
                if exc.errno in {errno.EINTR, errno.ENOENT, errno.EAGAIN}:
                    continue
                return
            _, opcode, unique, node = struct.unpack_from("=2I2Q", request)
            if opcode in UNANSWERED:
                continue
            if opcode == INTERRUPT:  # whoever waits is told to end: otherwise nobody could, with an answer due
                self.reply(device, struct.unpack_from("=Q", request, 40)[0], -errno.EINTR, b"")
                continue
            answer = self.answer(opcode, node, request[40:])
            if answer == HANG:
                self.hung.set()
                continue
            failed, body = (-answer, b"") if isinstance(answer, int) else (0, answer)
            self.reply(device, unique, failed, body)

    @staticmethod
    def reply(device, unique, failed, body):
        """Answer a request, unless whoever asked does not wait any longer."""
        with suppress(OSError):
            os.write(device, struct.pack("=IiQ", 16 + len(body), failed, unique) + body)


@contextmanager
def faulty_folder(point, files):
    """Mount a tree that can misbehave, where this user may."""
    point.mkdir(exist_ok=True)
    try:
        device = os.open("/dev/fuse", os.O_RDWR | os.O_CLOEXEC)
    except OSError as exc:
        pytest.skip(f"no FUSE here: {exc}")
    options = f"fd={device},rootmode=40000,user_id=0,group_id=0,allow_other".encode()
    if LIBC.mount(b"faulty", os.fsencode(point), b"fuse", 0, options):
        os.close(device)
        pytest.skip("this user may not mount a FUSE file system")
    folder = FaultyFolder(files)
    server = threading.Thread(target=folder.serve, args=(device,), daemon=True)
    server.start()
    try:
        yield folder
    finally:
        LIBC.umount2(os.fsencode(point), MNT_DETACH)
        os.close(device)
