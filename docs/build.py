"""Write the generated pages and check every link: `python docs/build.py`. With `--check`, only tell what is wrong.

docs/configuration.md comes from the configuration models, docs/command-line.md from the commands, docs/stores.md and
docs/s3-compatibles.md from the connectors, console/src/api/types.d.ts from the API.
"""

import re
import sys
from collections.abc import Iterator
from datetime import date, datetime
from enum import Enum
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin

import annotated_types
import click
from console_types import console_types
from pydantic import BaseModel, ByteSize, SecretStr
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined
from quirk_tables import compatibles_page
from source_tables import sources_page
from store_tables import stores_page

from filesync_dagster.cli.app import every_command, filesync
from filesync_dagster.config import Alerts, DataSource, Endpoint, GenerationConfig, Replication, Settings
from filesync_dagster.config.queues import QUEUES, Queue
from filesync_dagster.connectors import CONNECTORS
from filesync_dagster.core.filters import Filters

DOCS = Path(__file__).parent
ROOT = DOCS.parent
WRITTEN_BY = "<!-- Written by `make docs` from {source}: change it there. -->"

ENVIRONMENT = """\
| variable | meaning |
|---|---|
| `FILESYNC_CONFIG` | The configuration file; `--config` wins. Default: `endpoints.yaml`. |
| `FILESYNC_HOME` | Where state is kept: the SQLite database, staging, snapshots. Default: `.filesync`. |
| `FILESYNC_DATABASE_URL` | The metadata database; wins over `settings.database_url`. |
| `FILESYNC_SNAPSHOT_ROOT` | Where snapshots and changes go; wins over `settings.snapshot_root`. |
| `FILESYNC_DAGSTER_URL` | Dagster's web server, for who is no part of Dagster. Default: that of `filesync up`. |
| `FILESYNC_INSTALLATION` | One name for processes that share no home ([why](operations.md#whose-dagster-it-is)). |
| `FILESYNC_API_TOKEN` | The bearer token of [the API](rest.md). Without one, everybody may read and nobody may write. |
| `FILESYNC_SECRET_KEY` | Encrypts secrets of data sources: 32 bytes in Base64; the first of a list encrypts. |
| `HTTPS_PROXY`, `HTTP_PROXY`, `ALL_PROXY`, `NO_PROXY` | The proxy, and the hosts that are asked without it. |
| `FILESYNC_LOG_FORMAT` | `json`: log events are [JSON lines](monitoring.md#logs), in Dagster's processes, too. |
"""

