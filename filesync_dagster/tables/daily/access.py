"""A configured source, opened to be read: with its secrets fetched, its limits, and a folder to work in.

Who wrote endpoints.yaml owns the machine: its sources may reach every address, and every file that the owner can read.
"""

import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from os.path import expanduser
from pathlib import Path

from filesync_dagster.config import DataSource
from filesync_dagster.sync.runtime import Runtime
from filesync_dagster.tables.sources.addresses import AddressGuard
from filesync_dagster.tables.sources.base import SourceContext, SourceLimits, TableSource
from filesync_dagster.tables.sources.deadline import never_cancelled
from filesync_dagster.tables.sources.registry import SourceType, source_type
from filesync_dagster.tables.sources.secret_fields import join_secrets, resolve_references, split_secrets
from filesync_dagster.tables.sources.settings import SourceConfig, parse_config
from filesync_dagster.tables.store import TableStore


def table_store(runtime: Runtime) -> TableStore:
    """Return where the tables of a configuration are kept. Raises ForeignRoot."""
    return TableStore(runtime.snapshots.claimed_root(), runtime.home / "cache")


def config_of(runtime: Runtime, source: DataSource) -> tuple[SourceType, SourceConfig]:
    """Return the kind of a source and its checked configuration. Raises SourceRefused, ConfigError."""
    kind = source_type(source.type)
    public, secrets = split_secrets(kind.config, source.config)
    given = join_secrets(public, resolve_references(secrets, runtime.secrets))
    return kind, parse_config(kind.config, given)


def source_limits(runtime: Runtime) -> SourceLimits:
    """Return what one source may bring, by the settings."""
    settings = runtime.config.settings.tables
    return SourceLimits(rows=settings.max_source_rows, tables=settings.max_tables, file_bytes=int(settings.max_file))


def operator_context(
    runtime: Runtime, name: str, folder: Path, cancelled: Callable[[], bool] = never_cancelled
) -> SourceContext:
    """Return where a source of endpoints.yaml works: every address; paths are relative to that file."""
    beside = runtime.config.environment.config_path.absolute().parent
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    return SourceContext(
        name=name,
        folder=folder,
        guard=AddressGuard.of_operator(),
        limits=source_limits(runtime),
        cancelled=cancelled,
        runtime=runtime,
        find_upload=lambda path: beside / expanduser(path),  # noqa: PTH111 - Path's fails for a user that does not exist
    )


@contextmanager
def opened_source(
    runtime: Runtime, source: DataSource, config: SourceConfig, cancelled: Callable[[], bool] = never_cancelled
) -> Iterator[tuple[TableSource, SourceContext]]:
    """Lend a source, and what it works in; nothing that it fetched stays but what it caches. Raises SourceRefused."""
    folder = Path(tempfile.mkdtemp(prefix="source-", dir=runtime.folder("tmp")))
    cache = runtime.folder("cache", "sources", source.name)
    context = replace(operator_context(runtime, source.name, folder, cancelled), cache=cache)
    try:
        opened = source_type(source.type).open(config, context)
        try:
            yield opened, context
        finally:
            opened.close()
    finally:
        shutil.rmtree(folder, ignore_errors=True)
