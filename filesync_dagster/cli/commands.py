"""The table of commands."""

import click

from filesync_dagster.cli.alerts import alerts
from filesync_dagster.cli.demo_command import demo
from filesync_dagster.cli.events import events
from filesync_dagster.cli.files import changes, export, files
from filesync_dagster.cli.jobs import jobs
from filesync_dagster.cli.maintain import maintain
from filesync_dagster.cli.reload import reload
from filesync_dagster.cli.report import report
from filesync_dagster.cli.serve import serve
from filesync_dagster.cli.simulate import simulate
from filesync_dagster.cli.status import status
from filesync_dagster.cli.sync import approve, reject, sync
from filesync_dagster.cli.up import daemon, up
from filesync_dagster.cli.validate import init, test, validate

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
