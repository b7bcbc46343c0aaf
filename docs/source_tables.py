"""The page about data sources of tables, whose tables of fields `build` writes from their forms."""

from collections.abc import Iterator
from typing import Any, Final

from filesync_dagster.tables.sources.refusals import CODES
from filesync_dagster.tables.sources.registry import SourceType, source_types

PAGE: Final = """\
# Data sources of tables

{written_by}

A data source is a configured place that has tables: files that were uploaded or that an endpoint has, a database, a bucket, an API, a
catalogue. It can do three things: **test** says which tables can be read and, if not, which field to correct; **discover** tells
tables with their columns, keys and relations; **read** brings all rows of a table, or an error, never a part of them.

## Kinds

{kinds}

*Server-tested* kinds are tried against the real server, or the vendor's own emulator, with each change; *contract-tested* ones against
doubles of it, with the vendor's own driver where there is one. What a kind of files reads: {formats}.

## What holds for all of them

- **One moment.** All tables that one PostgreSQL or Oracle source reads together are of one transaction that only reads: a row that
  somebody adds meanwhile is in none of them, so no foreign key leads nowhere. Files are read at the version that was listed; one that
  changes meanwhile is an error, and reading again gets the new one. Other kinds say nothing of a moment.
- **No value changes.** Decimals stay decimals, whole numbers stay whole. What cannot be stored as it is (`infinity` among dates, `NaN`
  among decimals) becomes NULL and is counted among the warnings of the table.
- **A deadline.** A test ends within ten seconds, whatever the other side does. A read ends with an error when nothing came for five
  minutes, or when more rows come than `settings.tables.max_source_rows`.
- **Only checked addresses.** Hosts are resolved once, all their addresses are checked, and the connection goes to one of those. This
  machine, private networks and the metadata services of clouds are refused unless
  [`settings.tables.allow_hosts`](configuration.md) names them; so is being sent on there by a redirect. Files and sockets of the
  machine (`host: /tmp`, wallets, certificates by name) are for who runs filesync on it, on the command line.
- **Secrets stay secret.** They are encrypted with `FILESYNC_SECRET_KEY` (AES-256-GCM, bound to the source and the field), never shown
  again, and in no log, message or table. `secret:NAME` and `${{NAME}}` are references, which are kept instead of a secret. To replace
  the key, put the new one before the old one, after a comma: what is written from then on has the new one.

## The least that a source needs

### PostgreSQL

```pgsql
CREATE ROLE filesync_reader LOGIN PASSWORD 'choose one';
GRANT CONNECT ON DATABASE shop TO filesync_reader;
GRANT USAGE ON SCHEMA public TO filesync_reader;
GRANT SELECT ON ALL TABLES IN SCHEMA public TO filesync_reader;
ALTER ROLE filesync_reader SET default_transaction_read_only = on;
```

Single columns may be granted, too: the others are left out, with a warning. Where row level security shows the role a part of the
rows, the table says so. PostgreSQL 12 or newer. Functions in `where` need their schema: `public.my_function(x)`.

### Snowflake

```text
CREATE ROLE FILESYNC_READER;
GRANT USAGE ON WAREHOUSE COMPUTE_WH TO ROLE FILESYNC_READER;
GRANT USAGE ON DATABASE SHOP TO ROLE FILESYNC_READER;
GRANT USAGE ON SCHEMA SHOP.PUBLIC TO ROLE FILESYNC_READER;
GRANT SELECT ON ALL TABLES IN SCHEMA SHOP.PUBLIC TO ROLE FILESYNC_READER;
CREATE USER FILESYNC TYPE = SERVICE DEFAULT_ROLE = FILESYNC_READER RSA_PUBLIC_KEY = 'MIIB…';
GRANT ROLE FILESYNC_READER TO USER FILESYNC;
```

Snowflake does not enforce keys: each is verified when its table is read, and one that repeats is not used, with a warning. The driver
is in the extra `[snowflake]`.

### Oracle

```text
CREATE USER filesync_reader IDENTIFIED BY "choose one";
GRANT CREATE SESSION TO filesync_reader;
GRANT SELECT ON shop.orders TO filesync_reader;
```

`thin` needs nothing else, and Oracle 12.1 or newer. For 11g, `thick` and Oracle Instant Client on this machine. Oracle has no empty
text: it is NULL. A DATE has a time.

### S3

```json
{{
  "Version": "2012-10-17",
  "Statement": [
    {{"Effect": "Allow", "Action": "s3:ListBucket", "Resource": "arn:aws:s3:::acme-tables"}},
    {{"Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::acme-tables/in/*"}}
  ]
}}
```

### Google Cloud Storage and Azure Blob Storage

A service account with *Storage Object Viewer* on the bucket. A shared access signature of the container with *read* and *list*, or an
app registration with *Storage Blob Data Reader*.

### Microsoft Purview and Apache Atlas

An app registration with the role *Data Reader* of the collection; a user who may read entities. They have schemas, descriptions and
classifications, which become the sensitivity of columns, and no rows.

## What a refusal says

Each has a code, a sentence, what to do and, where there is one, the field to correct. What a driver or a server said is in the log of
filesync, without secrets, and nowhere else: it may quote anything.

{codes}

## Fields

Required ones are **bold**, secrets in *italics*.
{fields}
"""


