"""Sizes of folders: what an independent walk of the tree adds up to."""

import os
from collections import Counter

import pytest

from filesync_dagster import Filesync
from filesync_dagster.core.errors import NothingKnown

FILES = {
    "drawings/A-1.dwg": 5,
    "drawings/x/deep/z.pdf": 2**21,
    "drawings/x/a.pdf": 0,
    "drawings-old/A-1.dwg": 7,
    "drawings0": 3,
    "100%_[a].txt": 9,
    "süd/größe.txt": 4,
}


@pytest.fixture
def filesync(tmp_path):
    """An inventory of a folder with these files, and an empty folder."""
    for name, size in FILES.items():
        path = tmp_path / "share" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("wb") as file:
            os.truncate(file.fileno(), size)
    (tmp_path / "share" / "empty").mkdir()
    endpoints = tmp_path / "endpoints.yaml"
    endpoints.write_text("endpoints: [{name: share, type: local, endpoint_details: {path: share}}]")
    with Filesync.open(endpoints, home=tmp_path / "home") as opened:
        yield opened


@pytest.mark.parametrize("folder", ["", "drawings", "drawings/x", "süd", "empty"])
def test_folders_have_the_size_of_all_that_is_in_them(filesync, folder):
    """The largest comes first; another folder may begin with its name."""
    assert filesync.sync("share").error is None
    start = f"{folder}/" if folder else ""
    inside = {name.removeprefix(start): size for name, size in FILES.items() if name.startswith(start)}
    files, sizes = Counter(), Counter()
    for name, size in inside.items():
        files[name.split("/")[0], "/" in name] += 1
        sizes[name.split("/")[0], "/" in name] += size
    if folder == "empty":
        with pytest.raises(NothingKnown, match="no folder 'empty'"):
            filesync.folder("share", folder, limit=100)
        return
    if not folder:
        files["empty", True] = sizes["empty", True] = 0
    found = filesync.folder("share", folder, limit=100)

    assert (found.files, found.bytes) == (len(inside), sum(inside.values()))
    assert {(e.name, e.is_folder): (e.files, e.bytes) for e in found.entries} == {
        key: (files[key], sizes[key]) for key in files
    }
    assert [e.bytes for e in found.entries] == sorted(sizes.values(), reverse=True)
    bounded = filesync.folder("share", folder, limit=1)
    assert (len(bounded.entries), bounded.files) == (1, len(inside))


def test_what_was_never_synced_has_nothing(filesync):
    """No folder, no file."""
    found = filesync.folder("share", "", limit=9)
    assert (found.files, found.bytes, found.entries) == (0, 0, ())


def test_columns_alone_in_their_order(filesync):
    """Of all files, of a folder, of a pattern that needs another one; up to a limit. One that is not there is named."""
    assert filesync.sync("share").error is None
    paths = sorted([*FILES, "drawings", "drawings/x", "drawings/x/deep", "drawings-old", "empty", "süd"])

    def rows(**how):
        table = filesync.files("share", columns=["size", "path"], **how).to_arrow()
        assert table.column_names == ["size", "path"]
        return table["path"].to_pylist()

    assert rows() == sorted(paths, key=str.encode)
    assert rows(limit=3) == sorted(paths, key=str.encode)[:3]
    assert rows(path="drawings/x") == ["drawings/x", "drawings/x/a.pdf", "drawings/x/deep", "drawings/x/deep/z.pdf"]
    assert rows(path="drawings/x", limit=1) == ["drawings/x"]
    sizes = filesync.files("share", columns=["size"], path="**/*.pdf", limit=1).to_arrow()
    assert sizes.to_pydict() == {"size": [0]}
    with pytest.raises(ValueError, match="no column 'colour'"):
        filesync.files("share", columns=["colour"])
