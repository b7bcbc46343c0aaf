"""Bugs in the connector of Google Cloud Storage."""

from filesync_dagster_tests.planted_bugs.bug import Bug

LISTING = "filesync_dagster_tests/connectors/gcs/test_listing.py"
HISTORY = "filesync_dagster_tests/connectors/gcs/test_history.py"

DESTINATION = "filesync_dagster_tests/connectors/test_destination_contract.py"

BUGS = (
    Bug(
        "what somebody else wrote to a bucket is replaced",
        "connectors/gcs/destination.py",
        'return {**query, "ifGenerationMatch": expected.version or "0"}',
        "return query",
        DESTINATION,
        "TestGcsWrites and (stranger or somebody)",
    ),
    Bug(
        "an object is published before its content is proved",
        "connectors/object_store/destination.py",
        "                _require_whole(upload, content, len(held))\n",
        "",
        DESTINATION,
        "TestGcsWrites and wrong_content",
    ),
    Bug(
        "no token is asked for, so the first page is all",
        "connectors/gcs/bucket.py",
        "kind,nextPageToken,items(",
        "kind,items(",
        LISTING,
        "token_that_expires",
    ),
    Bug(
        "an empty page is taken for the end of a bucket",
        "connectors/gcs/bucket.py",
        "truncated=token is not None",
        "truncated=bool(items) and token is not None",
        LISTING,
        "short_and_empty",
    ),
    Bug(
        "the generation of the metadata is ignored",
        "connectors/gcs/rows.py",
        "pc.binary_join_element_wise(*parts, BESIDE)",
        "parts[0]",
        LISTING,
        "told_of_an_object",
    ),
    Bug(
        "what was overwritten since is not among what was there",
        "connectors/gcs/history.py",
        'PASSES: Final = ({"versions": "true"}, {"softDeleted": "true"})',
        'PASSES: Final = ({"versions": "true"},)',
        HISTORY,
        "every_moment",
    ),
    Bug(
        "a generation counts as live when it was live no longer",
        "connectors/gcs/history.py",
        "elif begun <= at and (over is None or over > at):",
        "elif begun <= at:",
        HISTORY,
        "every_moment",
    ),
)
