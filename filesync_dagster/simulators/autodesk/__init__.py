"""Autodesk Platform Services as ACC and BIM 360 use them: hubs, projects, folders, items, versions, tokens.

Follows Autodesk's own OpenAPI descriptions. May import wire and faults of this package's parent, nothing of ours else.
"""

from filesync_dagster.simulators.autodesk.simulator import AutodeskSimulator

__all__ = ["AutodeskSimulator"]