CONFIGURATION = """\
# Configuration

{written_by}

Everything is in one file, `endpoints.yaml`. `filesync init` writes one to start from, `filesync validate` names every
problem in it with its line. Unknown keys are refused.

- `${{NAME}}` anywhere in a value is replaced by the environment variable `NAME`; `${{NAME:-text}}` has a default;
  `$${{NAME}}` stays as `${{NAME}}`.
- A secret may also be `secret:NAME`, the value of that secret in AWS Secrets Manager, or `secret:NAME#KEY`, one key of
  a secret that holds a JSON object. It is fetched when the store is opened, never stored.
- Relative paths are relative to the file.

## A whole file

```yaml
settings:
  database_url: ${{FILESYNC_DATABASE:-sqlite:///filesync.db}}
  snapshot_root: /var/lib/filesync/data
  partitions: {{start_date: 2026-01-01, timezone: Europe/Berlin}}
  concurrency: 10
  memory_limit: 1GB
  retention: {{intraday_snapshots_days: 7, snapshots_days: 400}}

endpoints:
  - name: engineering_files
    type: s3
    title: Engineering Files
    project_id: eng-project-001
    user_id: engineer@company.com
    endpoint_details:
      bucket: eng
      prefix: drawings/
      region: eu-central-1
      access_key_id: ${{ENG_KEY}}
      secret_access_key: secret:filesync/eng#secret_access_key
    filters:
      file_types: [dwg, pdf, docx]
      exclude: ["**/~$*"]
      max_size: 5GB
    schedule: interval
    schedule_config: {{interval_minutes: 5}}
    guard: {{max_removed_percent: 50, max_removed: 10000}}

  - name: shared_drive
    type: local
    endpoint_details: {{path: /mnt/shared, must_contain: .mounted}}
    schedule: cron
    schedule_config: {{cron: "0 6 * * 1-5", timezone: Europe/Berlin}}
```

## `endpoints:`

A list; each entry is one endpoint, which is one Dagster asset.

{endpoint}

## `replications:`

A list; each entry keeps the files of an endpoint at a destination.

```yaml
replications:
  - name: eng_to_archive
    source: engineering_files
    destination: {{type: s3, endpoint_details: {{bucket: archive, prefix: eng/}}}}
    mode: mirror
    paths: {{strip: drawings/}}
    filters: {{exclude: ["**/~$*"]}}
    guard: {{max_removed_percent: 50, max_bytes: 1TB}}
```

{replications}

## `sources:`

A list; each entry is a place that has tables, which [`filesync tables` and `filesync generate`](tables.md) know by its
name: `--type shop`. What `config` has depends on the type; `filesync validate` checks it.

```yaml
sources:
  - name: shop
    type: postgres
    config: {{host: db.example.com, database: shop, username: reader, password: "${{SHOP_PASSWORD}}"}}
```

{sources}

## `generations:`

A list; each entry is [synthetic data](tables-dagster.md#synthetic-data) like the tables of some sources, made again
when these have other rows.

```yaml
sources:
  - name: shop
    type: postgres
    config: {{host: db.example.com, database: shop, username: reader, password: "${{SHOP_PASSWORD}}"}}
generations:
  - name: shop_for_tests
    sources: [shop]
    scale: 0.1
    seed: fixed
    rules: [{{table: orders, expression: "amount >= 0"}}]
    export: {{format: sql, options: {{dialect: postgres}}}}
```

{generations}

## `settings:`

One block for the whole project; all of it can be left out.

{settings}

## `queues:`

A list; each entry is a queue that tells of changes, or in which somebody asks for syncs.

{queues}

## `alerts:`

Whom to tell what; see [alerts](alerts.md). All of it can be left out.

{alerts}

## Environment

{environment}"""

COMMAND_LINE = """\
# Command line

{written_by}

Errors are one sentence on standard error that says what to do; `--debug` adds the traceback. Output on standard output
is for programs when `--json` or `--format csv|json` is given: names, values and exit codes are stable.

| exit code | meaning |
|---|---|
| 0 | done; every sync was committed |
| 1 | something failed |
| 2 | the command was not understood |
| 3 | something was held by the guard, and nothing failed |

`filesync plan` tells more: 0 nothing to do, 2 something, 3 something that the guard would hold.

`filesync --version` says which version is installed.

## Completion

bash, zsh and fish complete commands and options once they are told how, for instance in `~/.bashrc`, `~/.zshrc` or
`~/.config/fish/completions/filesync.fish`:

```sh
eval "$(_FILESYNC_COMPLETE=bash_source filesync)"     # bash
eval "$(_FILESYNC_COMPLETE=zsh_source filesync)"      # zsh
_FILESYNC_COMPLETE=fish_source filesync | source      # fish
```

## Commands

{commands}"""


def main(arguments: list[str]) -> int:
    """Write or check; return the exit code."""
    wrong = []
    for page, text in pages():
        if "--check" not in arguments:
            page.write_text(text, encoding="utf-8")
        elif not page.exists() or page.read_text(encoding="utf-8") != text:
            wrong.append(f"{page.relative_to(ROOT)} is out of date: run `make docs`.")
    wrong += broken_links()
    print("\n".join(wrong) or "The docs are up to date and every link leads somewhere.")
    return 1 if wrong else 0


