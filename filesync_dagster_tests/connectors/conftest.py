"""The places of the contract suite."""

import pytest

from filesync_dagster_tests.connectors.autodesk.place import AutodeskPlace, HubPlace
from filesync_dagster_tests.connectors.google_drive.place import (
    DrivePlace,
    EverythingPlace,
    FolderInSharedDrivePlace,
    FolderPlace,
    SharedDrivePlace,
)
from filesync_dagster_tests.connectors.local.place import LocalPlace
from filesync_dagster_tests.connectors.s3.place import FILE_NAMES, KEYS, S3Place

SIMULATED = {
    "google_drive": lambda request: DrivePlace(),
    "google_drive_folder": lambda request: FolderPlace(),
    "google_drive_folder_in_shared_drive": lambda request: FolderInSharedDrivePlace(),
    "google_drive_shared_drive": lambda request: SharedDrivePlace(),
    "google_drive_all": lambda request: EverythingPlace(),
    "google_drive_permissions": lambda request: DrivePlace(include_permissions=True),
    "autodesk": lambda request: AutodeskPlace(),
    "autodesk_serial": lambda request: AutodeskPlace(list_workers=1),
    "autodesk_hub": lambda request: HubPlace(),
    "autodesk_permissions": lambda request: AutodeskPlace(include_permissions=True),
}
"""Places with a simulator behind them: their sources tell what changed, and things go wrong there on demand."""

QUICK = ("google_drive", "google_drive_all", "autodesk", "autodesk_hub")
FAULTY = [name if name in QUICK else pytest.param(name, marks=pytest.mark.slow) for name in SIMULATED]
"""Where each fault is tried in every run: the other ways of running a store are tried with the long tests."""

PLACES = {
    **SIMULATED,
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
}
"""One line per connector (and per way of running it that changes its capabilities): name → Place."""
