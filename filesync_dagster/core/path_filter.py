"""A place in an inventory as people name it: a folder, or a pattern."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import pyarrow as pa
import pyarrow.compute as pyarrow_compute

from filesync_dagster.core.filters import glob_expression

pc: Any = pyarrow_compute

WILDCARDS = frozenset("*?[")
"""What makes a pattern of a text."""


@dataclass(frozen=True)
class PathFilter:
    """A folder with all that is in it, or what a pattern of the filters means; letter by letter.

    Raises ValueError for a pattern that is none.
    """

    path: str

    def __post_init__(self) -> None:
        _ = self.expression

    @property
    def is_pattern(self) -> bool:
        """Whether it is no mere folder."""
        return bool(WILDCARDS & set(self.path))

    @property
    def folder(self) -> str:
        """The folder in which everything lies that is meant; empty: anywhere."""
        parts = self.path.strip("/").split("/")
        return "/".join(parts[: next((at for at, part in enumerate(parts) if WILDCARDS & set(part)), len(parts))])

    @cached_property
    def expression(self) -> str | None:
        """The expression of RE2 that paths must match; None for a folder."""
        return glob_expression(self.path) if self.is_pattern else None

    def select(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        """Return the rows of a batch with a column `path` that are meant."""
        paths = batch.column("path")
        if self.expression is not None:
            return batch.filter(pc.match_substring_regex(paths, self.expression))
        if not self.folder:
            return batch
        return batch.filter(pc.or_(pc.equal(paths, self.folder), pc.starts_with(paths, f"{self.folder}/")))
