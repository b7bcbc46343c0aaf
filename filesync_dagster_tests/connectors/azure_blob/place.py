"""A container of Azurite as a place of the contract suite."""

import uuid

from filesync_dagster.connectors.azure_blob import CONNECTOR, AzureBlobDetails
from filesync_dagster.connectors.azure_blob.source import AzureBlobSource
from filesync_dagster.testing import IMPATIENT
from filesync_dagster_tests.connectors.s3.place import FILE_NAMES

# No control characters: Azurite cannot list them. Nor "." and "..", which the vendor's client resolves; and a backslash
# is a slash to the service.
BLOB_NAMES = (
    *(name for name in FILE_NAMES if "\\" not in name),
    "a//b",
    "/lead",
    "//",
    "trail/",
    "dot.",
    "dots..",
    "a/b./c",
    "\x7f",
    "é" * 400,
)


class AzureBlobPlace:
    """A container, below an optional prefix; the vendor's own client writes there."""

    connector = CONNECTOR
    hostile_names = BLOB_NAMES

    def __init__(self, server, **details):
        self.server = server
        self.container = server.container()
        self.client = server.client(self.container)
        self._details = details
        self._prefix = details.get("prefix", "")

    def write(self, path, content):
        self.client.upload_blob(self._prefix + path, content, overwrite=True)

    overwrite = write

    def rename(self, old, new):
        self.write(new, self.client.download_blob(self._prefix + old).readall())
        self.delete(old)

    def delete(self, path):
        self.client.delete_blob(self._prefix + path)

    def open(self, meter, page_size=10):
        details = self.server.details(self.container, page_size=page_size, **self._details)
        return AzureBlobSource(AzureBlobDetails(**details), meter, policy=IMPATIENT)

    def open_missing(self, meter):
        details = self.server.details(f"missing-{uuid.uuid4().hex}")
        return AzureBlobSource(AzureBlobDetails(**details), meter, policy=IMPATIENT)
