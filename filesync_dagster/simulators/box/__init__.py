"""Box, simulated: items under numbers that overlap across kinds, markers, event streams that double and disorder.

`store` is the world; `resources` describes it; `items`, `events`, `edits` and `downloads` are the calls, `simulator` is
what is around them. Faithful to Box's own description of its API, and driven by Box's own SDK in tests.
"""

from filesync_dagster.simulators.box.simulator import BoxSimulator

__all__ = ["BoxSimulator"]
