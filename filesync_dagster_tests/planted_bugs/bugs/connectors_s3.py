"""Bugs in the S3 connector."""

from filesync_dagster_tests.planted_bugs.bug import Bug

LISTING = "filesync_dagster_tests/connectors/s3/test_listing.py"

BUGS = (
    Bug(
        "history is told from before versioning was on",
        "connectors/s3/history.py",
        "        if not page.truncated:\n            _prove_versioned(state, at, bucket)\n",
        "",
        "filesync_dagster_tests/connectors/s3/test_history.py",
        "provable_from_the_first_version",
    ),
    Bug(
        "an error with the status 200 is no error that passes",
        "connectors/s3/answers.py",
        "raise refusal_error(where, _refusal(SERVER_ERROR, {}, answer), TABLE)",
        'raise ProtocolViolation(f"{where} sent <{name}> instead of a listing.")',
        LISTING,
        "what_passes",
    ),
    Bug(
        "a listing that breaks off is none for ever",
        "connectors/s3/answers.py",
        "if not _is_whole(body):",
        "if False:",
        LISTING,
        "what_passes",
    ),
    Bug(
        "an object without a key is left out in silence",
        "connectors/s3/answers.py",
        "    return replace(page.rows([row for row, key in enumerate(page.keys) if key]), gaps=tuple(gaps))",
        "    return page.rows([row for row, key in enumerate(page.keys) if key])",
        LISTING,
        "without_a_key",
    ),
)
