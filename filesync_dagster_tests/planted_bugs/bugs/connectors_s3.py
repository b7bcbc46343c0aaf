"""Bugs in the S3 connector."""

from filesync_dagster_tests.planted_bugs.bug import Bug

CONTRACT = "filesync_dagster_tests/connectors/test_contract.py"
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
        "return refusal_error(where, _refusal(SERVER_ERROR, {}, answer), TABLE)",
        'return ProtocolViolation(f"{where} sent an error instead of a listing.")',
        LISTING,
        "what_passes",
    ),
    Bug(
        "a listing that breaks off is none for ever",
        "connectors/rest/xml.py",
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
    Bug(
        "an object is read whatever its ETag is",
        "connectors/s3/content.py",
        "        elif etag != self._version:",
        "        elif False:",
        CONTRACT,
        "TestContents and s3_rclone and changed_before",
    ),
    Bug(
        "the key of a signature is that of the first day",
        "connectors/s3/signature.py",
        "if kept is not None and kept[0] == wanted:",
        "if kept is not None:",
        "filesync_dagster_tests/connectors/s3/test_signature.py",
    ),
)
