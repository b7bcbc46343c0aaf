"""A place on the server of all these tests."""

import pytest

from filesync_dagster_tests.connectors.sftp.place import SftpPlace


@pytest.fixture
def place(sftp_server):
    """Return an empty folder of the server."""
    return SftpPlace(sftp_server)
