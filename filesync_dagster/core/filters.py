"""Which entries of an endpoint are in its inventory: the `filters` of endpoints.yaml.

May import `model` and `errors`.
"""

import re
from datetime import UTC, date, datetime
from functools import cached_property
from typing import TYPE_CHECKING, Annotated, Any

import xxhash
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, field_validator, model_validator

from filesync_dagster.core.model import canonical_json

if TYPE_CHECKING:
    import pyarrow as pa

_UNITS = {"": 1, "B": 1} | {
    f"{letter}{suffix}": (1_000 if suffix == "B" else 1_024) ** power
    for power, letter in enumerate("KMGTP", start=1)
    for suffix in ("B", "IB")
}
_SIZE = re.compile(r"\s*(\d+(?:\.\d+)?)\s*([A-Za-z]*)\s*")


def _bytes(value: Any) -> Any:
    """Turn `5GB` or `10 MiB` into bytes."""
    if not isinstance(value, str):
        return value
    parts = _SIZE.fullmatch(value)
    if parts is None or parts[2].upper() not in _UNITS:
        raise ValueError(
            f"{value!r} is not a size; write bytes, or a number with B, kB, MB, GB, TB, KiB, MiB, GiB or TiB"
        )
    return (
        int(float(parts[1]) * _UNITS[parts[2].upper()]) if "." in parts[1] else int(parts[1]) * _UNITS[parts[2].upper()]
    )


def parse_size(text: str) -> int:
    """Return bytes of what somebody wrote: `5GB`, `10 MiB`, `700`. Raises ValueError."""
    count = int(_bytes(text.strip()))
    if not 0 <= count < 2**63:
        raise ValueError(f"{text!r} is no size that a file can have")
    return count


def _moment(value: Any) -> Any:
    """Turn what YAML has for a date or a time into an aware datetime."""
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value)
        except ValueError as exc:
            raise ValueError(f"{value!r} is not a date; write 2026-01-31 or 2026-01-31T08:00:00Z") from exc
    if isinstance(value, date) and not isinstance(value, datetime):
        value = datetime(value.year, value.month, value.day, tzinfo=UTC)
    if isinstance(value, datetime):
        try:
            return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)
        except OverflowError as exc:
            raise ValueError(f"{value} is beyond the calendar") from exc
    return value


Size = Annotated[int, BeforeValidator(_bytes), Field(ge=0, lt=2**63)]
Moment = Annotated[datetime, BeforeValidator(_moment)]


class Filters(BaseModel):
    """Everything is selected unless a filter says otherwise.

    `file_types`, sizes and times are about files: folders pass. A size or time that the store does not tell passes
    too, because what cannot be judged must not silently go missing. Patterns are about the path below the endpoint's
    root, from its first segment on: `*` and `?` stay within a segment, `**` stands for any number of segments, `[ab]`
    and `[!ab]` for one character, `[[]` for a bracket; every other character, `~`, `$`, `{` and a leading dot among
    them, is itself.
    """

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)

    file_types: Annotated[
        list[str],
        Field(description="Extensions without the dot (`pdf`, `tar.gz`), any case, or MIME types (`image/*`)."),
    ] = []
    include: Annotated[
        list[str],
        Field(
            min_length=1,
            description="Files that match one of these patterns; and folders that do, or that can hold such files.",
        ),
    ] = ["**"]
    exclude: Annotated[
        list[str],
        Field(description="What matches one of these patterns is left out, and everything below it."),
    ] = []
    case_sensitive: Annotated[bool, Field(description="Whether patterns tell `A` from `a`.")] = True
    min_size: Annotated[Size, Field(description="Bytes, or `10 MiB` (1,024s) or `5GB` (1,000s).")] = 0
    max_size: Annotated[Size | None, Field(description="The largest size that is selected.")] = None
    modified_after: Annotated[
        Moment | None,
        Field(description="Modified at this moment or later. A date is its midnight; UTC unless it says otherwise."),
    ] = None
    modified_before: Annotated[Moment | None, Field(description="Modified earlier than this moment.")] = None

    @field_validator("file_types")
    @classmethod
    def _normal_types(cls, values: list[str]) -> list[str]:
        for value in values:
            if not value.strip(". ") or ("/" not in value and set(value) & set("*?[")):
                raise ValueError(f"{value!r} is not a file type; write an extension (`pdf`) or a MIME type (`image/*`)")
        return sorted({value.strip().removeprefix(".").lower() for value in values})

    @field_validator("include", "exclude")
    @classmethod
    def _normal_patterns(cls, values: list[str]) -> list[str]:
        for value in values:
            if not value.strip("/"):
                raise ValueError(f"{value!r} is not a pattern; write `**` for everything")
            if value.startswith("/"):
                fixed = value.lstrip("/")
                raise ValueError(f"{value!r} begins with a slash; patterns are relative to the endpoint: {fixed!r}")
            for segment in value.split("/"):
                if _is_left_open(segment):
                    raise ValueError(f"{value!r} has a bracket that is never closed; write `[[]` for a literal one")
                _compiles(_segment(segment), value)
        return sorted({value.rstrip("/") for value in values})

    @field_validator("include", mode="before")
    @classmethod
    def _whole_folders(cls, values: Any) -> Any:
        """A folder, `drawings/`, stands for what is in it."""
        if not isinstance(values, list):
            return values
        return [
            f"{value}**" if isinstance(value, str) and value.strip("/") and value.endswith("/") else value
            for value in values
        ]

    @model_validator(mode="after")
    def _in_order(self) -> "Filters":
        if self.max_size is not None and self.min_size > self.max_size:
            raise ValueError("min_size is larger than max_size, so no file would ever be selected")
        if self.modified_after and self.modified_before and self.modified_after >= self.modified_before:
            raise ValueError("modified_after is not before modified_before, so no file would ever be selected")
        return self

    @property
    def is_default(self) -> bool:
        """Whether everything is selected."""
        return self.fingerprint() == ""

    def fingerprint(self) -> str:
        """Stable text that differs when the selection may differ; empty when everything is selected."""
        said: dict[str, Any] = {
            name: value for name, value in self.model_dump(mode="json").items() if value != _DEFAULTS[name]
        }
        if "**" in self.include:
            said.pop("include", None)
        if not {"include", "exclude"} & said.keys():
            said.pop("case_sensitive", None)
        return xxhash.xxh3_128_hexdigest(canonical_json(said).encode()) if said else ""

    def select(self, batch: "pa.RecordBatch") -> "pa.BooleanArray":
        """One boolean per row of a batch in FILE_SCHEMA: whether it is in the inventory."""
        from filesync_dagster.core.selection import select  # Arrow is loaded with the first rows

        return select(self, batch)

    def excludes_tree(self, path: str) -> bool:
        """Whether nothing below the folder `path` can be selected, so that it need not be entered."""
        if path == "":
            return False
        return bool(self.excluded and self.excluded[0].search(path)) or not self.may_hold[0].search(path)

    @cached_property
    def included(self) -> tuple[re.Pattern[str], str]:
        """What `include` matches, for Python's `re` (one path) and for Arrow's RE2 (many)."""
        return self._both([_whole(pattern) for pattern in self.include])

    @cached_property
    def may_hold(self) -> tuple[re.Pattern[str], str]:
        """The folders below which `include` can match something, likewise."""
        return self._both([prefix for pattern in self.include for prefix in _above(pattern)])

    @cached_property
    def excluded(self) -> tuple[re.Pattern[str], str] | None:
        """What `exclude` matches, likewise; None where it leaves nothing out."""
        return self._both([f"{_whole(pattern)}(?:/.*)?" for pattern in self.exclude]) if self.exclude else None

    def _both(self, alternatives: list[str]) -> tuple[re.Pattern[str], str]:
        """For Python's `re` (one path) and Arrow's RE2 (many): what is written here means the same in both."""
        flags = "(?s)" if self.case_sensitive else "(?si)"
        body = "|".join(alternatives) if alternatives else "[^\\s\\S]"
        return re.compile(rf"{flags}\A(?:{body})\Z"), rf"{flags}\A(?:{body})\z"


