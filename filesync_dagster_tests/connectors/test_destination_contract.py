"""Our own destinations, held to the public suite."""

import os
from contextlib import ExitStack, closing

import pytest

from filesync_dagster.connectors.local.disk import Disk
from filesync_dagster.simulators.kit.wire import serve_simulator
from filesync_dagster.testing import DestinationSuite
from filesync_dagster.testing.destination_change_suite import DeleteSuite, FolderSuite
from filesync_dagster.testing.destination_write_suite import WriteSuite
from filesync_dagster_tests.connectors.azure_blob.destination_place import AzureBlobDestinationPlace
from filesync_dagster_tests.connectors.file_manager.destination_place import FileManagerPlace
from filesync_dagster_tests.connectors.gcs.destination_place import GcsDestinationPlace
from filesync_dagster_tests.connectors.local.destination_place import LocalDestinationPlace
from filesync_dagster_tests.connectors.s3.destination_place import S3DestinationPlace
from filesync_dagster_tests.connectors.s3.place import FILE_NAMES, KEYS

OTHER_SERVERS = ("moto", "trusted") if os.environ.get("FILESYNC_SOAK") else ("moto",)
"""A server that is trusted with conditions has a shorter suite of its own below, but in `make soak`."""


class TestLocal(DestinationSuite):
    """A folder, with the renames of Linux and without."""

    @pytest.fixture(params=["native", "portable"])
    def place(self, request, tmp_path):
        """Return an empty folder."""
        return LocalDestinationPlace(tmp_path, Disk(native=request.param == "native"))


class TestFileManager(DestinationSuite):
    """The reference server."""

    @pytest.fixture
    def place(self, tmp_path):
        """Return an empty one."""
        with ExitStack() as stack:
            place = FileManagerPlace(
                tmp_path / "root", lambda simulator: stack.enter_context(serve_simulator(simulator))
            )
            stack.enter_context(closing(place.simulator))
            yield place


class GcsPlaces:
    """A simulated bucket, below a prefix."""

    @pytest.fixture
    def place(self):
        """Return an empty one."""
        with ExitStack() as stack:
            yield GcsDestinationPlace(lambda simulator: stack.enter_context(serve_simulator(simulator)), "pre%fix é")


class TestGcsWrites(GcsPlaces, WriteSuite):
    """What every run tries of it."""


@pytest.mark.slow
class TestGcs(GcsPlaces, DestinationSuite):
    """All of it."""


@pytest.mark.slow
class TestAzureBlob(DestinationSuite):
    """A container of the emulator, below a prefix."""

    @pytest.fixture
    def place(self, azure_server):
        """Return an empty one."""
        return AzureBlobDestinationPlace(azure_server, "pre%fix é")


class TestS3(DestinationSuite):
    """A bucket of a server that ignores conditions, so a look goes before; and of one that heeds them."""

    @pytest.fixture(params=["rclone", *(pytest.param(name, marks=pytest.mark.slow) for name in OTHER_SERVERS)])
    def place(self, request, monkeypatch):
        """Return an empty bucket, or one that is empty below a prefix."""
        if request.param == "rclone":
            return S3DestinationPlace(request.getfixturevalue("s3_server"), FILE_NAMES, monkeypatch)
        moto = request.getfixturevalue("moto_s3")
        if request.param == "moto":
            return S3DestinationPlace(moto, KEYS, monkeypatch, prefix="pre%fix é")
        return S3DestinationPlace(moto, KEYS, monkeypatch, provider="aws")


@pytest.mark.slow
class TestTrustedS3(WriteSuite, DeleteSuite, FolderSuite):
    """A bucket of a server that heeds conditions, and is trusted to. It is slower than the other one."""

    @pytest.fixture
    def place(self, moto_s3, monkeypatch):
        """Return an empty bucket."""
        return S3DestinationPlace(moto_s3, KEYS, monkeypatch, provider="aws")
