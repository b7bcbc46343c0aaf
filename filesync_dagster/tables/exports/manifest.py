"""The manifest of an export: what is in its files, how it came about, and what it is not."""

from collections.abc import Mapping, Sequence
from typing import Any

import orjson

from filesync_dagster.tables.exports.options import ExportOptions
from filesync_dagster.tables.exports.order import LoadOrder
from filesync_dagster.tables.exports.staging import ExportFile
from filesync_dagster.tables.exports.watch import ExportWatch
from filesync_dagster.tables.model import DataSet

NOTICE = "Synthetic, not anonymous: rows were made up by a model of real ones, and it may remember some of them."
VERSION = 1


def manifest(
    data_set: DataSet,
    kind: str,
    *,
    options: ExportOptions,
    order: LoadOrder,
    tables: Mapping[str, Mapping[str, Any]],
    watch: ExportWatch,
    facts: Mapping[str, Any],
    files: Sequence[ExportFile] | None = None,
) -> bytes:
    """Return the manifest as JSON. `tables`: what was written of each; `files`: None within an archive."""
    document = {
        "manifest_version": VERSION,
        "notice": NOTICE,
        "format": kind,
        "options": options.as_json(),
        **facts,
        "tables": [_table(data_set, name, tables[name]) for name in order.tables],
        "relations": [relation.as_json() for relation in data_set.relations if relation.holds],
        "rules": [rule.as_json() for rule in data_set.rules if rule.enabled],
        "warnings": watch.warnings(),
    }
    if files is not None:
        document["files"] = [{"name": file.name, "size": file.size, "sha256": file.sha256} for file in files]
    return orjson.dumps(document, option=orjson.OPT_INDENT_2, default=str) + b"\n"


def _table(data_set: DataSet, name: str, written: Mapping[str, Any]) -> dict[str, Any]:
    schema = data_set.table(name).schema
    columns = [{"name": column.name, "type": str(column.type)} for column in schema.columns]
    found = {"name": name, **written, "columns": columns, "primary_key": schema.primary_key}
    return found | ({"content_hash": schema.content_hash} if schema.content_hash else {})