def pages() -> Iterator[tuple[Path, str]]:
    """Yield each generated page."""
    yield (
        DOCS / "configuration.md",
        CONFIGURATION.format(
            written_by=WRITTEN_BY.format(source="the configuration models"),
            endpoint="\n".join(["\n".join(reference(Endpoint)), *details()]),
            replications="\n".join(replications()),
            sources="\n".join(reference(DataSource)),
            generations="\n".join(reference(GenerationConfig)),
            settings="\n".join(reference(Settings)),
            queues="\n".join(queues()),
            alerts="\n".join(reference(Alerts)),
            environment=ENVIRONMENT,
        ),
    )
    yield (
        DOCS / "command-line.md",
        COMMAND_LINE.format(written_by=WRITTEN_BY.format(source="the commands"), commands="\n".join(commands())),
    )
    yield DOCS / "stores.md", stores_page(WRITTEN_BY.format(source="the connectors"))
    yield DOCS / "table-sources.md", sources_page(WRITTEN_BY.format(source="the forms of tables/sources"))
    yield DOCS / "s3-compatibles.md", compatibles_page(WRITTEN_BY.format(source="connectors/s3/quirks.py"))
    yield ROOT / "console" / "src" / "api" / "types.d.ts", console_types()


def details() -> Iterator[str]:
    """Yield `endpoint_details` of each type."""
    for kind, connector in CONNECTORS.items():
        yield f"### `endpoint_details:` of type `{kind}`\n\n{connector.title}.\n"
        yield "\n".join(reference(connector.details))


def replications() -> Iterator[str]:
    """Yield what a replication says, and the destinations that have details of their own."""
    yield "\n".join(reference(Replication))
    writable = {kind: one for kind, one in CONNECTORS.items() if one.open_destination is not None}
    yield f"A destination is of type {', '.join(f'`{kind}`' for kind in writable)}, with the details of its type.\n"
    for kind, connector in writable.items():
        if connector.destination_details is not None and connector.lists:
            yield f"### `endpoint_details:` of a destination of type `{kind}`\n"
            yield "\n".join(reference(connector.destination_details))


def queues() -> Iterator[str]:
    """Yield what is common to all queues, and what each type has besides."""
    yield "\n".join(reference(Queue))
    for kind, model in QUEUES.items():
        yield f"### A queue of type `{kind}`\n"
        common = tuple(f"| `{name}` |" for name in Queue.model_fields)
        yield "\n".join(line for line in reference(model) if not line.startswith(common))


def reference(model: type[BaseModel]) -> Iterator[str]:
    """Yield the table of a model, then the models inside it."""
    yield "| key | value | default | |"
    yield "|---|---|---|---|"
    nested = []
    for name, field in model.model_fields.items():
        yield f"| `{name}` | {kind_of(field)} | {default_of(field)} | {cell(field.description or '')} |"
        nested += [(name, inner) for inner in types_in(field.annotation) if is_model(inner) and inner is not BaseModel]
    yield ""
    for name, inner in nested:
        yield f"### `{name}:`\n"
        if inner is Filters:
            yield f"{unwrapped(inner.__doc__ or '')}\n"
        yield from reference(inner)


def kind_of(field: FieldInfo) -> str:
    """Return the kind of value in words, with its bounds."""
    bounds = [
        text
        for limit in field.metadata
        for text in (
            f"≥ {limit.ge:,}" if isinstance(limit, annotated_types.Ge) else "",
            f"> {limit.gt:,}" if isinstance(limit, annotated_types.Gt) else "",
            f"≤ {limit.le:,}" if isinstance(limit, annotated_types.Le) else "",
        )
        if text
    ]
    return ", ".join([" or ".join(dict.fromkeys(words(field.annotation))), *bounds])


def words(annotation: Any) -> Iterator[str]:
    """Yield what may stand there."""
    for kind in types_in(annotation):
        origin = get_origin(kind)
        if origin is Literal:
            yield from (f"`{value}`" for value in get_args(kind))
        elif origin in (list, tuple):
            yield f"list of {', '.join(words(get_args(kind)[0]))}"
        elif isinstance(kind, type) and issubclass(kind, Enum):
            yield from (f"`{member.value}`" for member in kind)
        elif is_model(kind):
            yield "block"
        else:
            yield NAMES.get(kind, getattr(kind, "__name__", str(kind)))


