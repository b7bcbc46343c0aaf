"""The places of the contract suite."""

import pytest

from filesync_dagster_tests.connectors.autodesk.place import AutodeskPlace, HubPlace
from filesync_dagster_tests.connectors.azure_blob.place import AzureBlobPlace
from filesync_dagster_tests.connectors.azure_blob.simulated_place import SimulatedBlobPlace
from filesync_dagster_tests.connectors.box.place import BoxFolderPlace, BoxPlace, BoxUserPlace
from filesync_dagster_tests.connectors.dropbox.place import DropboxPlace, NamespacePlace
from filesync_dagster_tests.connectors.dropbox.place import FolderPlace as DropboxFolderPlace
from filesync_dagster_tests.connectors.gcs.place import GcsPlace
from filesync_dagster_tests.connectors.google_drive.place import (
    DrivePlace,
    EverythingPlace,
    FolderInSharedDrivePlace,
    FolderPlace,
    SharedDrivePlace,
)
from filesync_dagster_tests.connectors.local.place import LocalPlace
from filesync_dagster_tests.connectors.microsoft.place import (
    LibraryPlace,
    MicrosoftFolderPlace,
    OneDrivePlace,
    SitePlace,
)
from filesync_dagster_tests.connectors.s3.place import FILE_NAMES, KEYS, S3Place
from filesync_dagster_tests.connectors.sftp.place import RclonePlace, SftpPlace
from filesync_dagster_tests.connectors.sftp.server import rclone_sftp, sftp_server  # noqa: F401 - fixtures

SIMULATED = {
    "google_drive": lambda request: DrivePlace(),
    "google_drive_folder": lambda request: FolderPlace(),
    "google_drive_folder_in_shared_drive": lambda request: FolderInSharedDrivePlace(),
    "google_drive_shared_drive": lambda request: SharedDrivePlace(),
    "google_drive_all": lambda request: EverythingPlace(),
    "google_drive_permissions": lambda request: DrivePlace(include_permissions=True),
    "onedrive": lambda request: OneDrivePlace(),
    "onedrive_folder": lambda request: MicrosoftFolderPlace(),
    "sharepoint": lambda request: SitePlace(),
    "sharepoint_library": lambda request: LibraryPlace(),
    "sharepoint_permissions": lambda request: LibraryPlace(include_permissions=True),
    "autodesk": lambda request: AutodeskPlace(),
    "autodesk_serial": lambda request: AutodeskPlace(list_workers=1),
    "autodesk_hub": lambda request: HubPlace(),
    "autodesk_permissions": lambda request: AutodeskPlace(include_permissions=True),
    "box": lambda request: BoxPlace(),
    "box_folder": lambda request: BoxFolderPlace(),
    "box_user": lambda request: BoxUserPlace(),
    "box_permissions": lambda request: BoxPlace(include_permissions=True),
    "dropbox": lambda request: DropboxPlace(),
    "dropbox_folder": lambda request: DropboxFolderPlace(),
    "dropbox_namespace": lambda request: NamespacePlace(),
    "dropbox_permissions": lambda request: DropboxPlace(include_permissions=True),
}
"""Places with a simulator behind them: their sources tell what changed, and things go wrong there on demand."""

PLACES = {
    **SIMULATED,
    "azure_blob": lambda request: AzureBlobPlace(request.getfixturevalue("azure_server")),
    "azure_blob_below_a_prefix": lambda request: AzureBlobPlace(
        request.getfixturevalue("azure_server"), prefix="pre%fix é/"
    ),
    "gcs": lambda request: GcsPlace(),
    "gcs_below_a_prefix": lambda request: GcsPlace(prefix="pre%fix é/"),
    "gcs_permissions": lambda request: GcsPlace(include_permissions=True),
    "azure_blob_simulated": lambda request: SimulatedBlobPlace(),
    "azure_blob_simulated_below_a_prefix": lambda request: SimulatedBlobPlace(prefix="pre%fix é/"),
    "local": lambda request: LocalPlace(request.getfixturevalue("tmp_path")),
    "local_hashing": lambda request: LocalPlace(request.getfixturevalue("tmp_path"), hash="sha256"),
    "local_without_stable_ids": lambda request: LocalPlace(request.getfixturevalue("tmp_path"), identity="path"),
    "s3_rclone": lambda request: S3Place(request.getfixturevalue("s3_server"), FILE_NAMES),
    "s3_moto": lambda request: S3Place(request.getfixturevalue("moto_s3"), KEYS),
    "s3_serial": lambda request: S3Place(request.getfixturevalue("moto_s3"), KEYS, list_workers=1),
    "s3_below_a_prefix": lambda request: S3Place(request.getfixturevalue("moto_s3"), KEYS, prefix="pre%fix é/"),
    "s3_without_order": lambda request: S3Place(request.getfixturevalue("moto_s3"), KEYS, provider="unordered"),
    "s3_version_1": lambda request: S3Place(request.getfixturevalue("s3_server"), FILE_NAMES, provider="tencent"),
    "s3_permissions": lambda request: S3Place(request.getfixturevalue("moto_s3"), KEYS, include_permissions=True),
    "sftp": lambda request: SftpPlace(request.getfixturevalue("sftp_server")),
    "sftp_rclone": lambda request: RclonePlace(request.getfixturevalue("rclone_sftp")),
}
"""One line per connector (and per way of running it that changes its capabilities): name → Place."""

READABLE = (
    "gcs",
    "azure_blob",
    "azure_blob_simulated",
    "local",
    "local_without_stable_ids",
    "local_hashing",
    "s3_rclone",
    "s3_moto",
    "s3_below_a_prefix",
    "google_drive",
    "google_drive_shared_drive",
    "google_drive_all",
    "sharepoint",
    "autodesk",
    "autodesk_hub",
    "box",
    "dropbox",
    "sftp",
    "sftp_rclone",
)
"""Where contents are read: every store, and what makes a difference for reading."""

QUICK = {
    "gcs",
    "azure_blob",
    "azure_blob_simulated",
    "local",
    "local_without_stable_ids",
    "s3_rclone",
    "s3_below_a_prefix",
    "google_drive",
    "google_drive_all",
    "autodesk",
    "autodesk_hub",
    "box",
    "sharepoint",
    "dropbox",
    "sftp",
}
"""Ways of running a store that every run of the tests tries; the others are tried with the long tests."""


def ways(names):
    """Return names of places as parameters: those of QUICK for every run, the others for the long one."""
    return [name if name in QUICK else pytest.param(name, marks=pytest.mark.slow) for name in names]
