"""The demo's endpoints.yaml."""

import json
from pathlib import Path

from filesync_dagster.cli.demo.autodesk import PROJECT
from filesync_dagster.cli.demo.sample import SHARED_DRIVE
from filesync_dagster.cli.demo.servers import ACCESS_KEY_ID
from filesync_dagster.cli.demo.stores import BUCKET

COMPANY_DRIVE, CLINIC_ACC, ENGINEERING, OFFICE = "company_drive", "clinic_acc", "engineering_files", "office_share"

COMPANY = "nordlicht"
"""The project of all four: one group in Dagster, so that they are seen side by side."""

ENDPOINTS = """\
# Written by `filesync demo`, anew each time it starts. The secrets are those of servers with sample data that end with
# the demo; yours belong in ${{NAME}}.
settings:
  partitions: {{start_date: {since}}}
  reports: {{own_domains: [company.com, example.com]}}

endpoints:
  - name: {company_drive}
    type: google_drive
    title: Company Drive
    description: Google Drive (simulated). Bids, contracts and minutes in My Drive; RFIs and photos in the shared drive
      {shared_drive}.
    project_id: {company}
    user_id: office@company.com
    endpoint_details:
      include_shared: true
      include_permissions: true
      base_url: {drive_url}
      token_uri: {drive_url}/token
      client_id: {drive[client_id]}
      client_secret: {drive[client_secret]}
      refresh_token: {drive[refresh_token]}
    schedule_config: {{interval_minutes: 1}}

  - name: {clinic_acc}
    type: autodesk
    title: {acc_project}
    description: A project of Autodesk Construction Cloud (simulated). Plans, models, RFIs and submittals.
    project_id: {company}
    user_id: engineer@company.com
    endpoint_details:
      project_ids: [{project_id}]
      base_url: {autodesk_url}
      client_id: {autodesk[client_id]}
      client_secret: {autodesk[client_secret]}
    schedule_config: {{interval_minutes: 1}}

  - name: {engineering}
    type: s3
    title: Engineering Files
    description: Drawings and specifications in a bucket of a real S3 server.
    project_id: {company}
    user_id: engineer@company.com
    endpoint_details:
      endpoint_url: {s3_url}
      bucket: {bucket}
      region: us-east-1
      access_key_id: {access_key_id}
      secret_access_key: {secret}
    schedule_config: {{interval_minutes: 1}}

  - name: {office}
    type: local
    title: Office Share
    description: Contracts and photos in a folder of this machine.
    project_id: {company}
    user_id: office@company.com
    endpoint_details: {{path: {folder}}}
    filters: {{exclude: ["**/~$*"]}}
    schedule_config: {{interval_minutes: 1}}
"""


def endpoints_yaml(urls: dict[str, str], secret: str, project_id: str, folder: Path, since: str) -> str:
    """Return the configuration of four endpoints; `urls` are those of the servers, `since` is the first partition."""
    from filesync_dagster.simulators import SIMULATORS

    drive, autodesk = urls["google_drive"], urls["autodesk"]
    return ENDPOINTS.format(
        since=since,
        company=COMPANY,
        company_drive=COMPANY_DRIVE,
        clinic_acc=CLINIC_ACC,
        engineering=ENGINEERING,
        office=OFFICE,
        shared_drive=SHARED_DRIVE,
        acc_project=PROJECT,
        drive_url=drive,
        drive=SIMULATORS["google_drive"]().user_credentials(drive),
        autodesk_url=autodesk,
        autodesk=SIMULATORS["autodesk"]().credentials(autodesk),
        project_id=project_id,
        s3_url=urls["s3"],
        bucket=BUCKET,
        access_key_id=ACCESS_KEY_ID,
        secret=secret,
        folder=json.dumps(str(folder)),
    )
