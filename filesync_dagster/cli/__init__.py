"""The command line `filesync`: a composition root that decides nothing.

May import everything but Dagster. Modules here import only click and the error tree when they are loaded, so that
`filesync --help` is quick; a command imports what it needs when it runs.
"""

from filesync_dagster.cli.app import filesync, main

__all__ = ["filesync", "main"]
