"""validate: every problem of the configuration, with its file and line."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import click

from filesync_dagster.cli.options import pass_invocation
from filesync_dagster.cli.text import plural
from filesync_dagster.core.errors import ConfigError, MissingExtra

if TYPE_CHECKING:
    from filesync_dagster.cli.invocation import Invocation
    from filesync_dagster.config import Config


@click.command()
@pass_invocation
def validate(invocation: Invocation) -> None:
    """Check the whole configuration; show every problem with its file and line."""
    from filesync_dagster.config import load_config

    config = load_config(invocation.environment())
    problems = (*config.problems, *_queue_problems(config), *_channel_problems(config), *_source_problems(config))
    if problems:
        raise ConfigError(problems)
    for warning in config.warnings:
        click.echo(f"Warning: {warning}", err=True)
    kinds = Counter(endpoint.type for endpoint in config.endpoints)
    detail = ", ".join(f"{count} {kind}" for kind, count in sorted(kinds.items()))
    inactive = len(config.endpoints) - len(config.active)
    click.echo(
        f"{config.environment.config_path} is valid: {plural(len(config.endpoints), 'endpoint')}"
        + (f" ({detail})" if detail else "")
        + (f", {inactive} not active" if inactive else "")
        + (f", {plural(len(config.replications), 'replication')}" if config.replications else "")
        + (f", {plural(len(config.sources), 'source')} of tables" if config.sources else "")
        + (f", {plural(len(config.generations), 'generation')} of synthetic data" if config.generations else "")
        + "."
    )


def _queue_problems(config: Config) -> list[str]:
    """Return which queues need what is not installed."""
    from filesync_dagster.config import RabbitQueue
    from filesync_dagster.core.extras import import_from_extra

    problems = []
    for queue in config.queues:
        if isinstance(queue, RabbitQueue):
            try:
                import_from_extra("pika", "rabbitmq", f"The queue {queue.name} of RabbitMQ")
            except MissingExtra as error:
                problems.append(f"{config.environment.config_path}: {error}")
    return problems


def _channel_problems(config: Config) -> list[str]:
    """Return what is wrong with the URLs of alerts. Those that are secrets elsewhere are not fetched for that."""
    from filesync_dagster.core.secrets import PREFIX
    from filesync_dagster.monitoring.alerts import open_channels

    urls = [secret.get_secret_value() for secret in config.alerts.urls]
    channels = [channel for channel in open_channels(urls) if not channel.url.startswith(PREFIX)] if urls else []
    return [f"{config.environment.config_path}: {channel.problem}" for channel in channels if channel.problem]


def _source_problems(config: Config) -> list[str]:
    """Return what is wrong with the settings of sources of tables, each of which has its own."""
    from filesync_dagster.core.errors import SourceRefused

    problems = []
    for source in config.sources:
        from filesync_dagster.tables.sources.registry import source_type
        from filesync_dagster.tables.sources.settings import parse_config

        try:
            parse_config(source_type(source.type).config, source.config)
        except SourceRefused as error:
            problems.append(f"{config.environment.config_path}: source {source.name}: {error}")
    return problems
