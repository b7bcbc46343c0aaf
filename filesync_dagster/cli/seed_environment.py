"""The configuration that the environment of the S3 sync service describes: a bucket, kept at a file manager.

Nothing of their values is written but whether they are there: the file refers to them by their names.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from filesync_dagster.core.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Mapping

BUCKET = "CUSTOMER_S3_BUCKET"
ADDRESSES = ("FILE_MANAGER_API_URL", "MOCK_API_URL")
SITE = "SHAREPOINT_SITE_URL"
SITE_DETAILS = {
    "site_url": SITE,
    "tenant_id": "SHAREPOINT_TENANT_ID",
    "client_id": "SHAREPOINT_CLIENT_ID",
    "client_secret": "SHAREPOINT_CLIENT_SECRET",
}
SYNC_SECONDS = 300
SOURCE = "customer_s3"
REPLICATION = "customer_s3_to_file_manager"
HEADER = """\
# Written by `filesync init --from-env`. Values come from the environment when they are needed; none is in here.
# docs/configuration.md has all keys, docs/file-manager.md what a file manager is told and what is proved.
"""


def configuration_of(variables: Mapping[str, str]) -> str:
    """Return endpoints.yaml for variables. Raises ConfigError, with all that are missing."""
    import yaml

    address = next((name for name in ADDRESSES if variables.get(name)), None)
    alone = bool(variables.get(SITE)) and not variables.get(BUCKET)  # a site, and nothing that is replicated
    missing = [f"{name} is not set: {SITE} needs it." for name in SITE_DETAILS.values() if not variables.get(name)]
    missing = missing if variables.get(SITE) else []
    if not variables.get(BUCKET) and not alone:
        missing.append(f"{BUCKET} is not set: the bucket whose files are kept.")
    if address is None and not alone:
        missing.append(f"{' or '.join(ADDRESSES)} is not set: the address of the file manager.")
    minutes = _minutes(variables.get("SYNC_INTERVAL", ""))
    if minutes is None:
        missing.append("SYNC_INTERVAL is no number of seconds.")
    if missing:
        raise ConfigError(missing, hint="Set it, or write endpoints.yaml by hand: `filesync init`.")
    found: dict[str, Any] = _document(variables, str(address), minutes or 1)
    if alone:
        found = {"settings": found["settings"]} if "settings" in found else {}
    if variables.get(SITE):
        found["endpoints"] = [*found.get("endpoints", []), _site(minutes or 1)]
    return HEADER + yaml.safe_dump(found, sort_keys=False, width=120)


def _site(minutes: int) -> dict[str, Any]:
    return {
        "name": "sharepoint",
        "type": "sharepoint",
        "endpoint_details": {key: f"${{{name}}}" for key, name in SITE_DETAILS.items()},
        "schedule": "interval",
        "schedule_config": {"interval_minutes": minutes},
    }


def _document(variables: Mapping[str, str], address: str, minutes: int) -> dict[str, Any]:
    bucket = {
        "bucket": BUCKET, "endpoint_url": "CUSTOMER_S3_ENDPOINT", "access_key_id": "CUSTOMER_S3_ACCESS_KEY",
        "secret_access_key": "CUSTOMER_S3_SECRET_KEY",
    }  # fmt: skip
    server: dict[str, Any] = {"base_url": f"${{{address}}}"}
    if variables.get("FILE_MANAGER_TOKEN"):
        server["token"] = "${FILE_MANAGER_TOKEN}"  # noqa: S105 - a reference
    settings = {"database_url": "sqlite:///${DATABASE_PATH}"} if variables.get("DATABASE_PATH") else {}
    return {
        **({"settings": settings} if settings else {}),
        "queues": [{"name": "file_manager_events", "type": "file_manager", **server, "endpoints": [SOURCE]}],
        "endpoints": [
            {
                "name": SOURCE,
                "type": "s3",
                "endpoint_details": {key: f"${{{name}}}" for key, name in bucket.items() if variables.get(name)},
                "schedule": "interval",
                "schedule_config": {"interval_minutes": minutes},
            }
        ],
        "replications": [
            {
                "name": REPLICATION,
                "source": SOURCE,
                "destination": {"type": "file_manager", "endpoint_details": {**server, "report": True}},
                "csv": True,
            }
        ],
    }


def _minutes(seconds: str) -> int | None:
    """Return an interval in minutes, at least one; None for what is no number of seconds."""
    if not seconds.strip():
        return SYNC_SECONDS // 60
    return max(1, round(int(seconds) / 60)) if seconds.strip().isascii() and seconds.strip().isdecimal() else None
