"""How long the long tests are: long enough for every planted bug, or with FILESYNC_SOAK=1 (`make soak`) longer."""

import os

SOAK = os.environ.get("FILESYNC_SOAK") == "1"


def size(usual: int, soak: int) -> int:
    """Return how many examples, steps or events a long test has."""
    return soak if SOAK else usual
