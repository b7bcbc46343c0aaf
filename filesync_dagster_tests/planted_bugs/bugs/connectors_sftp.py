"""Bugs in what lists SFTP servers."""

from filesync_dagster_tests.planted_bugs.bug import Bug

TESTS = "filesync_dagster_tests/connectors/sftp/test_sftp.py"
CONTRACT = "filesync_dagster_tests/connectors/test_contract.py"

BUGS = (
    Bug(
        "any server is trusted",
        "connectors/sftp/session.py",
        "known_hosts=known,",
        "known_hosts=None,",
        TESTS,
        "server_is_another",
    ),
    Bug(
        "a fingerprint is not compared",
        "connectors/sftp/keys.py",
        'return self.shown.rstrip("=") in self._fingerprints',
        "return True",
        TESTS,
        "server_is_another",
    ),
    Bug(
        "what hangs is asked again before all others",
        "connectors/sftp/session.py",
        "if overdue else self.once",
        "if False else self.once",
        TESTS,
        "folder_that_hangs",
    ),
    Bug(
        "a link is a folder",
        "connectors/sftp/rows.py",
        "return Kind.SHORTCUT if stat.S_ISLNK(self.mode) else Kind.FILE",
        "return Kind.FOLDER if stat.S_ISLNK(self.mode) else Kind.FILE",
        TESTS,
        "links_are_not_followed",
    ),
    Bug(
        "a folder that is not found is gone, whatever the folder above says",
        "connectors/sftp/source.py",
        "return any(entry.kind is Kind.FOLDER and path_of(above, entry) == folder for entry in entries)",
        "return False",
        TESTS,
        "cannot_be_read and 404",
    ),
    Bug(
        "blocks of two versions follow each other",
        "connectors/sftp/content.py",
        "self._confirm(await file.stat())",
        "await file.stat()",
        CONTRACT,
        "TestContents and sftp and while_the_connection_is_broken",
    ),
    Bug(
        "another file by the name is taken for the one that was listed",
        "connectors/sftp/content.py",
        "if version_of(now) != self._entry.version:",
        "if False:",
        CONTRACT,
        "TestContents and sftp and changed_before",
    ),
)
