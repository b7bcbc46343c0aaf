"""What a user may say, and which sentence the rest gets."""

import pytest
from pydantic import ValidationError

from filesync_dagster.connectors.microsoft.details import OneDriveDetails, SharePointDetails
from filesync_dagster.connectors.microsoft.tokens import scope_of

APP = {"tenant_id": "contoso.onmicrosoft.com", "client_id": "app", "client_secret": "s"}
SITE = {"site_url": "https://contoso.sharepoint.com/sites/engineering"}


@pytest.mark.parametrize(
    ("model", "details", "sentence"),
    [
        (SharePointDetails, {}, "give site_url or site_id, one of the two"),
        (SharePointDetails, {**SITE, "site_id": "x"}, "give site_url or site_id"),
        (SharePointDetails, {**SITE, "drive": "a", "drive_id": "b"}, "drive and drive_id exclude each other"),
        (SharePointDetails, {**SITE, "folder_path": "a"}, "in which library is it?"),
        (SharePointDetails, {"site_url": "contoso"}, "this is not an address such as https://contoso.sharepoint.com"),
        (SharePointDetails, {**SITE, "client_secret": None}, "give client_secret or certificate_file"),
        (SharePointDetails, {**SITE, "certificate_file": "a.pem"}, "give client_secret or certificate_file"),
        (SharePointDetails, {**SITE, "certificate_password": "a"}, "certificate_password goes with certificate_file"),
        (SharePointDetails, {**SITE, "base_url": "https://x/v1.0"}, "without a path"),
        (OneDriveDetails, {}, "give user or drive_id, one of the two"),
        (OneDriveDetails, {"user": "a", "drive_id": "b"}, "give user or drive_id"),
        (OneDriveDetails, {"user": "a", "folder_path": "a/../b"}, "this is not the path of a folder"),
        (OneDriveDetails, {"user": "a", "page_size": 1000}, "less than or equal to 999"),
        (OneDriveDetails, {"user": "a", "site_url": "x"}, "not permitted"),
    ],
)
def test_what_is_refused(model, details, sentence):
    """All of it before anything is asked; no secret is repeated."""
    with pytest.raises(ValidationError) as wrong:
        model(**{**APP, **details})
    assert sentence in str(wrong.value)


@pytest.mark.parametrize(
    ("details", "scope"),
    [
        ({}, "https://graph.microsoft.com/.default"),
        ({"base_url": "https://graph.microsoft.us"}, "https://graph.microsoft.us/.default"),
        ({"base_url": "https://dod-graph.microsoft.us"}, "https://dod-graph.microsoft.us/.default"),
        ({"base_url": "https://proxy.example"}, "https://graph.microsoft.com/.default"),
        (
            {"base_url": "https://proxy.example", "authority_url": "https://login.partner.microsoftonline.cn"},
            "https://microsoftgraph.chinacloudapi.cn/.default",
        ),
    ],
)
def test_what_tokens_are_for(details, scope):
    """Graph of the cloud that the tenant is in, whatever stands between."""
    assert scope_of(OneDriveDetails(**APP, user="a", **details)) == scope
