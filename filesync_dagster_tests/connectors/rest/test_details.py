import pytest
from pydantic import BaseModel, ValidationError

from filesync_dagster.connectors import CONNECTORS

ADDRESSES = {
    "autodesk": "base_url",
    "azure_blob": "base_url",
    "box": "token_url",
    "dropbox": "notify_url",
    "file_manager": "base_url",
    "gcs": "base_url",
    "google_drive": "token_uri",
    "onedrive": "authority_url",
    "s3": "endpoint_url",
    "sharepoint": "site_url",
}


@pytest.mark.parametrize("kind", sorted(ADDRESSES))
@pytest.mark.parametrize(
    "wrong", ["https://ann:hunter2@host", "ftp://hunter2", "hunter2", "https://host#hunter2", "https://host:x"]
)
def test_an_address_that_is_none_is_refused_and_not_repeated(kind, wrong):
    """It might hold a password."""
    connector = CONNECTORS[kind]
    details: type[BaseModel] = connector.details
    with pytest.raises(ValidationError) as error:
        details.model_validate({ADDRESSES[kind]: wrong})
    [found] = [one for one in error.value.errors(include_input=False) if one["loc"][:1] == (ADDRESSES[kind],)]
    assert "hunter2" not in found["msg"]
