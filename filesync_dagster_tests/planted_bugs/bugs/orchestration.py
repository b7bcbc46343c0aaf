"""Bugs in what Dagster is told."""

from filesync_dagster_tests.planted_bugs.bug import Bug

RELOADING = "filesync_dagster_tests/orchestration/processes/test_reload.py"
SCHEDULES = "filesync_dagster_tests/orchestration/test_schedules.py"

BUGS = (
    Bug(
        "a run that failed for its endpoints counts as crashed",
        "orchestration/sensors/alerts.py",
        "not _explained(runs.instance, run.run_id)",
        "True",
        "filesync_dagster_tests/orchestration/sensors/test_alerts.py",
        "before_it_ends",
    ),
    Bug(
        "an edit is taken while the file is being written",
        "orchestration/processes/reload.py",
        "if digest == self._loaded or not settled or",
        "if digest == self._loaded or",
        RELOADING,
    ),
    Bug(
        "a reload that failed is not tried again",
        "orchestration/processes/reload.py",
        "            self._tried = time.monotonic()",
        "            self._tried, self._loaded = time.monotonic(), digest",
        RELOADING,
    ),
    Bug(
        "what was missed is always caught up",
        "orchestration/schedules.py",
        "if not (late and not endpoint.schedule_config.catch_up) and",
        "if True and",
        SCHEDULES,
        "missed or late",
    ),
    Bug(
        "a slow endpoint keeps the others of its run from being synced",
        "orchestration/schedules.py",
        "if record.start_time is None or done.get(name, 0.0) < record.start_time",
        "",
        SCHEDULES,
        "slow",
    ),
    Bug(
        "what was done before a run began counts as done in it",
        "orchestration/schedules.py",
        "if record.start_time is None or done.get(name, 0.0) < record.start_time",
        "if name not in done",
        SCHEDULES,
        "slow or again",
    ),
    Bug(
        "a reconcile and a sync of one endpoint are asked for at the same moment",
        "orchestration/schedules.py",
        "not (own and own.is_tick(scheduled))",
        "True",
        SCHEDULES,
        "reconcile",
    ),
    Bug(
        "a run is named after the ends of its batch, whatever lies between",
        "orchestration/sensors/file_changes.py",
        "digest = sha256(canonical_json(self.as_config()).encode()).hexdigest()[:32]",
        'digest = f"{self.files[0].seq}-{self.files[-1].seq}"',
        "filesync_dagster_tests/orchestration/sensors/test_file_changes.py",
        "tick_that_died",
    ),
    Bug(
        "an asset without partitions takes every day in the run of a partition",
        "orchestration/io_managers.py",
        "context.step_context.entity_partitions_def is None",
        "not context.step_context.has_partition_key",
        "filesync_dagster_tests/orchestration/test_io_managers.py",
        "in_the_run_of",
    ),
    Bug(
        "changes of a day that the journal has let go are none",
        "orchestration/io_managers.py",
        "if pruned or not",
        "if False and not",
        "filesync_dagster_tests/orchestration/test_io_managers.py",
        "journal or stored",
    ),
    Bug(
        "whichever Dagster answers is taken for one's own",
        "orchestration/client/locations.py",
        "installation in one.installations and",
        "(installation in one.installations or len(found) == 1) and",
        "filesync_dagster_tests/cli/test_foreign_dagster.py",
        "another_project or proves",
    ),
    Bug(
        "a code server of another configuration is reloaded",
        "orchestration/instance/code_server.py",
        "if installation and not _is_of(client, client.list_repositories(), installation):",
        "if False:",
        "filesync_dagster_tests/cli/test_reload.py",
        "another_configuration",
    ),
    Bug(
        "runs of another filesync in the same Dagster are taken for ours",
        "orchestration/client/graphql.py",
        '"ours": _with_tags(wanted, self._tag)',
        '"ours": _with_tags(wanted, {".dagster/filesync_job": job})',
        "filesync_dagster_tests/cli/test_jobs_shared.py",
        "only_our",
    ),
    Bug(
        "old runs of another filesync in the same Dagster are deleted",
        "orchestration/instance/run_retention.py",
        "run.tags.get(INSTALLATION_TAG, installation) != installation",
        "False",
        "filesync_dagster_tests/orchestration/instance/test_run_retention.py",
        "others",
    ),
)
