"""Autodesk Platform Services as ACC and BIM 360 use them: hubs, projects, folders, items, versions, tokens.

Follows Autodesk's own OpenAPI descriptions.
"""

from filesync_dagster.simulators.autodesk.simulator import AutodeskSimulator

__all__ = ["AutodeskSimulator"]
