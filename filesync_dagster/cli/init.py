"""init: write a commented endpoints.yaml."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from filesync_dagster.cli.options import pass_invocation
from filesync_dagster.core.errors import NotWritable

if TYPE_CHECKING:
    from filesync_dagster.cli.invocation import Invocation
    from filesync_dagster.config import Environment


@click.command()
@click.option("--force", is_flag=True, help="Replace a file that is there.")
@click.option(
    "--from-env",
    is_flag=True,
    help="What CUSTOMER_S3_BUCKET, FILE_MANAGER_API_URL, SHAREPOINT_SITE_URL and others name.",
)
@click.option("--type", "kind", help="An endpoint of this type, with every key that it may have.")
@pass_invocation
def init(invocation: Invocation, *, force: bool, from_env: bool, kind: str | None) -> None:
    """Write a commented endpoints.yaml to start from.

    With --from-env it has the bucket that CUSTOMER_S3_BUCKET, CUSTOMER_S3_ENDPOINT, CUSTOMER_S3_ACCESS_KEY and
    CUSTOMER_S3_SECRET_KEY name, replicated to the file manager at FILE_MANAGER_API_URL or MOCK_API_URL (with
    FILE_MANAGER_TOKEN, if it is set) every SYNC_INTERVAL seconds. DATABASE_PATH is where the database is. The site that
    SHAREPOINT_SITE_URL names, with SHAREPOINT_TENANT_ID, SHAREPOINT_CLIENT_ID and SHAREPOINT_CLIENT_SECRET, is an
    endpoint too, with or without a bucket.
    """
    environment = invocation.environment()
    path, text = environment.config_path, _text(environment, from_env=from_env, kind=kind)
    try:
        with path.open("w" if force else "x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError as exc:
        raise NotWritable(f"{path} is already there.", hint="Use --force to replace it.") from exc
    except OSError as exc:
        raise NotWritable(f"{path} cannot be written: {exc.strerror}.") from exc
    click.echo(f"{path} is written. Edit it, then run `filesync validate` and `filesync sync`.")


def _text(environment: Environment, *, from_env: bool, kind: str | None) -> str:
    if from_env and kind is not None:
        raise click.UsageError("--from-env and --type exclude each other.")
    if kind is not None:
        from filesync_dagster.cli.starter_entry import entry_of

        return entry_of(kind)
    if from_env:
        from filesync_dagster.cli.seed_environment import configuration_of

        return configuration_of(environment.variables)
    from importlib.resources import files

    return files("filesync_dagster.cli").joinpath("starter.yaml").read_text(encoding="utf-8")
