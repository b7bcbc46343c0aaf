"""Where a store is, in words, as its details tell it."""

from collections.abc import Callable, Mapping
from typing import Any

Details = Mapping[str, Any]


def place_text(kind: str, details: Details) -> str | None:
    """Return in words where a store is; None where its details do not say."""
    if kind in PLACES:
        return PLACES[kind](details)
    if "bucket" in details:
        return _addressed("s3", details["bucket"], details, details.get("endpoint_url"))
    return f"`{details['path']}`" if details.get("path") else None


def _part_of_drive(details: Details) -> str:
    whose = f" of {details['subject']}" if details.get("subject") else ""
    if details.get("folder_id"):
        return f"the folder `{details['folder_id']}` and all below it"
    if details.get("drive_id"):
        return f"the shared drive `{details['drive_id']}`"
    if details.get("include_shared"):
        return f"everything that the account sees: My Drive{whose}, what others shared with it, and its shared drives"
    return f"My Drive{whose}"


def _projects(details: Details) -> str:
    projects, hub = details.get("project_ids"), details.get("hub_id")
    if isinstance(projects, list) and projects:
        return f"the project{'s' if len(projects) > 1 else ''} {', '.join(f'`{project}`' for project in projects)}"
    return f"every project of the hub `{hub}`" if hub else "every project of every hub that the app may see"


def _libraries(details: Details) -> str:
    site = f"the site {details.get('site_url') or details.get('site_id')}"
    drive = details.get("drive") or details.get("drive_id")
    return _below(
        details.get("folder_path"), f"the library `{drive}` of {site}" if drive else f"all libraries of {site}"
    )


def _one_drive(details: Details) -> str:
    user, drive = details.get("user"), details.get("drive_id")
    return _below(details.get("folder_path"), f"the OneDrive of {user}" if user else f"the drive `{drive}`")


def _dropbox(details: Details) -> str:
    member, namespace = details.get("select_user") or details.get("select_admin"), details.get("namespace_id")
    whose = f"what the member `{member}` sees" if member else "what the app may see"
    return _below(details.get("path"), f"the namespace `{namespace}`" if namespace else f"{whose} of a Dropbox")


def _box(details: Details) -> str:
    folder = details.get("folder_id")
    return (
        f"the folder `{folder}` and all below it" if folder not in {None, "0"} else "all that the account sees in Box"
    )


def _container(details: Details) -> str:
    return _addressed("azure", details["container"], details, details.get("base_url"))


def _gcs(details: Details) -> str:
    address = str(details.get("base_url") or "")
    return _addressed("gs", details["bucket"], details, None if address.endswith("googleapis.com") else address)


def _below(folder: str | None, place: str) -> str:
    return f"`{folder}` and all below it in {place}" if folder else place


def _addressed(scheme: str, top: str, details: Details, address: str | None) -> str:
    return f"`{scheme}://{top}/{details.get('prefix') or ''}`" + (f" at {address}" if address else "")


PLACES: Mapping[str, Callable[[Details], str]] = {
    "google_drive": _part_of_drive,
    "autodesk": _projects,
    "sharepoint": _libraries,
    "onedrive": _one_drive,
    "dropbox": _dropbox,
    "box": _box,
    "gcs": _gcs,
    "azure_blob": _container,
}
