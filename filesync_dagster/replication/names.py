"""Names that a destination can hold. Pure: no I/O.

An impossible name is told, never altered in silence; with `rename_impossible: percent` it is escaped so that the way
back is plain: what was forbidden is written `%XX`, a percent sign too.
"""

import re
from typing import Final

from filesync_dagster.connectors.destination import (
    ASIDE_SUFFIX,
    PART_SUFFIX,
    TRASH_FOLDER,
    DestinationFacts,
    name_problem,
)

OURS: Final = (PART_SUFFIX, ASIDE_SUFFIX)
"""Ends of names that are kept for what filesync does itself."""


def copy_problem(path: str, facts: DestinationFacts, size: int | None = None) -> str | None:
    """Return why a file cannot be at a path of a destination, as the end of a sentence; None when it can."""
    if any(name.endswith(OURS) for name in path.split("/")):
        return "that name is kept for what filesync does itself"
    if size is not None and facts.max_size is not None and size > facts.max_size:
        return f"it has {size:,} bytes, and {facts.max_size:,} are the most there"
    return name_problem(path, facts)


def escape_path(path: str, facts: DestinationFacts) -> str:
    """Return a path in which nothing is forbidden but lengths, to be undone by `urllib.parse.unquote`."""
    return "/".join(_escaped(name, facts) for name in path.split("/"))


def _escaped(name: str, facts: DestinationFacts) -> str:
    if name in {"", ".", ".."} and not facts.keeps_dots:
        return "%2E" * len(name) or "%"
    forbidden = {*facts.forbidden_characters, "%", "\x00"}
    found = "".join(_percent(letter) if letter in forbidden else letter for letter in name)
    if found and facts.forbidden_endings and found[-1] in facts.forbidden_endings:
        found = found[:-1] + _percent(found[-1])
    if facts.forbidden_names and found.split(".")[0].lower() in facts.forbidden_names:
        found = _percent(found[0]) + found[1:]
    return found[:-1] + _percent(found[-1]) if found.endswith(OURS) else found


def _percent(letter: str) -> str:
    return "".join(f"%{byte:02X}" for byte in letter.encode())


def suspects(facts: DestinationFacts) -> list[str]:
    """Return conditions in SQL over `dest_path` and `size`: what meets none of them has no `copy_problem`."""
    found = [
        f"starts_with(dest_path, '{TRASH_FOLDER}')",
        *(f"contains(dest_path, '{suffix}')" for suffix in OURS),
        "contains(dest_path, chr(0))",
        r"contains(dest_path, '\x')",  # bytes that are no text, NUL among them
        "dest_path = ''",
    ]
    if not facts.keeps_dots:
        found.append(r"regexp_matches(dest_path, '(^|/)\.{0,2}(/|$)')")
    if facts.forbidden_characters:
        letters = "".join(f"\\x{{{ord(letter):x}}}" for letter in facts.forbidden_characters)
        found.append(f"regexp_matches(dest_path, '[{letters}]')")
    if facts.forbidden_endings:
        letters = "".join(f"\\x{{{ord(letter):x}}}" for letter in facts.forbidden_endings)
        found.append(f"regexp_matches(dest_path, '[{letters}](/|$)')")
    if facts.forbidden_names:
        names = "|".join(re.escape(name) for name in sorted(facts.forbidden_names))
        found.append(f"regexp_matches(dest_path, '(?i)(^|/)({names})(\\.[^/]*)?(/|$)')")
    if facts.max_name_bytes is not None:
        most = facts.max_name_bytes
        found.append(f"(strlen(dest_path) > {most} AND list_max([strlen(x) FOR x IN split(dest_path, '/')]) > {most})")
    if facts.max_path_bytes is not None:
        found.append(f"strlen(dest_path) > {facts.max_path_bytes}")
    if facts.max_size is not None:
        found.append(f"size > {facts.max_size}")
    return found
