"""Bugs in the Box connector."""

from filesync_dagster_tests.planted_bugs.bug import Bug

EVENTS = "filesync_dagster_tests/connectors/box/test_events.py"
LISTING = "filesync_dagster_tests/connectors/box/test_listing.py"

BUGS = (
    Bug(
        "what a folder holds keeps its owner when the folder gets another",
        "sync/feed_rows.py",
        "OR b.owner IS DISTINCT FROM l.owner",
        "",
        "filesync_dagster_tests/sync/model/test_box.py",
        "whoever_has_the_folder",
    ),
    Bug(
        "the first page is taken for all of a folder",
        "connectors/box/api.py",
        "return marker or None",
        "return None",
        LISTING,
        "followed_to_the_end",
    ),
    Bug(
        "ids are bare numbers",
        "connectors/box/rows.py",
        "ids = [str(id_of(item)) for item in items]",
        'ids = [str(item["id"]) for item in items]',
        LISTING,
        "numbers_overlap",
    ),
    Bug(
        "a folder that is refused is taken for empty",
        "connectors/box/source.py",
        "        answer = self._api.children(branch.folder, branch.token, stopped=stopped)\n",
        "        try:\n            answer = self._api.children(branch.folder, branch.token, stopped=stopped)\n"
        "        except Forbidden:\n            return FolderPage((), (), None)\n",
        LISTING,
        "refused_folder",
    ),
    Bug(
        "an empty chunk is taken for the end of the events",
        "connectors/box/changes.py",
        "if not events and (following == position or empty > EMPTY_CHUNKS_MAX):",
        "if not events:",
        EVENTS,
        "empty_chunk",
    ),
    Bug(
        "what a stream may have dropped is not missed",
        "connectors/box/changes.py",
        "if age > kept:",
        "if False:",
        EVENTS,
        "gap_in_the_retention",
    ),
    Bug(
        "a lost position is answered by from now",
        "connectors/box/changes.py",
        'raise CursorLost(f"The events cannot be gone on with: {error.message}", hint=FULL_SYNC) from error',
        'answer = api.events(cursor.stream, "now")',
        EVENTS,
        "scope_that_was_taken_away",
    ),
    Bug(
        "an answer that is older than its event is believed",
        "connectors/box/api.py",
        "if known is not None and known < least:",
        "if False:",
        EVENTS,
        "old_answer",
    ),
    Bug(
        "what was shared alone lies nowhere",
        "connectors/box/rows.py",
        "return ROOT if top == ROOT else None",
        "return None",
        EVENTS,
        "shared_alone",
    ),
    Bug(
        "access from a folder above counts as that of the entry",
        "connectors/box/rows.py",
        "for one in collaborations if _is_given_to(one, item)]",
        "for one in collaborations]",
        LISTING,
        "shared_by_a_group",
    ),
    Bug(
        "the token goes to the host of a content",
        "connectors/box/content.py",
        'headers = {"accept-encoding": "identity", **range_header',
        'headers = {"accept-encoding": "identity", **self._api.calls.headers(), **range_header',
        "filesync_dagster_tests/connectors/box/test_content.py",
        "no_token",
    ),
)
