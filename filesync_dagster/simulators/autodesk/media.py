"""What kind of content a file has, by its name."""

MIME_TYPES = {
    "csv": "text/csv",
    "docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    "dwg": "application/vnd.autodesk.autocad.dwg",
    "ifc": "application/x-step",
    "jpg": "image/jpeg",
    "nwd": "application/vnd.autodesk.navisworks.nwd",
    "pdf": "application/pdf",
    "png": "image/png",
    "rvt": "application/vnd.autodesk.revit",
    "txt": "text/plain",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "zip": "application/zip",
}


def suffix_of(name: str) -> str:
    """Return what comes after the last dot of a name, in lower case."""
    return name.rpartition(".")[2].lower() if "." in name else ""


def mime_type(suffix: str) -> str:
    """Return the media type of files with this suffix."""
    return MIME_TYPES.get(suffix, "application/octet-stream")
