"""The data sources of an installation: those of endpoints.yaml and those that were saved, in one list.

A source of the file is changed in the file. Of two that have one name neither is used: nobody could say which is meant.
"""

import secrets as random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from filesync_dagster.config import DataSource, slug_of
from filesync_dagster.config.reader import SOURCE, SOURCES
from filesync_dagster.core.encryption import SecretBox, secret_keys
from filesync_dagster.core.errors import ConfigError, SourceRefused
from filesync_dagster.core.suggestions import did_you_mean
from filesync_dagster.storage.database.data_sources import (
    DataSourceRecord,
    SourceConflict,
    SourceRevision,
    UnknownSource,
)
from filesync_dagster.sync.runtime import Runtime
from filesync_dagster.tables.catalog.contexts import request_context
from filesync_dagster.tables.catalog.edits import SourceEdit, apply_edit
from filesync_dagster.tables.catalog.secret_values import SecretValues, check_references
from filesync_dagster.tables.daily.access import operator_context
from filesync_dagster.tables.sources.base import SourceContext
from filesync_dagster.tables.sources.deadline import never_cancelled
from filesync_dagster.tables.sources.registry import source_type
from filesync_dagster.tables.sources.secret_fields import split_secrets

NAME_MAX_LETTERS = 63


@dataclass(frozen=True)
class KnownSource:
    """A data source as everybody may see it, without secrets."""

    name: str
    type: str
    config: Mapping[str, Any]
    secrets_set: tuple[str, ...]
    origin: Literal["file", "saved"]
    description: str = ""
    place: str | None = None  # of one in the file: "/srv/endpoints.yaml:12"
    problem: str | None = None  # why it cannot be used
    record: DataSourceRecord | None = field(default=None, repr=False)  # of one that was saved
    declared: DataSource | None = field(default=None, repr=False)  # of one in the file; it may have secrets


