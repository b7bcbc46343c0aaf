"""A project with a folder that is replicated to another folder."""

from pathlib import Path


def source_of(made, name="photos", files=3):
    """Return the endpoint over a folder with some files."""
    folder = Path(made) / name
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(files):
        write(folder, f"{number}.txt", f"{name} {number}")
    return {"name": name, "type": "local", "schedule": "manual", "endpoint_details": {"path": str(folder)}}


def write(folder, name, text):
    """Write a file of the source."""
    (Path(folder) / name).write_text(text)


def replication(folder, name="copy", source="photos", **entry):
    """Return a replication to a folder of its own, which is there."""
    target = Path(folder) / name
    target.mkdir(parents=True, exist_ok=True)
    details = {"type": "local", "endpoint_details": {"path": str(target)}}
    return {"name": name, "source": source, "destination": details, **entry}


def contents(folder):
    """Return what a destination holds, by path."""
    root = Path(folder)
    found = {f"{path.relative_to(root)}": path.read_text() for path in root.rglob("*") if path.is_file()}
    return {name: text for name, text in found.items() if not name.startswith(".filesync")}
