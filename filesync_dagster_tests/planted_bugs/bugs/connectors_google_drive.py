"""Bugs in the Google Drive connector."""

from filesync_dagster_tests.planted_bugs.bug import Bug

MODEL = "filesync_dagster_tests/sync/model/test_regressions.py"

BUGS = (
    Bug(
        "after a lost cursor the feed is read from now on",
        "connectors/google_drive/feed.py",
        'raise CursorLost(f"The change log cannot go on: {error.message}", hint=FULL_SYNC) from error',
        "return drive.changes(drive.start_token(scope.drive_id), **scope.log)",
        MODEL,
        "lost_cursor",
    ),
    Bug(
        "incompleteSearch is ignored",
        "connectors/google_drive/listing.py",
        'if not answer.get("incompleteSearch"):',
        "if True:",
        MODEL,
        "says_it_is_incomplete",
    ),
    Bug(
        "a short page is taken for the last one",
        "connectors/google_drive/listing.py",
        "token = chain.advance(drive.next_token(answer), entries) or END",
        "token = (len(entries) >= drive._page_size and chain.advance(drive.next_token(answer), entries)) or END",
        MODEL,
        "less_than_was_asked",
    ),
    Bug(
        "the log of a shared drive is asked for without its id",
        "connectors/google_drive/layout.py",
        'return {"driveId": self.drive_id, **ALL_DRIVES} if self.drive_id else {}',
        "return {}",
        MODEL,
        "shared_drive_alone",
    ),
    Bug(
        "the listing of a shared drive is asked for without its id",
        "connectors/google_drive/layout.py",
        'return {"corpora": "drive", "driveId": self.drive_id, **ALL_DRIVES, **SUPPORTED}',
        'return {"corpora": "user", **ALL_DRIVES, **SUPPORTED}',
        MODEL,
        "shared_drive_alone",
    ),
    Bug(
        "the children of several folders are asked for in one request",
        "connectors/google_drive/crawl.py",
        """which = {"q": f"'{quoted}' in parents", """,
        """which = {"q": " or ".join(f"'{one}' in parents" for one in [quoted, scope.top]), """,
        MODEL,
        "one_by_one",
    ),
    Bug(
        "a throttle that is a 403 counts as a refusal",
        "connectors/google_drive/errors.py",
        '"userRateLimitExceeded": (Throttled, ASK_LATER)',
        '"userRateLimitExceeded": (AccessDenied, ASK_LATER)',
        MODEL,
        "passing_troubles and 403",
    ),
    Bug(
        "the body of a refusal that comes with 200 is taken for an answer",
        "connectors/google_drive/api.py",
        'if isinstance(answer.get("error"), dict):',
        "if False:",
        "filesync_dagster_tests/connectors/test_contract.py",
        "a_listing_with_a_fault and google_drive-error_in_body",
    ),
)