class SourceDirectory:
    """See the module's docstring. Cheap to make; serves one request or one run."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._config = runtime.config
        self._repository = runtime.metadata.data_sources
        environment = runtime.config.environment
        box = SecretBox(secret_keys(environment.secret_key))
        self.secrets = SecretValues(box, runtime.secrets, environment.variables)

    def all(self) -> list[KnownSource]:
        """Return every source, by name, those that cannot be used with the reason."""
        saved = {record.name: record for record in self._repository.all()}
        of_file = {source.name: source for source in self._config.sources}
        found = [_of_record(record, self._place(name) if name in of_file else None) for name, record in saved.items()]
        found += [_of_file(each, self._place(each.name), is_twice=each.name in saved) for each in of_file.values()]
        found += self._broken()
        return sorted(found, key=lambda source: (source.name, source.origin))

    def show(self, name: str) -> KnownSource:
        """Return the source of a name, the saved one where there are two. Raises UnknownSource."""
        found = [source for source in self.all() if source.name == name]
        if not found:
            hint = did_you_mean(name, [source.name for source in self.all()])
            raise UnknownSource(f"There is no data source {name!r}.", hint=hint, code="not_found", field="source")
        return next((source for source in found if source.origin == "saved"), found[0])

    def get(self, name: str) -> KnownSource:
        """Return a source to work with. Raises UnknownSource; SourceConflict, ConfigError for one that is unusable."""
        found = self.show(name)
        if found.problem is None:
            return found
        if found.type:
            raise SourceConflict(found.problem, hint="Rename one of them.", code="ambiguous", field="source")
        raise ConfigError([found.problem])

    def add(self, name: str, edit: SourceEdit, who: str) -> KnownSource:
        """Save a new source. Raises SourceConflict for a name that is taken, SourceRefused, ConfigError."""
        self._check_name(name)
        new = apply_edit(None, {}, edit)
        check_references(new.secrets, may_refer=edit.may_refer)
        source_id = random.token_hex(16)
        kept = self.secrets.keep(source_id, new.secrets)
        record = self._repository.add(
            source_id, name, new.type, new.config, kept, who, description=edit.description or ""
        )
        return _of_record(record, None)

    def change(
        self, name: str, edit: SourceEdit, who: str, *, revision: int | None = None, new_name: str | None = None
    ) -> KnownSource:
        """Change a saved source. Raises as `add`; UnknownSource; SourceConflict: "revision", "read_only"."""
        before = self._saved(name)
        if new_name is not None and new_name != name:
            self._check_name(new_name)
        new = apply_edit(before, self.secrets.reveal(before.id, before.secrets_encrypted), edit)
        check_references(new.given_secrets, may_refer=edit.may_refer)
        unchanged = {path: text for path, text in before.secrets_encrypted.items() if path in new.kept_secrets}
        kept = {**unchanged, **self.secrets.keep(before.id, new.given_secrets)}
        record = self._repository.change(
            name,
            new.config,
            kept,
            who,
            before.revision if revision is None else revision,
            new_name,
            kind=new.type,
            description=edit.description,
        )
        return self.show(record.name)

    def remove(self, name: str, who: str, revision: int | None = None) -> None:
        """Remove a saved source; what was read of it stays. Raises UnknownSource, SourceConflict."""
        self._saved(name)
        self._repository.remove(name, who, revision)

    def history(self, name: str) -> list[SourceRevision]:
        """Return the configurations that a saved source had, newest first; of one in the file none is known."""
        record = self.show(name).record
        return self._repository.history(record.id) if record is not None else []

    def note_test(self, source: KnownSource, report: Mapping[str, Any]) -> None:
        """Note what a test said of a saved source."""
        if source.record is not None:
            self._repository.note_test(source.name, source.record.revision, report)

    def settings_of(self, source: KnownSource) -> dict[str, Any]:
        """Return the configuration of a source with its secrets. Raises ConfigError when one is not to be had."""
        if source.record is None:
            assert source.declared is not None, "what is not in the file was saved"
            public, found = split_secrets(source_type(source.type).config, source.declared.config)
            return self.secrets.fill(public, found)
        record = source.record
        return self.secrets.fill(record.config, self.secrets.reveal(record.id, record.secrets_encrypted))

    def context_of(
        self, source: KnownSource, folder: Path, cancelled: Callable[[], bool] = never_cancelled
    ) -> SourceContext:
        """Return where a source works: one of the file may all that the operator may, a saved one what requests may."""
        make = operator_context if source.record is None else request_context
        return make(self._runtime, source.name, folder, cancelled)

    def _saved(self, name: str) -> DataSourceRecord:
        source = self.show(name)
        if source.record is None:
            raise SourceConflict(
                f"The data source {name} stands in {source.place}.", hint="Change it there.", code="read_only"
            )
        return source.record

    def _check_name(self, name: str) -> None:
        try:
            slug_of(name)
        except ValueError as error:
            raise SourceRefused(f"name: {error}.", code="bad_config", field="name") from None
        declared = {source.name for source in self._config.sources} | {source.name for source in self._broken()}
        if name in declared:
            raise SourceConflict(
                f"There is a data source {name} in {self._place(name)} already.",
                hint="Choose another name.",
                code="exists",
                field="name",
            )
        if _is_type(name):
            raise SourceConflict(
                f"{name} is a type of sources.", hint="Choose another name.", code="exists", field="name"
            )

    def _broken(self) -> list[KnownSource]:
        """Return the entries of the file that cannot be read."""
        found = [entry for entry in self._config.broken if entry.block == SOURCES]
        return [
            KnownSource(name, "", {}, (), "file", place=self._place(name), problem="\n".join(entry.problems))
            for entry in found
            for name in [entry.name.removeprefix(SOURCE)]
        ]

    def _place(self, name: str) -> str:
        line = self._config.source_lines.get(name)
        path = self._config.environment.config_path
        return f"{path}:{line}" if line else str(path)


def _is_type(name: str) -> bool:
    try:
        source_type(name)
    except SourceRefused:
        return False
    return True


def _of_record(record: DataSourceRecord, other_place: str | None) -> KnownSource:
    problem = None if other_place is None else f"{record.name} is saved here, and stands in {other_place} as well."
    names = tuple(sorted(record.secrets_encrypted))
    return KnownSource(
        record.name, record.type, record.config, names, "saved", record.description, problem=problem, record=record
    )


def _of_file(source: DataSource, place: str, *, is_twice: bool) -> KnownSource:
    problem = f"{source.name} stands in {place}, and is saved as well." if is_twice else None
    try:
        kind = source_type(source.type)
    except SourceRefused as error:
        problem = f"{place}: {error.message}"
        return KnownSource(source.name, "", {}, (), "file", source.description, place, problem, declared=source)
    public, found = split_secrets(kind.config, source.config)
    return KnownSource(
        source.name, kind.kind, public, tuple(sorted(found)), "file", source.description, place, problem,
        declared=source,
    )  # fmt: skip
