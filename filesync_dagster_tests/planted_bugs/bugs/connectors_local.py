"""Bugs in the connector of local folders, and in what a sync makes of mounts and hard links."""

from filesync_dagster_tests.planted_bugs.bug import Bug

LISTING = "filesync_dagster_tests/connectors/local/test_local.py"
BOUNDARIES = "filesync_dagster_tests/sync/local/test_boundaries.py"
LINKS = "filesync_dagster_tests/sync/local/test_hard_links.py"

BUGS = (
    Bug(
        "the C library is believed where a directory ends",
        "connectors/local/directory.py",
        '    if not sys.platform.startswith("linux"):\n        return None\n    try:\n        function',
        "    if True:\n        return None\n    try:\n        function",
        LISTING,
        "still_lists_is_a_gap and names",
    ),
    Bug(
        "a file that is denied is gone without a second look",
        "connectors/local/walk.py",
        "        if absent:\n            self._look_again(frame, absent)",
        "",
        LISTING,
        "still_lists_is_a_gap and stat",
    ),
    Bug(
        "a folder that is denied is gone without a second look",
        "connectors/local/walk.py",
        "if exc.errno == errno.ENOENT and is_absent(self._root_fd, self._stack, frame, name):",
        "if exc.errno == errno.ENOENT:",
        LISTING,
        "still_lists_is_a_gap",
    ),
    Bug(
        "a place that hangs is left out without a word",
        "connectors/local/walk.py",
        'self._unread.append(ListingGap("", frame.child_path(name), "the file system does not answer"))',
        "pass",
        LISTING,
        "hangs_is_a_gap",
    ),
    Bug(
        "whoever waits for a page that hangs cannot stop",
        "connectors/local/deadline.py",
        "                yield Page(build_batch({}, 0))\n",
        "",
        LISTING,
        "can_stop",
    ),
    Bug(
        "a subvolume is taken for a mount",
        "connectors/local/walk.py",
        "            return found.mnt != frame.mnt\n",
        "            return (found.dev, found.mnt) != (frame.dev, frame.mnt)\n",
        LISTING,
        "subvolume",
    ),
    Bug(
        "a link that cannot be looked through is taken for one that dangles",
        "connectors/local/walk.py",
        "if failed and failed not in _DANGLING:",
        "if False:",
        LISTING,
        "looked_through",
    ),
    Bug(
        "what a mount hides is gone",
        "sync/detect_changes.py",
        "if capabilities.boundaries and (gaps",
        "if False and (gaps",
        BOUNDARIES,
        "mount or dangles",
    ),
    Bug(
        "what was not seen beside a gap is there twice",
        "sync/detect_changes.py",
        'unique = "path" in context.source.capabilities.pair_by',
        "unique = False",
        BOUNDARIES,
        "saved_anew",
    ),
    Bug(
        "a second name changes the id of the first",
        "sync/detect_changes.py",
        "if capabilities.shared_ids else found",
        "if False else found",
        LINKS,
        "backup",
    ),
    Bug(
        "a copy in its place is modified",
        "sync/diff/comparison.py",
        "_content_changes(bookkeeping) if bookkeeping else f\"'{pair_as}'\"",
        "f\"'{pair_as}'\"",
        LINKS,
        "copy",
    ),
    Bug(
        "a change time alone feeds the guard",
        "core/guard.py",
        "changes.updated - proposal.unproved >= before",
        "changes.updated >= before",
        LINKS,
        "same_owner",
    ),
)
