"""Bugs of generations: completed without files, cancelled with them, interrupted and forgotten, secrets in the row."""

from filesync_dagster_tests.planted_bugs.bug import Bug

KILLS = "filesync_dagster_tests/tables/sessions/test_kills.py"
WEB = "filesync_dagster_tests/web/test_generations.py"

BUGS = (
    Bug(
        "a session is completed before its files are in their places",
        "tables/sessions/files.py",
        "                    root.put(scratch, key)",
        "                    pass",
        KILLS,
        "leaves_nothing_half_done",
    ),
    Bug(
        "a cancelled generation leaves parts",
        "tables/sessions/files.py",
        "        shutil.rmtree(self._runtime.home / FOLDER / session_id, ignore_errors=True)",
        "        return",
        WEB,
        "cancelled_leaves_nothing",
    ),
    Bug(
        "files of a killed worker stay",
        "tables/sessions/files.py",
        '            if record is None or record.state in {"failed", "cancelled"}:',
        "            if record is None:",
        KILLS,
        "leaves_nothing_half_done",
    ),
    Bug(
        "a worker that was given up is not killed",
        "tables/sessions/dispatch.py",
        "            if time.monotonic() - child.cancelled_at > CANCEL_GRACE_SECONDS:\n                child.kill()",
        "            pass",
        WEB,
        "cancelled_leaves_nothing",
    ),
    Bug(
        "an export that was cancelled writes into the database all the same",
        "storage/database/session_files.py",
        'which = (column.id == export_id, column.state == "exporting", column.cancel_asked_at.is_(None))',
        'which = (column.id == export_id, column.state == "exporting")',
        "filesync_dagster_tests/storage/database/test_sessions.py",
        "until_its_rows_become_final",
    ),
    Bug(
        "whoever forgets a generation may ask for one more",
        "storage/database/sessions.py",
        "*connection.execute(forgotten).scalars()]",
        "]",
        WEB,
        "limits_hold",
    ),
    Bug(
        "generations stay for ever where no server runs",
        "tables/sessions/retention.py",
        "len(metadata.sessions.find_expired(now)) if dry_run else store.expire()",
        "len(metadata.sessions.find_expired(now)) if dry_run else 0",
        KILLS,
        "past_its_time_goes",
    ),
    Bug(
        "what is said in words is no rule where there are rows",
        "tables/sessions/choices.py",
        "rules=(*found.rules, *(rule for rule in new if rule not in lost))",
        "rules=found.rules",
        WEB,
        "client_of_synthe_flow",
    ),
    Bug(
        "an export goes to every host",
        "tables/sessions/targets.py",
        'request_context(runtime, "", folder, cancelled)',
        '__import__("filesync_dagster.tables.daily.access", fromlist=["a"]).operator_context('
        'runtime, "", folder, cancelled)',
        WEB,
        "goes_into_a_database",
    ),
    Bug(
        "secrets of a request are stored as they are",
        "tables/sessions/secrets.py",
        "        return dict.fromkeys(secrets, IN_MEMORY)",
        "        return dict(secrets)",
        WEB,
        "a_secret_of_a_request",
    ),
    Bug(
        "what runs again has another seed",
        "tables/sessions/submit.py",
        "    seed = secrets.randbelow(DRAWN_SEEDS_COUNT) if before.seed is None else before.seed",
        "    seed = secrets.randbelow(DRAWN_SEEDS_COUNT)",
        WEB,
        "limits_hold",
    ),
    Bug(
        "a busy worker is taken for dead",
        "storage/database/sessions.py",
        "        if worker.is_dead() or worker.is_alive():\n            return worker.is_alive()",
        "        if worker.is_dead():\n            return False",
        KILLS,
        "is_not_given_up",
    ),
    Bug(
        "what people decided about stored tables is forgotten",
        "tables/sessions/inputs.py",
        "tuple(known_relations(records))",
        "()",
        "filesync_dagster_tests/tables/sessions/test_inputs.py",
        "people_decided",
    ),
)
