"""The demo: real stores with generated files, and the product run on them through its own command line.

May import serving, config and errors. The stores are looked at without our connectors, so that the comparison at the
end proves something.
"""

from filesync_dagster.cli.demo.story import run_demo

__all__ = ["run_demo"]
