"""Bugs in the destination of local folders."""

from filesync_dagster_tests.planted_bugs.bug import Bug

CONTRACT = "filesync_dagster_tests/connectors/test_destination_contract.py"
LOCAL = "filesync_dagster_tests/connectors/local/test_destination.py"

BUGS = (
    Bug(
        "a local file is published before its content is proved",
        "connectors/local/destination.py",
        "                length = unfinished.fill(content)\n",
        "                self._publish(upload, unfinished, final)\n                length = unfinished.fill(content)\n",
        CONTRACT,
        "TestLocal and native and wrong_content",
    ),
    Bug(
        "a local file is renamed before it is written down",
        "connectors/local/part_file.py",
        '"sha256": self.digest})\n        self._disk.sync(self.descriptor)',
        '"sha256": self.digest})',
        LOCAL,
        "written_down",
    ),
    Bug(
        "a link on the way to a local file is followed",
        "connectors/local/target.py",
        "_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC",
        "_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC",
        LOCAL,
        "link_on_the_way",
    ),
    Bug(
        "a local file is deleted whatever its version is",
        "connectors/local/destination.py",
        "if deletion.expected == NOTHING or not is_expected(described, deletion.expected):",
        "if deletion.expected == NOTHING:",
        CONTRACT,
        "TestLocal and native and own_end",
    ),
    Bug(
        "what came at the last moment is not given back",
        "connectors/local/destination.py",
        "        self._disk.exchange(fresh, final)\n        raise Foreign",
        "        raise Foreign",
        LOCAL,
        "last_moment",
    ),
    Bug(
        "a private file is open to all once it is replaced",
        "connectors/local/part_file.py",
        "                _take_over_owner(descriptor, replaced)",
        "                pass",
        LOCAL,
        "who_may_read_it",
    ),
)
