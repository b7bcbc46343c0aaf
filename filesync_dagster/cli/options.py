"""Options and arguments that several commands have."""

from __future__ import annotations

from typing import Any

import click

from filesync_dagster.cli.invocation import Invocation
from filesync_dagster.cli.moments import Moment

pass_invocation = click.make_pass_decorator(Invocation)


class Size(click.ParamType[int]):
    """A number of bytes as people write it, as in endpoints.yaml: `10MiB`, `5GB`."""

    name = "size"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Read one size."""
        from filesync_dagster.core.filters import parse_size

        try:
            return parse_size(str(value))
        except ValueError as error:
            return self.fail(f"{error}.", param, ctx)


SIZE = Size()
FORMATS = click.Choice(["table", "csv", "json"])
FORMAT = click.option(
    "--format",
    "form",
    type=FORMATS,
    default="table",
    show_default=True,
    help="json: one a line. csv: values as they are, formulas too.",
)
AS_OF = click.option(
    "--as-of", type=Moment(), help="The state at a time: 2026-11-21 (its end), 2026-11-21T09:30, 2h or 3d ago."
)
PORT = click.option("--port", type=click.IntRange(1, 65535), default=3000, show_default=True, help="Of the Dagster UI.")
HOST = click.option("--host", default="127.0.0.1", show_default=True, help="0.0.0.0: reachable from elsewhere.")
