"""Real mounts, where this user may make some."""

import os
import shutil
import subprocess
from contextlib import contextmanager

import pytest


def run(*command):
    """Run a command that must succeed."""
    subprocess.run([os.fspath(word) for word in command], check=True, capture_output=True)


@contextmanager
def mounted(point, *arguments):
    """Mount something, a memory file system if nothing else is said, or skip the test."""
    if not point.exists():
        point.mkdir()
    arguments = arguments or ("-t", "tmpfs", "-o", "size=1m", "tmpfs")
    command = ["mount", *map(os.fspath, arguments), os.fspath(point)]
    if subprocess.run(command, capture_output=True, check=False).returncode:
        pytest.skip("this user may not mount a file system")
    try:
        yield point
    finally:
        subprocess.run(["umount", os.fspath(point)], check=False, capture_output=True)


@contextmanager
def btrfs(image, point):
    """Mount a new btrfs, where its tools are installed and a file can be mounted."""
    if shutil.which("mkfs.btrfs") is None:
        pytest.skip("btrfs-progs are not installed")
    with image.open("wb") as file:
        file.truncate(120 << 20)
    run("mkfs.btrfs", "-q", image)
    with mounted(point, "-o", "loop", image):
        yield point
