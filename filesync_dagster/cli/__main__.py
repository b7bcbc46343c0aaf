"""`python -m filesync_dagster.cli`, for where the `filesync` script is not on the path."""

from filesync_dagster.cli.app import main

main()
