"""Databases that sessions are written into: a request brings one with its secrets, or names a configured source.

Whatever a request says of a database goes the way of a source: the same form, the same guard of addresses, the same
fixed sentences. Only PostgreSQL is written to.
"""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

from filesync_dagster.core.errors import SourceRefused
from filesync_dagster.sync.runtime import Runtime
from filesync_dagster.tables.catalog.contexts import request_context
from filesync_dagster.tables.catalog.directory import SourceDirectory
from filesync_dagster.tables.catalog.secret_values import check_references
from filesync_dagster.tables.sources.postgres.config import PostgresConfig
from filesync_dagster.tables.sources.postgres.connection import connection_text
from filesync_dagster.tables.sources.registry import source_type
from filesync_dagster.tables.sources.secret_fields import join_secrets, split_secrets
from filesync_dagster.tables.sources.settings import parse_config

KIND: Final = "postgres"
CONNECT_SECONDS: Final = 30.0
SCHEMA_MAX_BYTES: Final = 63
"""What PostgreSQL keeps of a name; the rest it would cut off without a word."""

OWN_SCHEMAS: Final = ("pg_", "information_schema")


def check_target(runtime: Runtime, target: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, str]]:
    """Return a target as it is stored, and its secrets by their paths. No database is asked.

    `target`: `schema`, and either `source` or `type` and `config`. Raises SourceRefused, UnknownSource, SourceConflict,
    ConfigError.
    """
    _check_schema(target["schema"])
    if target.get("source") is not None:
        _require_postgres(SourceDirectory(runtime).get(target["source"]).type, "target.source")
        return {"source": target["source"], "schema": target["schema"]}, {}
    kind = source_type(str(target["type"]))
    _require_postgres(kind.kind, "target.type")
    try:
        parse_config(PostgresConfig, target["config"])
        public, secrets = split_secrets(PostgresConfig, target["config"])
        check_references(secrets, may_refer=False)
    except SourceRefused as error:
        field = f"target.config.{error.field or ''}".rstrip(".")
        raise SourceRefused(error.message, hint=error.hint, code=error.code, field=field) from None
    return {"type": KIND, "config": public, "schema": target["schema"]}, secrets


def connection_of(
    runtime: Runtime,
    target: Mapping[str, Any],
    secrets: Mapping[str, str],
    folder: Path,
    cancelled: Callable[[], bool],
) -> str:
    """Return what libpq connects with: an address that was checked. Raises SourceRefused, ConfigError."""
    if target.get("source") is not None:
        directory = SourceDirectory(runtime)
        source = directory.get(target["source"])
        _require_postgres(source.type, "target.source")
        context, given = directory.context_of(source, folder, cancelled), directory.settings_of(source)
    else:
        context, given = request_context(runtime, "", folder, cancelled), join_secrets(target["config"], secrets)
    config = parse_config(PostgresConfig, given)
    return connection_text(config, context, context.deadline(CONNECT_SECONDS))


def _require_postgres(kind: str, field: str) -> None:
    if kind != KIND:
        raise SourceRefused(
            f"Nothing is written into a source of type {kind}.",
            hint="Name a PostgreSQL database; for others, export as SQL in their dialect.",
            code="unsupported",
            field=field,
        )


def _check_schema(name: str) -> None:
    if len(name.encode()) > SCHEMA_MAX_BYTES or not name.isprintable() or name.startswith(OWN_SCHEMAS):
        raise SourceRefused(
            f"A schema of PostgreSQL has {SCHEMA_MAX_BYTES} bytes at most, and no name of PostgreSQL's own.",
            code="bad_config",
            field="target.schema",
        )
