"""An endpoints.yaml with one endpoint of a type: what it must have, and all that it may have as comments."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING, Any, Final

from filesync_dagster.core.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pydantic.fields import FieldInfo

WIDTH: Final = 100
INDENT: Final = " " * 6
ESSENTIAL: Final[Mapping[str, tuple[str, ...]]] = {
    "azure_blob": ("account", "tenant_id", "client_id", "client_secret"),
    "box": ("client_id", "client_secret", "enterprise_id"),
    "dropbox": ("app_key", "app_secret", "refresh_token"),
    "gcs": ("service_account_file",),
    "google_drive": ("service_account_file",),
    "onedrive": ("client_secret", "user"),
    "s3": ("access_key_id", "secret_access_key"),
    "sharepoint": ("client_secret", "site_url"),
}
"""What an endpoint of a type has most often, though something else would do in its place."""

HEADER: Final = """\
# Written by `filesync init --type {kind}`. What is commented out has the value that it shows, or none.
# A value such as ${{NAME}} comes from the environment. docs/configuration.md has all keys.

endpoints:
  - name: my_{kind}
    type: {kind}
    endpoint_details:
"""


def entry_of(kind: str) -> str:
    """Return endpoints.yaml for a type. Raises ConfigError for one that there is not."""
    from filesync_dagster.connectors import CONNECTORS

    known = CONNECTORS.endpoint_types()
    if kind not in known:
        raise ConfigError([f"There is no type {kind}."], hint=f"There are {', '.join(known)}.")
    fields = CONNECTORS[kind].details.model_fields
    wanted = [name for name, field in fields.items() if field.is_required() or name in ESSENTIAL.get(kind, ())]
    order = [*wanted, *(name for name in fields if name not in wanted)]
    lines = [line for name in order for line in _lines(kind, name, fields[name], commented=name not in wanted)]
    return "\n".join([HEADER.format(kind=kind).rstrip(), *lines, *SCHEDULE]) + "\n"


SCHEDULE: Final = (
    "    schedule: interval",
    "    schedule_config: {interval_minutes: 60}",
)


def _lines(kind: str, name: str, field: FieldInfo, *, commented: bool) -> list[str]:
    about = textwrap.wrap(field.description or "", WIDTH - len(INDENT) - 2)
    value = _yaml(field.default) if commented else f"${{{kind.upper()}_{name.upper()}}}"
    line = f"{'# ' if commented else ''}{name}: {value}".rstrip()
    return [*(f"{INDENT}# {one}" for one in about), f"{INDENT}{line}"]


def _yaml(value: Any) -> str:
    import yaml

    if value is None:
        return ""
    return str(yaml.safe_dump(value, default_flow_style=True, width=1000)).removesuffix("...\n").strip()
