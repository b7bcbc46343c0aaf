"""Bugs in what is written to a file manager."""

from filesync_dagster_tests.planted_bugs.bug import Bug

TESTS = "filesync_dagster_tests/connectors/file_manager"

EVENTS = "filesync_dagster_tests/sync/events/test_file_manager.py"

BUGS = (
    Bug(
        "an event of a file manager is worked on again and again",
        "sync/events/file_manager.py",
        "if digest not in known]",
        "if digest]",
        EVENTS,
        "names_keys",
    ),
    Bug(
        "where a file manager's file went to is not looked at",
        "sync/events/envelopes.py",
        '(("file_path", path), ("new_path", new_path))',
        '(("file_path", path),)',
        EVENTS,
        "never_deletes",
    ),
    Bug(
        "an event is believed as a deletion",
        "sync/lookup.py",
        "for page in context.source.lookup(sorted(context.keys), scope):",
        "for page in ():",
        EVENTS,
        "never_deletes",
    ),
    Bug(
        "the size that a file manager repeats is taken as proof",
        "connectors/file_manager/destination.py",
        'told = answer if answer.stored_sha256 else self._api.save(SaveCall("get", call.path))',
        "told = answer",
        f"{TESTS}/test_trouble.py",
        "without_hashes",
    ),
    Bug(
        "500 of a file manager is tried for ever",
        "connectors/file_manager/api.py",
        "if self.count > MAX_SERVER_ERRORS:",
        "if False:",
        f"{TESTS}/test_trouble.py",
        "500_is_tried",
    ),
    Bug(
        "a file manager that invents its answers is believed",
        "connectors/file_manager/destination.py",
        "self._known = False",
        "self._known = True",
        f"{TESTS}/test_trouble.py",
        "mock_only",
    ),
    Bug(
        "an answer about another file is taken for that of ours",
        "connectors/file_manager/answers.py",
        "if not isinstance(told_path, str) or not same_path(told_path, path):",
        "if False:",
        f"{TESTS}/test_trouble.py",
        "something_else",
    ),
    Bug(
        "a content that breaks off ends the form as if it were whole",
        "connectors/file_manager/forms.py",
        "        for block in content:\n            size += len(block)\n            yield block\n",
        "        with __import__('contextlib').suppress(Exception):\n            for block in content:\n"
        "                size += len(block)\n                yield block\n        self._size = size\n",
        f"{TESTS}/test_destination.py",
        "breaks_off",
    ),
    Bug(
        "what somebody else has at a file manager is overwritten",
        "connectors/file_manager/content.py",
        "    if not is_expected(found, expected):",
        "    if False:",
        f"{TESTS}/test_destination.py",
        "foreign_file",
    ),
    Bug(
        "the time of an answer runs while a file is sent",
        "core/http.py",
        "bounds.note_sent(len(piece), time.monotonic() - began)",
        "pass",
        f"{TESTS}/test_destination.py",
        "take_longer",
    ),
)
