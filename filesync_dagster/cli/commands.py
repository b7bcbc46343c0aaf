"""The table of commands, in the order of their use: the name, and what `filesync --help` says of it.

A command is the function of its name in the module of its name, which is imported when the command is used.
"""

COMMANDS = {
    "init": "Write a commented endpoints.yaml.",
    "validate": "Check the configuration: every problem, file and line.",
    "test": "Connect to stores: latency, permissions, what is seen.",
    "sync": "Bring the inventory up to date.",
    "status": "Show how each endpoint is doing.",
    "alerts": "Show what is wrong, and tell whom it concerns.",
    "events": "Show the queues that tell of changes, and messages that nobody could use.",
    "files": "List the files of an endpoint, now or in the past.",
    "search": "Find files over all endpoints: by name, owner, hash, size, date.",
    "tree": "Show how large the folders of an endpoint are.",
    "changes": "List what happened to the files of an endpoint.",
    "cat": "Write the content of one file to standard output, or to a file.",
    "export": "Write a snapshot to a CSV or Parquet file.",
    "report": "Report on all endpoints: duplicates, exposure, stale files.",
    "plan": "Show what a replication would do at its destination.",
    "diff": "Compare two states of a replication, kept as CSV.",
    "replicate": "Bring the destinations of replications up to date.",
    "approve": "Commit the sync, or do the plan, that the guard held.",
    "reject": "Throw away the sync, or the plan, that the guard held.",
    "tables": "Show the tables of files, databases, buckets and APIs.",
    "generate": "Write synthetic data that resemble tables, relations and rules.",
    "engine": "Install and show the engines of synthetic data.",
    "up": "Run the Dagster UI and daemon for this configuration.",
    "daemon": "Run the schedules, sensors and runs without the UI.",
    "jobs": "Launch, watch, repeat and delete syncs that run inside Dagster.",
    "maintain": "Delete what retention does not keep.",
    "reload": "Make a running Dagster read endpoints.yaml again.",
    "serve": "Serve health, metrics, REST and webhooks.",
    "console": "Print a link that signs you in at the console, once.",
    "demo": "Show the whole product on generated files.",
    "simulate": "Run a simulated provider: no credentials, faults on demand.",
}