def sources_page(written_by: str) -> str:
    """Return docs/table-sources.md."""
    kinds = source_types()
    formats = next(kind.formats for kind in kinds if kind.kind == "upload")
    return PAGE.format(
        written_by=written_by,
        kinds="\n".join(kind_rows(kinds)),
        formats=", ".join(f"`.{name}`" for name in formats),
        codes="\n".join(code_rows()),
        fields="\n".join(line for kind in kinds for line in field_rows(kind)),
    )


def kind_rows(kinds: tuple[SourceType, ...]) -> Iterator[str]:
    """Yield the table of kinds."""
    yield "| type | what it is | tested | besides test and discover |"
    yield "|---|---|---|---|"
    for kind in kinds:
        names = " or ".join(f"`{name}`" for name in (kind.kind, *kind.aliases))
        abilities = [name.replace("_", " ") for name in kind.capabilities if name not in {"test", "discover"}]
        yield f"| {names} | {kind.description} | {kind.tested} | {', '.join(abilities) or 'nothing'} |"


def code_rows() -> Iterator[str]:
    """Yield the table of codes."""
    yield "| code | what happened | what to do |"
    yield "|---|---|---|"
    for code, (sentence, hint) in CODES.items():
        yield f"| `{code}` | {sentence.format(what='The source')} | {hint or 'Install what the message names.'} |"


def field_rows(kind: SourceType) -> Iterator[str]:
    """Yield the table of the fields of a kind."""
    schema = kind.config.model_json_schema()
    yield f"\n### {kind.name}\n\n| field | default | meaning |\n|---|---|---|"
    for name, field in schema["properties"].items():
        yield f"| {name_cell(name, field, schema)} | {default_cell(field)} | {field['description']} |"
        for inner, inner_field in inner_fields(field, schema):
            yield f"| `{name}.`{inner} | {default_cell(inner_field)} | {inner_field['description']} |"


def name_cell(name: str, field: dict[str, Any], schema: dict[str, Any]) -> str:
    """Return a field's name: bold when it is required, in italics when it is a secret."""
    text = f"`{name}`"
    if "writeOnly" in str(field):
        text = f"*{text}*"
    return f"**{text}**" if name in schema.get("required", ()) else text


def default_cell(field: dict[str, Any]) -> str:
    """Return what a field is when it is left out."""
    default = field.get("default")
    if default in (None, "", [], {}) or isinstance(default, dict):
        return ""
    return f"`{', '.join(map(str, default)) if isinstance(default, list) else str(default).lower() if isinstance(default, bool) else default}`"


def inner_fields(field: dict[str, Any], schema: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the fields of a field that has some."""
    place = field.get("$ref") or field.get("items", {}).get("$ref")
    if place:
        inner = schema["$defs"][place.rpartition("/")[2]]
        for name, one in inner["properties"].items():
            yield name_cell(name, one, inner), one
