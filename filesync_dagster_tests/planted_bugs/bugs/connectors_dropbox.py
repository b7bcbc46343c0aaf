"""Bugs in the Dropbox connector."""

from filesync_dagster_tests.planted_bugs.bug import Bug

FEED = "filesync_dagster_tests/connectors/dropbox/test_feed.py"
LISTING = "filesync_dagster_tests/connectors/dropbox/test_listing.py"
MODEL = "filesync_dagster_tests/sync/model/test_dropbox.py"

BUGS = (
    Bug(
        "only the first page of a list is read",
        "connectors/dropbox/listing.py",
        "cursor, more = cursor_in(answer, self._api.where)",
        "cursor, more = cursor_in(answer, self._api.where)[0], False",
        LISTING,
        "begins_anew",
    ),
    Bug(
        "a reset cursor is answered by one from now on",
        "connectors/dropbox/changes.py",
        'raise CursorLost(f"The feed of changes cannot go on: {error.message}", hint=FULL_SYNC) from error',
        'following[folder] = api.latest_cursor("")',
        MODEL,
        "reset",
    ),
    Bug(
        "an empty page of the feed is taken for the last",
        "connectors/dropbox/changes.py",
        "if not more:",
        "if not more or not api.entries(answer):",
        FEED,
        "empty_page",
    ),
    Bug(
        "what is below a deleted path stays",
        "connectors/dropbox/changes.py",
        "return any(self._cut.get(folder, 0) > at for folder in folders_above(path))",
        "return False",
        FEED,
        "order_counts",
    ),
    Bug(
        "what was where something else is now is not asked for",
        "connectors/dropbox/source.py",
        "spots = tuple(spots_of(told, changed.deleted, folders))",
        "spots = tuple(spots_of([], changed.deleted, folders))",
        FEED,
        "place_of_another",
    ),
    Bug(
        "a folder that moved is believed to hold what it held",
        "connectors/dropbox/source.py",
        "cursor, read=tuple(read))",
        "cursor)",
        FEED,
        "lost_before_it_moved",
    ),
    Bug(
        "names come from the path that Dropbox tells",
        "connectors/dropbox/rows.py",
        'text_of(entry.get("name")) or',
        'text_of(str(entry.get("path_lower")).rpartition("/")[2]) or',
        LISTING,
        "names_of_folders",
    ),
    Bug(
        "what a recursive list leaves out is not listed",
        "connectors/dropbox/listing.py",
        "self._left += [ListedRoot(path) for path in sorted(root.mounted)]",
        "root.mounted.clear()",
        LISTING,
        "listed_by_itself",
    ),
    Bug(
        "a shared folder that is told after what it holds counts as unread",
        "connectors/dropbox/listing.py",
        "path is not None and shared is not None and shared not in root.read",
        "path is not None and shared is not None",
        "filesync_dagster_tests/sync/model/test_dropbox.py",
        "listed_before",
    ),
    Bug(
        "nobody hears that changes in a shared folder are not told",
        "connectors/dropbox/listing.py",
        "if found and not self._is_followed(root.path):",
        "if False:",
        LISTING,
        "not_followed",
    ),
    Bug(
        "the wait that a body tells is not heeded",
        "connectors/rest/json_api.py",
        "wait = wait or _wait_in(body, errors.wait_at)",
        "pass",
        LISTING,
        "body_says",
    ),
    Bug(
        "any 404 says that an entry is gone",
        "connectors/dropbox/api.py",
        "except NothingThere:",
        "except (NothingThere, ProtocolViolation):",
        LISTING,
        "own_word",
    ),
    Bug(
        "a spot is compared by its letters",
        "sync/feed_rows.py",
        "(parent or OUTSIDE, fold_name(name)) in wanted",
        "(parent or OUTSIDE, name) in wanted",
        MODEL,
        "other_letters",
    ),
)
