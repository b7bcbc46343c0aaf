"""console: a link that signs in at the web console."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from filesync_dagster.cli.options import pass_invocation

if TYPE_CHECKING:
    from filesync_dagster.cli.invocation import Invocation


@click.command()
@click.option("--open", "is_opened", is_flag=True, help="Open it in the browser of this machine.")
@click.option(
    "--role",
    type=click.Choice(["viewer", "operator", "admin"]),
    default="admin",
    show_default=True,
    help="What whoever opens the link may: read; decide and sync, too; everything.",
)
@click.option(
    "--url", help="Of the console.  [default: settings.serve.console_url, or that of the running `filesync serve`]"
)
@pass_invocation
def console(invocation: Invocation, role: str, url: str | None, *, is_opened: bool) -> None:
    """Print a link that signs whoever opens it in at the web console: once, within two minutes, without a token.

    Whoever may use the metadata database may do that.
    """
    from filesync_dagster.core.errors import ServiceError
    from filesync_dagster.orchestration.client import console_url
    from filesync_dagster.web.console.sessions import offer_code

    with invocation.open(last_good=True) as filesync:
        found = url.rstrip("/") if url else console_url(filesync.config)
        if found is None:
            raise ServiceError(
                "Nobody serves the console.",
                hint="Start `filesync serve` or `filesync up`, or say where it is with --url.",
            )
        code = offer_code(filesync.runtime.metadata.console_sessions, role)  # type: ignore[arg-type]  # one of the three
    link = f"{found}/enter?code={code}"
    click.echo(link)
    if is_opened:
        click.launch(link)
