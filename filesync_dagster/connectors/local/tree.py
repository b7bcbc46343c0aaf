"""All that is below a folder of a local destination."""

from collections.abc import Iterator, Sequence
from typing import Final

from filesync_dagster.connectors.destination import PART_SUFFIX, TRASH_FOLDER, DestinationFile
from filesync_dagster.connectors.local.directory import read_names
from filesync_dagster.connectors.local.disk import Spot
from filesync_dagster.connectors.local.target import TargetFolder
from filesync_dagster.core.errors import NotFound
from filesync_dagster.core.model import to_storable_text

BATCH_FILES: Final = 1_000


def list_tree(target: TargetFolder, below: str) -> Iterator[Sequence[DestinationFile]]:
    """Yield files, folders and whatever else is there, in batches; unfinished files and the trash left out.

    A folder that is removed meanwhile is left out. Raises SourceError for what cannot be read.
    """
    waiting = [below]
    batch: list[DestinationFile] = []
    while waiting:
        path = waiting.pop()
        for found in _list_folder(target, path):
            if found.kind == "folder":
                waiting.append(found.path)
            batch.append(found)
            if len(batch) >= BATCH_FILES:
                yield batch
                batch = []
    if batch:
        yield batch


def _list_folder(target: TargetFolder, path: str) -> Iterator[DestinationFile]:
    try:
        with target.folder(path) as folder:
            for name, _ in read_names(folder):
                spot = Spot(folder, name)
                if name.endswith(PART_SUFFIX.encode()) or (not path and name == TRASH_FOLDER.encode()):
                    continue
                found = spot.stat()
                if found is not None:
                    shown = to_storable_text(name)
                    yield target.describe(f"{path}/{shown}" if path else shown, spot, found)
    except NotFound:
        with target.open():  # the destination itself is there
            return
