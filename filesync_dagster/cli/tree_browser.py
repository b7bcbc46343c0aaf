"""The folders of an endpoint on a terminal, walked through with the keyboard."""

from __future__ import annotations

import os
import select
import shutil
import sys
import termios
import tty
from contextlib import contextmanager
from typing import TYPE_CHECKING

from filesync_dagster.cli.text import plural, printable, size
from filesync_dagster.cli.tree import bar, join

if TYPE_CHECKING:
    from collections.abc import Iterator

    from filesync_dagster.api import Filesync
    from filesync_dagster.sync.search import FolderSize

ENTRIES = 5000
"""Of a folder, the largest; more are no longer looked through by hand."""

KEYS = {
    "\x1b[A": "up",
    "k": "up",
    "\x1b[B": "down",
    "j": "down",
    "\x1b[5~": "page up",
    "\x1b[6~": "page down",
    "\x1b[C": "enter",
    "l": "enter",
    "\r": "enter",
    "\n": "enter",
    "\x1b[D": "leave",
    "h": "leave",
    "\x7f": "leave",
    "q": "quit",
    "\x03": "quit",
    "\x04": "quit",
    "": "quit",  # the terminal is gone
}
HELP = "↑↓ choose   → open   ← back   q quit"
ESCAPE_SECONDS = 0.05
"""Within which the rest of a key's sequence follows its ESC."""


class Browser:
    """Where somebody is in the folders of an endpoint."""

    def __init__(self, filesync: Filesync, name: str, folder: str) -> None:
        self._filesync, self._name = filesync, name
        self.here = self._look(folder)
        self.chosen = 0

    def press(self, key: str, page: int) -> bool:
        """Do what a key says; False when it says to end."""
        steps = {"up": -1, "down": 1, "page up": -page, "page down": page}
        if key in steps:
            self.chosen = max(0, min(self.chosen + steps[key], len(self.here.entries) - 1))
        elif key == "enter" and self.here.entries and self.here.entries[self.chosen].is_folder:
            entry = self.here.entries[self.chosen]
            if entry.files:
                self.here, self.chosen = self._look(join(self.here.path, entry.name)), 0
        elif key == "leave" and self.here.path:
            above, _, name = self.here.path.rpartition("/")
            self.here = self._look(above)
            names = [entry.name if entry.is_folder else "" for entry in self.here.entries]
            self.chosen = names.index(name) if name in names else 0
        return key != "quit"

    def lines(self, columns: int, rows: int) -> list[str]:
        """Return the screen, line by line; the chosen one is shown reversed."""
        page = max(1, rows - 3)
        first = self.chosen // page * page
        shown = []
        for at, entry in enumerate(self.here.entries[first : first + page], first):
            what = f"{entry.name}/  ({plural(entry.files, 'file')})" if entry.is_folder else entry.name
            line = printable(f"{size(entry.bytes):>9}  {bar(entry.bytes, self.here.bytes)}  {what}")[:columns]
            shown.append(f"\x1b[7m{line}\x1b[0m" if at == self.chosen else line)
        total = f"{size(self.here.bytes)} in {plural(self.here.files, 'file')}"
        title = printable(f"{self._name}: {self.here.path or '/'}   {total}")[:columns]
        return [f"\x1b[1m{title}\x1b[0m", *(shown or ["Nothing is here."]), "", HELP[:columns]]

    def _look(self, folder: str) -> FolderSize:
        return self._filesync.folder(self._name, folder, limit=ENTRIES)


def browse(filesync: Filesync, name: str, folder: str) -> None:
    """Let somebody walk through the folders, until they have enough."""
    browser = Browser(filesync, name, folder)
    with _screen():
        while True:
            columns, rows = shutil.get_terminal_size()
            text = "\x1b[H\x1b[2J" + "\r\n".join(browser.lines(columns, rows))
            sys.stdout.write(text)
            sys.stdout.flush()
            if not browser.press(_key(), max(1, rows - 3)):
                return


@contextmanager
def _screen() -> Iterator[None]:
    """Take the terminal's other screen and its keys as they are pressed; give both back."""
    keyboard = sys.stdin.fileno()
    before = termios.tcgetattr(keyboard)
    tty.setraw(keyboard)
    sys.stdout.write("\x1b[?1049h\x1b[?25l")
    try:
        yield
    finally:
        sys.stdout.write("\x1b[?25h\x1b[?1049l")
        sys.stdout.flush()
        termios.tcsetattr(keyboard, termios.TCSADRAIN, before)


def _key() -> str:
    keyboard = sys.stdin.fileno()
    pressed = os.read(keyboard, 1)
    if pressed == b"\x1b":
        while select.select([keyboard], [], [], ESCAPE_SECONDS)[0] and (more := os.read(keyboard, 1)):
            pressed += more
            if more.isalpha() or more == b"~":
                break
    return KEYS.get(pressed.decode("utf-8", "replace"), "other")
