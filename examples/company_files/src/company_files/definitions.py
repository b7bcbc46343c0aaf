"""Where Dagster finds everything: whatever lies in `defs/`."""

from pathlib import Path

import dagster as dg


@dg.definitions
def defs() -> dg.Definitions:
    """Return all of it."""
    return dg.load_from_defs_folder(path_within_project=Path(__file__).parent)
