"""Where an endpoint lists, as a fingerprint."""

import hashlib
from typing import Any

from filesync_dagster.config.models import Endpoint
from filesync_dagster.connectors import CONNECTORS
from filesync_dagster.core.model import canonical_json


def location_of(endpoint: Endpoint) -> str:
    """Fingerprint what an endpoint lists: rows that vanish when it changes left the scope (DESIGN rule 7)."""
    details: dict[str, Any] = endpoint.public_details()
    where = {name: details.get(name) for name in CONNECTORS[endpoint.type].location}
    return hashlib.sha256(canonical_json([endpoint.type, where]).encode()).hexdigest()[:32]
