"""The names of the reports. Imports nothing: Dagster and the command line load it at their start."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Title:
    """What people see of a report before it is written."""

    title: str
    about: str


CATALOGUE = {
    "duplicates": Title("Duplicates", "Files with the same content, in one endpoint or in several."),
    "storage_by_type": Title("Storage by type", "Files and bytes of each type: drawings, photos, documents."),
    "storage_by_owner": Title("Storage by owner", "Files and bytes of each owner, as the stores name them."),
    "storage_by_age": Title("Storage by age", "Files and bytes by the time since they were last written."),
    "exposure": Title("Exposure", "Files and folders that the public, outsiders or every user of a machine can read."),
    "stale_files": Title("Stale files", "Files that nobody has written for long, the largest first."),
    "biggest_files": Title("Biggest files", "The largest files of all endpoints."),
    "activity": Title("Activity", "When files change: four weeks of the journal, by weekday and hour."),
}
"""The reports, in the order of their use."""
