import pydantic
import pytest

from filesync_dagster.connectors.autodesk import AutodeskDetails

APP = {"client_id": "app", "client_secret": "s3cret"}
ACCOUNT = "c8b0c73d-3ae9-4f3b-9f54-0123456789ab"


def test_an_app_is_enough():
    """With an app alone every project of every hub is listed, from Autodesk itself."""
    details = AutodeskDetails(**APP)

    assert (details.hub_id, details.project_ids, details.only_project) == (None, [], None)
    assert details.base_url == "https://developer.api.autodesk.com"


def test_ids_may_be_written_as_acc_shows_them():
    """The id in an address of ACC lacks the `b.` that the API wants; both are taken, and each project once."""
    details = AutodeskDetails(**APP, hub_id=ACCOUNT, project_ids=[ACCOUNT, f"b.{ACCOUNT}", "a.YnVzaW5lc3M6YWNtZQ=="])

    assert details.hub_id == f"b.{ACCOUNT}"
    assert details.project_ids == [f"b.{ACCOUNT}", "a.YnVzaW5lc3M6YWNtZQ=="]


def test_no_project_ids_are_all_projects():
    """An empty value in YAML is null."""
    assert AutodeskDetails(**APP, project_ids=None).project_ids == []


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"client_id": "a:b"}, "client_id"),
        ({"client_secret": ""}, "client_secret"),
        ({"hub_id": "Acme"}, "'Acme' is not an id of a hub or project; write `b.`"),
        ({"project_ids": ["b.1/2"]}, "'b.1/2' is not an id"),
        ({"project_ids": "b.1"}, "valid list"),
        ({"region": "EU"}, "'US', 'EMEA'"),
        ({"key_id": "k"}, "service_account_id, key_id and private_key go together"),
        ({"page_size": 201}, "less than or equal to 200"),
        ({"list_workers": 0}, "greater than or equal to 1"),
        ({"requests_per_minute": 5}, "greater than or equal to 6"),
        ({"base_url": "developer.api.autodesk.com"}, "base_url"),
        ({"base_url": "https://x:99999"}, "is not an address"),
        ({"include_permission": True}, "Extra inputs are not permitted"),
    ],
)
def test_what_is_wrong_is_said(wrong, said):
    """Each mistake is a problem that names what to write, and no secret."""
    with pytest.raises(pydantic.ValidationError) as caught:
        AutodeskDetails(**(APP | wrong))

    assert said in str(caught.value)
    assert "s3cret" not in str(caught.value)
