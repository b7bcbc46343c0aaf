"""Bugs of uploads: what nobody looked at is clean, what was cut is lost, what is refused stays."""

from filesync_dagster_tests.planted_bugs.bug import Bug

RECEIVE = "filesync_dagster_tests/tables/uploads/test_receive.py"
WEB = "filesync_dagster_tests/web/test_uploads.py"

BUGS = (
    Bug(
        "an absent clamd is a clean file",
        "tables/uploads/scan.py",
        '            raise _unknown("The virus scanner is not to be had.") from error',
        "            return",
        RECEIVE,
        "without_clamd",
    ),
    Bug(
        "what clamd says in other words is clean",
        "tables/uploads/scan.py",
        '        if answer == "stream: OK":',
        '        if answer.startswith("stream: OK"):',
        RECEIVE,
        "rubbish",
    ),
    Bug(
        "whoever comes second to an upload waits",
        "tables/uploads/receive.py",
        "fcntl.LOCK_EX | fcntl.LOCK_NB",
        "fcntl.LOCK_SH | fcntl.LOCK_NB",
        RECEIVE,
        "comes_second",
    ),
    Bug(
        "a piece with a wrong checksum stays",
        "tables/uploads/receive.py",
        "            self.offset = self._begin\n        os.ftruncate",
        "            pass\n        os.ftruncate",
        RECEIVE,
        "wrong_checksum",
    ),
    Bug(
        "bytes that no record knows are kept",
        "tables/uploads/receive.py",
        "            os.lseek(descriptor, offset, os.SEEK_SET)",
        "            os.lseek(descriptor, 0, os.SEEK_END)",
        RECEIVE,
        "no_record_knows",
    ),
    Bug(
        "room is not reserved for what is still coming",
        "tables/uploads/receive.py",
        "(size or 0) + self._repository.reserved_bytes()",
        "(size or 0)",
        RECEIVE,
        "room_is_reserved",
    ),
    Bug(
        "a refused file stays on the disk",
        "tables/uploads/receive.py",
        "        self.path(record).unlink(missing_ok=True)\n\n    @contextmanager",
        "\n    @contextmanager",
        RECEIVE,
        "is_not_what_its_name_says",
    ),
    Bug(
        "a form that ends too early leaves its file",
        "web/uploads.py",
        "            await run_sync(store.remove, record.id)\n",
        "            pass\n",
        WEB,
        "ends_too_early",
    ),
)
