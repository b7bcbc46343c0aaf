"""Names of uploads: what people call a file is shown and never used; ours has nothing of it but the type."""

import re
import secrets
import unicodedata
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Final

from filesync_dagster.tables.uploads.errors import UploadError

FORMATS: Final[Mapping[str, str]] = {
    "csv": "csv",
    "tsv": "csv",
    "txt": "csv",
    "json": "json",
    "ndjson": "json",
    "jsonl": "json",
    "xlsx": "excel",
    "xlsm": "excel",
    "xls": "excel",
    "xlsb": "excel",
    "ods": "excel",
    "parquet": "parquet",
}
"""Formats by the ends of names."""

SHOWN_MAX_LETTERS = 255
SUFFIX_MAX_LETTERS = 10

_UNSEEN = re.compile("[\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]")
"""Characters that turn a shown name round or hide in it."""


def shown_name(given: str) -> str:
    r"""Return the name of a file as it is shown: without folders, and without what would turn it round.

    >>> shown_name("../../x.csv"), shown_name("C:\\temp\\y.csv"), shown_name("a\u202excod.csv")
    ('x.csv', 'y.csv', 'axcod.csv')
    """
    plain = _UNSEEN.sub("", unicodedata.normalize("NFC", given.encode("utf-8", "replace").decode()))
    last = re.split(r"[/\\]", plain)[-1].strip()
    stem, dot, end = last.rpartition(".")
    if len(last) > SHOWN_MAX_LETTERS and len(end) <= SUFFIX_MAX_LETTERS:
        last = stem[: SHOWN_MAX_LETTERS - len(end) - 1] + dot + end
    last = last[:SHOWN_MAX_LETTERS]
    return last or "upload"


def extension_of(name: str) -> str:
    """Return the end of a name that says what is in the file. Raises UploadError for what nobody reads."""
    stem, dot, end = name.rpartition(".")
    found = end.lower()
    if not dot or not stem.strip(". ") or found not in FORMATS:
        raise UploadError(
            f"Files of this type are not read: {name}.",
            hint=f"Send one of {', '.join(sorted(FORMATS))}.",
            code="unsupported",
            field="file",
        )
    return found


def stored_name(extension: str, now: datetime) -> str:
    """Return a new name to store a file under: when it came, eight random digits, its type."""
    return f"{now.astimezone(UTC):%Y%m%d_%H%M%S}_{secrets.token_hex(4)}.{extension}"
