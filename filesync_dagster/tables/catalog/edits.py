"""Edits of saved sources: what the new configuration is, which secrets stay, and whether it is one at all."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from filesync_dagster.core.errors import SourceRefused
from filesync_dagster.storage.database.data_sources import DataSourceRecord
from filesync_dagster.tables.catalog.secret_values import is_reference
from filesync_dagster.tables.sources.registry import source_type
from filesync_dagster.tables.sources.secret_fields import join_secrets, merge_secrets
from filesync_dagster.tables.sources.settings import FILES, TABLES, SourceConfig, note_given_secrets, parse_config

HARMLESS_GROUPS: Final = frozenset({FILES, TABLES})
"""Fields that say what is read, not where and how it is asked."""

TEXT_MAX_LETTERS: Final = 200_000
DEPTH_MAX_COUNT: Final = 12
VALUES_MAX_COUNT: Final = 50_000


@dataclass(frozen=True)
class SourceEdit:
    """What somebody wants a source to be. None stays as it is; `is_partial`: so do fields that are not given."""

    type: str | None = None
    config: Mapping[str, Any] | None = field(default=None, repr=False)
    description: str | None = None
    is_partial: bool = False
    may_refer: bool = False  # to secrets that are kept elsewhere
    may_redirect: bool = False  # what has kept secrets to another place, without entering them again


@dataclass(frozen=True)
class EditedSource:
    """What a source is after an edit."""

    type: str
    config: Mapping[str, Any]  # without secrets
    secrets: Mapping[str, str] = field(repr=False)
    given_secrets: Mapping[str, str] = field(repr=False)  # those that came with the edit
    kept_secrets: frozenset[str]  # the paths of the others


def apply_edit(before: DataSourceRecord | None, kept: Mapping[str, str], edit: SourceEdit) -> EditedSource:
    """Return what a source is after an edit; `kept`: its secrets. Raises SourceRefused, which names the field."""
    kind = source_type(edit.type or (before.type if before else ""))
    config = plain_config(edit.config) if edit.config is not None else dict(before.config if before else {})
    note_given_secrets(kind.config, config)
    is_same_type = before is not None and before.type == kind.kind
    former = before.config if before is not None and is_same_type else {}
    if edit.is_partial and edit.config is not None:
        config = {**former, **config}
    usable = {path: secret for path, secret in (kept if is_same_type else {}).items() if _fits(path, former, config)}
    public, secrets = merge_secrets(kind.config, config, usable)
    if edit.is_partial:
        public = {name: value for name, value in public.items() if value is not None}
    staying = frozenset(path for path, secret in secrets.items() if kept.get(path) == secret and path in usable)
    given = {path: secret for path, secret in secrets.items() if path not in staying}
    if staying and not edit.may_redirect:
        _check_place(kind.config, former, public, min(staying))
    check_config(kind.config, public, secrets)
    return EditedSource(kind.kind, public, secrets, given, staying)


def check_config(model: type[SourceConfig], public: Mapping[str, Any], secrets: Mapping[str, str]) -> None:
    """Raise SourceRefused for a configuration that is none. What a reference stands for is not known here."""
    try:
        parse_config(model, join_secrets(public, secrets))
    except SourceRefused as error:
        if not is_reference(secrets.get(error.field or "", "")):
            raise


def plain_config(given: Mapping[str, Any]) -> dict[str, Any]:
    """Return a configuration that can be stored and told. Raises SourceRefused for one that is no plain JSON."""
    counted = [0]
    for name, value in given.items():
        if not _is_plain(name, 0, counted) or not _is_plain(value, 0, counted):
            raise SourceRefused(
                "The configuration has a text or a number that cannot be stored, or is too large.",
                hint="Zero bytes, halves of letters, and what is no number are not taken.",
                code="bad_config",
                field="config",
            )
    return dict(given)


def _is_plain(value: Any, depth: int, counted: list[int]) -> bool:
    counted[0] += 1
    if depth > DEPTH_MAX_COUNT or counted[0] > VALUES_MAX_COUNT:
        return False
    if isinstance(value, str):
        return len(value) <= TEXT_MAX_LETTERS and "\0" not in value and _has_whole_letters(value)
    if isinstance(value, float):
        return value - value == 0  # neither infinite nor no number
    if isinstance(value, int):
        return abs(value) < 2**63
    if isinstance(value, Mapping):
        return all(_is_plain(part, depth + 1, counted) for pair in value.items() for part in pair)
    return value is None or all(_is_plain(part, depth + 1, counted) for part in value)


def _has_whole_letters(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _fits(path: str, former: Mapping[str, Any], config: Mapping[str, Any]) -> bool:
    """Tell whether a secret within another field is still of use: that field is there, and of the kind that it was."""
    parent, dot, _ = path.partition(".")
    if not dot or parent == "headers":
        return True
    now = config.get(parent, former.get(parent))
    kind_before = (former.get(parent) or {}).get("type")
    return isinstance(now, Mapping) and now.get("type") == kind_before


def _check_place(
    model: type[SourceConfig], former: Mapping[str, Any], public: Mapping[str, Any], secret_path: str
) -> None:
    """Raise SourceRefused when secrets that nobody entered again would go to another place than before."""
    for name, info in model.model_fields.items():
        shown = info.alias or name
        group = (info.json_schema_extra or {}).get("x-group") if isinstance(info.json_schema_extra, dict) else None
        if group not in HARMLESS_GROUPS and former.get(shown) != public.get(shown):
            raise SourceRefused(
                f"{shown} is another one, so the secrets have to be entered again.",
                hint="A secret that is kept goes only where it was meant to go; an administrator may move it.",
                code="secrets_needed",
                field=secret_path,
            )
