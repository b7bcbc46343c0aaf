"""The table of commands."""

import click

from filesync_dagster.cli.alerting import alerts
from filesync_dagster.cli.configuring import init, test, validate
from filesync_dagster.cli.demonstrating import demo
from filesync_dagster.cli.events import events
from filesync_dagster.cli.http_server import serve
from filesync_dagster.cli.jobs import jobs
from filesync_dagster.cli.looking import changes, export, files
from filesync_dagster.cli.maintaining import maintain
from filesync_dagster.cli.reloading import reload
from filesync_dagster.cli.reporting import report
from filesync_dagster.cli.serving import daemon, up
from filesync_dagster.cli.simulating import simulate
from filesync_dagster.cli.status import status
from filesync_dagster.cli.syncing import approve, reject, sync

COMMANDS: tuple[click.Command, ...] = (
    init,
    validate,
    test,
    sync,
    status,
    alerts,
    events,
    files,
    changes,
    export,
    report,
    approve,
    reject,
    up,
    daemon,
    jobs,
    maintain,
    reload,
    serve,
    demo,
    simulate,
)
