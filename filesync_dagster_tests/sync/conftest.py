"""What tests of the engine share."""

from urllib.parse import urlsplit

import pytest


@pytest.fixture(params=["folder", "s3"])
def root(request, tmp_path, monkeypatch):
    """Return a snapshot root."""
    if request.param == "folder":
        return str(tmp_path / "shared")
    server = request.getfixturevalue("s3_server")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", server.access_key_id)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", server.secret_access_key)
    place = urlsplit(server.endpoint_url)
    return f"s3://{server.bucket()}/kept?endpoint_override={place.netloc}&scheme=http&region=us-east-1"
