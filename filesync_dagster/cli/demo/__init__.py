"""The demo: real stores with generated files, and the product run on them through its own command line.

May import the API, orchestration.processes, simulators, config and core. The stores are looked at without our
connectors, so that the comparison at the end proves something.
"""

from filesync_dagster.cli.demo.command import demo

__all__ = ["demo"]
