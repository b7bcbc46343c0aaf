import json

import pytest
from pydantic import SecretStr, ValidationError

from filesync_dagster.connectors.google_drive import GoogleDriveDetails, open_google_drive
from filesync_dagster.core.errors import AuthenticationFailed
from filesync_dagster.core.model import Meter

KEY = {
    "type": "service_account",
    "client_email": "a@b.example",
    "private_key": "hush",
    "token_uri": "https://t.example",
}
USER = {"client_id": "c", "client_secret": "hush", "refresh_token": "hush"}
ACCOUNT = {"service_account_json": json.dumps(KEY)}


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({}, "no credentials: give service_account_file or service_account_json, or client_id"),
        ({"service_account_file": "f", **ACCOUNT}, "service_account_file and service_account_json exclude each other"),
        ({**ACCOUNT, **USER}, "exclude each other: give one kind of credentials"),
        ({"client_id": "c"}, "client_id also need client_secret and refresh_token"),
        ({**USER, "subject": "a@b.example"}, "subject needs a service account"),
        ({**ACCOUNT, "subject": "nobody"}, "should match pattern"),
        ({**ACCOUNT, "include_shared": True, "folder_id": "f"}, "leave out folder_id and drive_id"),
        ({**ACCOUNT, "folder_id": "https://drive.google.com/drive/folders/1a"}, "should match pattern"),
        ({**ACCOUNT, "page_size": 1001}, "less than or equal to 1000"),
        ({**ACCOUNT, "base_url": "ftp://x"}, "this is not an address"),
        ({**ACCOUNT, "base_url": "http://me:hush@x"}, "this is not an address"),
        ({**ACCOUNT, "base_url": "http://x:99999"}, "this is not an address"),
        ({"service_account_json": "hush"}, "this is not the JSON key of a service account"),
        ({"service_account_json": '["hush"]'}, "this is not the JSON key of a service account"),
        ({"service_account_json": '{"type": "authorized_user"}'}, "JSON of type 'authorized_user'"),
        ({"service_account_json": '{"private_key": "hush"}'}, "has no client_email and no token_uri"),
        ({**ACCOUNT, "folder": "f"}, "Extra inputs are not permitted"),
    ],
)
def test_what_does_not_fit_together(given, sentence):
    """Each is told in a sentence, and no secret with it."""
    with pytest.raises(ValidationError) as error:
        GoogleDriveDetails(**given)

    assert sentence in str(error.value)
    assert "hush" not in str(error.value)


@pytest.mark.parametrize(
    "given",
    [
        USER,
        ACCOUNT,
        {"service_account_json": KEY},  # JSON pasted into YAML
        {"service_account_json": "secret:filesync/drive"},
        {"service_account_file": "/run/key.json", "subject": "ada@example.com"},
        {**ACCOUNT, "folder_id": "1a-B_c", "drive_id": "0A"},
    ],
)
def test_what_fits_together(given):
    """It is accepted, and shows no secret."""
    details = GoogleDriveDetails(**given)

    assert "hush" not in repr(details)
    assert "hush" not in str(details)
    assert "hush" not in details.model_dump_json()


@pytest.mark.parametrize(
    ("update", "sentence"),
    [
        ({"service_account_json": SecretStr("hush")}, "this is not the JSON key"),
        ({"service_account_json": SecretStr(json.dumps(KEY))}, "private_key cannot be read"),
        ({"service_account_json": None, "service_account_file": "/nowhere/key.json"}, "cannot be read: No such file"),
    ],
)
def test_a_key_that_cannot_be_used(update, sentence):
    """A key from a secret store or a file is looked at when it is needed; what is wrong is told without the key."""
    source = open_google_drive(GoogleDriveDetails(**ACCOUNT).model_copy(update=update), Meter())

    with pytest.raises(AuthenticationFailed) as error:
        source.check()
    source.close()

    assert sentence in error.value.message
    assert error.value.hint
    assert "hush" not in f"{error.value!r} {error.value.__cause__!r}"
