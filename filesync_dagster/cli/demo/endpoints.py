"""The demo's endpoints.yaml."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from filesync_dagster.cli.demo.autodesk import PROJECT
from filesync_dagster.cli.demo.replicas import REPLICATIONS, TO_FILE_MANAGER, TO_FOLDER, archive_of
from filesync_dagster.cli.demo.sample import SHARED_DRIVE
from filesync_dagster.cli.demo.servers import ACCESS_KEY_ID
from filesync_dagster.cli.demo.stores import BUCKET

COMPANY_DRIVE, CLINIC_ACC, ENGINEERING, OFFICE = "company_drive", "clinic_acc", "engineering_files", "office_share"
LONG_THERE = (COMPANY_DRIVE, CLINIC_ACC, ENGINEERING, OFFICE)
"""What the company has had from the beginning."""
SITE, ONE_DRIVE, DROPBOX, BOX = "tenders_sharepoint", "ada_onedrive", "photos_dropbox", "clients_box"
GCS, AZURE = "scans_gcs", "models_azure"

COMPANY = "nordlicht"
"""The project of all of them: one group in Dagster, so that they are seen side by side."""

OFFICE_USER, ENGINEER = "office@company.com", "engineer@company.com"

HEADER = """\
# Written by `filesync demo`, anew each time it starts. The secrets are those of servers with sample data that end with
# the demo; yours belong in ${NAME}.
"""


@dataclass(frozen=True)
class Arrival:
    """What is known of the servers when they have started: their addresses, and what was made up anew."""

    urls: Mapping[str, str]
    s3_secret: str
    project_id: str
    gcs_key: Mapping[str, str]


def endpoints_yaml(arrival: Arrival, home: Path, since: str) -> str:
    """Return the configuration of the endpoints and two replications; `since` is the first partition."""
    import yaml

    document = {
        "settings": {
            "partitions": {"start_date": since},
            "reports": {"own_domains": ["company.com", "example.com", "contoso.com"]},
        },
        "endpoints": [*_first_four(arrival, home), *_others(arrival)],
    }
    replications = REPLICATIONS.format(
        to_folder=TO_FOLDER,
        to_file_manager=TO_FILE_MANAGER,
        source=ENGINEERING,
        archive=json.dumps(str(archive_of(home))),
        file_manager_url=arrival.urls["file_manager"],
    )
    return HEADER + yaml.safe_dump(document, sort_keys=False, allow_unicode=True, width=120) + replications


def _first_four(arrival: Arrival, home: Path) -> list[dict[str, Any]]:
    from filesync_dagster.simulators import SIMULATORS

    urls = arrival.urls
    drive = SIMULATORS["google_drive"]().user_credentials(urls["google_drive"])
    return [
        _endpoint(
            COMPANY_DRIVE,
            ("google_drive", "Company Drive", OFFICE_USER),
            f"Google Drive (simulated). Bids, contracts and minutes in My Drive; RFIs and photos in the shared drive "
            f"{SHARED_DRIVE}.",
            {
                "include_shared": True,
                "include_permissions": True,
                "base_url": urls["google_drive"],
                **{name: value for name, value in drive.items() if name != "type"},
            },
        ),
        _endpoint(
            CLINIC_ACC,
            ("autodesk", PROJECT, ENGINEER),
            "A project of Autodesk Construction Cloud (simulated). Plans, models, RFIs and submittals.",
            {"project_ids": [arrival.project_id], **SIMULATORS["autodesk"]().credentials(urls["autodesk"])},
        ),
        _endpoint(
            ENGINEERING,
            ("s3", "Engineering Files", ENGINEER),
            "Drawings and specifications in a bucket of a real S3 server.",
            {
                "endpoint_url": urls["s3"],
                "bucket": BUCKET,
                "region": "us-east-1",
                "access_key_id": ACCESS_KEY_ID,
                "secret_access_key": arrival.s3_secret,
            },
        ),
        _endpoint(
            OFFICE,
            ("local", "Office Share", OFFICE_USER),
            "Contracts and photos in a folder of this machine.",
            {"path": str(home / "office")},
            filters={"exclude": ["**/~$*"]},
        ),
    ]


def _others(arrival: Arrival) -> list[dict[str, Any]]:
    from filesync_dagster.simulators import SIMULATORS

    urls = arrival.urls
    site, one_drive = (one["endpoint_details"] for one in SIMULATORS["microsoft"]().endpoints(urls["microsoft"]))
    return [
        _endpoint(
            SITE,
            ("sharepoint", "Tenders", OFFICE_USER),
            "A site of SharePoint (simulated) with two libraries: documents and tenders.",
            site,
        ),
        _endpoint(
            ONE_DRIVE,
            ("onedrive", "Ada's OneDrive", ENGINEER),
            "The OneDrive of an engineer (simulated). Notes and drafts.",
            one_drive,
        ),
        _endpoint(
            DROPBOX,
            ("dropbox", "Site Photos", OFFICE_USER),
            "A Dropbox (simulated), to which photographers send photos.",
            SIMULATORS["dropbox"]().credentials(urls["dropbox"]),
        ),
        _endpoint(
            BOX,
            ("box", "Client Files", OFFICE_USER),
            "A Box (simulated). Contracts and invoices that clients see.",
            SIMULATORS["box"]().credentials(urls["box"]),
        ),
        _endpoint(
            GCS,
            ("gcs", "Laser Scans", ENGINEER),
            "A bucket of Google Cloud Storage (simulated). Laser scans of each site.",
            arrival.gcs_key,
        ),
        _endpoint(
            AZURE,
            ("azure_blob", "Models", ENGINEER),
            "A container of Azure Blob Storage (simulated). Models of each site.",
            SIMULATORS["azure_blob"]().credentials(urls["azure_blob"]),
        ),
    ]


def _endpoint(
    name: str, what: tuple[str, str, str], description: str, details: Mapping[str, Any], **more: Any
) -> dict[str, Any]:
    """Return an endpoint; `what` is its type, its title and whose it is."""
    kind, title, user = what
    return {
        "name": name,
        "type": kind,
        "title": title,
        "description": description,
        "project_id": COMPANY,
        "user_id": user,
        "endpoint_details": dict(details),
        **more,
        "schedule_config": {"interval_minutes": 1},
    }
