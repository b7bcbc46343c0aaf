"""A file manager: the reference server of the protocol that docs/file-manager.md describes. It really stores.

Files lie under their paths below a root; what is known of them is in `.file_manager` there, so that ids, permissions
and events are kept over restarts. With the quirks of the mock it answers as the public mock of that protocol does,
which stores nothing that anybody could find again.
"""

from filesync_dagster.simulators.file_manager.simulator import FileManagerSimulator

__all__ = ["FileManagerSimulator"]
