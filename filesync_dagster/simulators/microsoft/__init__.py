"""Microsoft Graph v1.0 as SharePoint and OneDrive for Business answer it: sites, drives, items, deltas, tokens.

Follows Microsoft's own description (CSDL) and documentation.
"""

from filesync_dagster.simulators.microsoft.simulator import MicrosoftSimulator
from filesync_dagster.simulators.microsoft.store import GraphStore

__all__ = ["GraphStore", "MicrosoftSimulator"]