_DEFAULTS = Filters().model_dump(mode="json")


def glob_expression(pattern: str) -> str:
    """Return a pattern as an expression of RE2 for whole paths or names. Raises ValueError for one that is none."""
    try:
        return Filters(include=[pattern]).included[1]
    except ValidationError as error:
        raise ValueError(str(error.errors()[0].get("ctx", {}).get("error", f"{pattern!r} is not a pattern"))) from None


def _whole(pattern: str) -> str:
    segments = pattern.split("/")
    parts = [
        (".*" if last else "(?:.*/)?") if segment == "**" else _segment(segment) + ("" if last else "/")
        for at, segment in enumerate(segments)
        for last in [at == len(segments) - 1]
    ]
    return "".join(parts)


def _above(pattern: str) -> list[str]:
    """Expressions for the folders below which the pattern can match something."""
    found: list[str] = []
    walked: list[str] = []
    for segment in pattern.split("/")[:-1]:
        if segment == "**":
            break
        walked.append(_segment(segment))
        found.append("/".join(walked))
    else:
        if pattern.rpartition("/")[2] != "**":
            return found
    return [*found, "/".join([*walked, ".*"])]


def _is_left_open(segment: str) -> bool:
    """Whether a class of characters begins in a segment and does not end in it: it would match what nobody means.

    >>> [_is_left_open(segment) for segment in ("[a", "[]", "a[!b", "[a]", "[[]", "a]")]
    [True, True, True, False, False, False]
    """
    at = segment.find("[")
    while at >= 0:
        end = _class_end(segment, at)
        if end < 0:
            return True
        at = segment.find("[", end + 1)
    return False


def _class_end(segment: str, at: int) -> int:
    """Return where the class that begins at a bracket ends, -1 when it does not. Its first character may be `]`."""
    return segment.find("]", at + 3 if segment[at + 1 : at + 2] == "!" else at + 2)


def _segment(segment: str) -> str:
    """One segment of a pattern as an expression that never crosses a slash."""
    parts: list[str] = []
    at = 0
    while at < len(segment):
        char = segment[at]
        closing = _class_end(segment, at) if char == "[" else -1
        if closing > 0:
            parts.append(_character_class(segment[at + 1 : closing]))
            at = closing
        else:
            parts.append({"*": "[^/]*", "?": "[^/]"}.get(char) or re.escape(char))
        at += 1
    return "".join(parts)


def _character_class(content: str) -> str:
    negated = content.startswith("!")
    literal = re.sub(r"([\\\[\]^&~|])", r"\\\1", content.removeprefix("!"))
    return f"[^/{literal}]" if negated else f"[{literal}]"


def _compiles(expression: str, pattern: str) -> None:
    try:
        re.compile(expression)
    except re.error as exc:
        raise ValueError(f"{pattern!r} is not a pattern ({exc}); write `[[]` for a literal bracket") from exc