NAMES: dict[Any, str] = {
    str: "text",
    bool: "`true` or `false`",
    int: "whole number",
    float: "number",
    SecretStr: "secret",
    ByteSize: "size",
    Path: "path",
    date: "date",
    datetime: "date or time",
}


def types_in(annotation: Any) -> list[Any]:
    """Return the alternatives of an annotation, None left out."""
    if get_origin(annotation) in (Union, UnionType):
        return [kind for part in get_args(annotation) for kind in types_in(part)]
    if hasattr(annotation, "__metadata__"):  # Annotated, and what pydantic wraps in it
        return types_in(get_args(annotation)[0])
    return [] if annotation is NoneType else [annotation]


def is_model(kind: Any) -> bool:
    """Tell whether a type is a block of its own."""
    return isinstance(kind, type) and issubclass(kind, BaseModel)


def default_of(field: FieldInfo) -> str:
    """Return what holds when the key is left out."""
    if field.is_required():
        return "**required**"
    value = field.default
    if value is PydanticUndefined or value is None:
        return ""
    if isinstance(value, ByteSize):
        return f"`{value.human_readable(decimal=True)}`"
    if isinstance(value, Enum):
        value = value.value
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    if isinstance(value, list | tuple):
        return f"`[{', '.join(repr(item).replace(chr(39), chr(34)) for item in value)}]`"
    return f"`{value}`" if str(value) else ""


def cell(text: str) -> str:
    """Return text that fits a table cell."""
    return unwrapped(text).replace("|", "\\|")


def unwrapped(text: str) -> str:
    """Return the paragraphs of a docstring, each on one line."""
    return "\n\n".join(" ".join(paragraph.split()) for paragraph in text.strip().split("\n\n"))


def commands() -> Iterator[str]:
    """Yield the help of every command, as a terminal shows it."""
    yield "\n".join(["```text", help_of(filesync, "filesync"), "```", ""])
    for name, command in every_command().items():
        yield "\n".join([f"## {name}", "", "```text", help_of(command, f"filesync {name}"), "```", ""])
        for part, inner in command.commands.items() if isinstance(command, click.Group) else ():
            path = f"{name} {part}"
            yield "\n".join([f"### {path}", "", "```text", help_of(inner, f"filesync {path}"), "```", ""])


def help_of(command: click.Command, path: str) -> str:
    """Return the help of one command, 100 columns wide."""
    context = click.Context(command, info_name=path, **{**filesync.context_settings, "terminal_width": 100})
    return command.get_help(context)


LINK = re.compile(r"(?<!!)\[[^\]]*\]\(([^)\s]+)\)")
FENCE = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)


def broken_links() -> list[str]:
    """Return every relative link of a page that leads nowhere. Other hosts are not asked."""
    pages = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "CHANGELOG.md", *sorted(DOCS.glob("*.md"))]
    return [
        f"{page.relative_to(ROOT)}: {link} leads nowhere."
        for page in pages
        for link in LINK.findall(FENCE.sub("", page.read_text(encoding="utf-8")))
        if not re.match(r"[a-z]+:", link) and not leads_somewhere(page, link)
    ]


def leads_somewhere(page: Path, link: str) -> bool:
    """Tell whether the file of a link exists and has the heading that it names."""
    file, _, heading = link.partition("#")
    target = (page.parent / file) if file else page
    if not target.exists() or not heading:
        return target.exists()
    headings = re.findall(r"^#+ (.+)$", FENCE.sub("", target.read_text(encoding="utf-8")), re.MULTILINE)
    return heading in {re.sub(r"[^\w\- ]", "", text.lower()).replace(" ", "-") for text in headings}


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
