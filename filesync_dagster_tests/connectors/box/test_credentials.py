"""Who asks: client credentials, the key of a JWT app, and what may be wrong with them."""

import json
import re
from base64 import urlsafe_b64decode
from urllib.parse import parse_qs

import pytest
from pydantic import SecretStr, ValidationError

from filesync_dagster.connectors.box import BoxDetails, open_box
from filesync_dagster.core.errors import AuthenticationFailed
from filesync_dagster.core.model import Meter
from filesync_dagster.simulators.kit.faults import Fault
from filesync_dagster.simulators.kit.wire import InProcess
from filesync_dagster.testing import IMPATIENT

PAIR = {"client_id": "c", "client_secret": "hush"}
AUTH = {"publicKeyID": "k", "privateKey": "hush", "passphrase": "hush"}
CONFIG = {"boxAppSettings": {"clientID": "c", "clientSecret": "hush", "appAuth": AUTH}, "enterpriseID": "1"}


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({}, "no credentials: give client_id and client_secret, or jwt_config_file or jwt_config_json"),
        ({"client_id": "c", "enterprise_id": "1"}, "no credentials"),
        (PAIR, "give either enterprise_id or box_user_id"),
        ({**PAIR, "enterprise_id": "1", "box_user_id": "2"}, "give either enterprise_id or box_user_id"),
        ({**PAIR, "enterprise_id": "1", "jwt_config_json": CONFIG}, "exclude each other"),
        ({"jwt_config_file": "f", "jwt_config_json": CONFIG}, "exclude each other"),
        ({"jwt_config_json": CONFIG, "enterprise_id": "1"}, "enterprise_id stands in the JSON"),
        ({"jwt_config_json": "hush"}, "this is not the JSON of a Box app"),
        ({"jwt_config_json": '{"boxAppSettings": {"clientID": "hush"}}'}, "this is not the JSON of a Box app"),
        ({**PAIR, "enterprise_id": "1", "folder_id": "https://app.box.com/folder/1"}, "should match pattern"),
        ({**PAIR, "enterprise_id": "1", "base_url": "http://me:hush@x"}, "this is not an address"),
        ({**PAIR, "enterprise_id": "1", "folder": "0"}, "Extra inputs are not permitted"),
    ],
)
def test_what_does_not_fit_together(given, sentence):
    """Each is told in a sentence, and no secret with it."""
    with pytest.raises(ValidationError) as error:
        BoxDetails(**given)

    assert sentence in str(error.value)
    assert "hush" not in str(error.value)


def test_a_key_that_is_missing():
    """An app for which nobody generated a key pair has a JSON without one."""
    app = {"clientID": "c", "clientSecret": "hush", "appAuth": {"publicKeyID": "", "privateKey": None}}
    with pytest.raises(ValidationError, match="has no privateKey: generate a key pair"):
        BoxDetails(jwt_config_json=json.dumps({"boxAppSettings": app}))


def test_numbers_may_be_written_without_quotes():
    """YAML reads digits as a number; `0` is the top."""
    details = BoxDetails(**PAIR, enterprise_id=987654, folder_id=0)

    assert (details.enterprise_id, details.folder_id) == ("987654", "0")
    assert details.token_address == "https://api.box.com/oauth2/token"


def opened(box, wire=None, **details):
    """Return a source of a place with other credentials."""
    given = {"base_url": box.base_url, **details}
    return open_box(BoxDetails(**given), Meter(), wire=wire or InProcess(box.simulator), policy=IMPATIENT)


@pytest.mark.parametrize("given", ["json", "mapping", "file"])
def test_the_key_of_a_jwt_app(box, tmp_path, given):
    """Its key is encrypted, and what it signs is traded for a token."""
    box.write("a.txt", b"a")
    text = box.simulator.application.config()
    (tmp_path / "box.json").write_text(text)
    details = {
        "json": {"jwt_config_json": text},
        "mapping": {"jwt_config_json": json.loads(text)},
        "file": {"jwt_config_file": str(tmp_path / "box.json")},
    }[given]

    source = opened(box, **details)

    assert "read the enterprise's events" in source.check().permissions
    source.close()


def test_an_assertion_of_a_user(box):
    """It names the user, is good for less than a minute, and once."""
    sent = []

    class Wire(InProcess):
        def handle_request(self, request):
            sent.append(request.read().decode())
            return super().handle_request(request)

    user = box.simulator.application.user_id
    source = opened(box, Wire(box.simulator), jwt_config_json=box.simulator.application.config(), box_user_id=int(user))
    assert "read the account's own events" in source.check().permissions
    source.close()

    claims = parse_qs(sent[0])["assertion"][0].split(".")[1]
    told = json.loads(urlsafe_b64decode(claims + "=" * (-len(claims) % 4)))
    assert (told["box_sub_type"], told["sub"], told["aud"]) == ("user", user, "https://api.box.com/oauth2/token")
    assert 0 < told["exp"] - told["iat"] <= 60 if "iat" in told else told["exp"]
    assert len(told["jti"]) > 16


@pytest.mark.parametrize(
    ("break_it", "sentence"),
    [
        (lambda auth: auth.update(passphrase="wrong hush"), "its private key cannot be read"),
        (lambda auth: auth.update(privateKey="hush"), "its private key cannot be read"),
        (lambda auth: auth.pop("passphrase"), "its private key cannot be read"),
        (lambda auth: auth.update(publicKeyID="hush"), "kid"),
    ],
)
def test_a_key_that_cannot_be_used(box, break_it, sentence):
    """The sentence says what is wrong with it, and holds nothing of it."""
    config = json.loads(box.simulator.application.config())
    break_it(config["boxAppSettings"]["appAuth"])
    source = opened(box, jwt_config_json=config)

    with pytest.raises(AuthenticationFailed, match=re.escape(sentence)) as error:
        source.check()

    assert "hush" not in f"{error.value} {error.value.hint}"
    source.close()


def test_a_file_that_is_not_there(box, tmp_path):
    """It is named, with what to check."""
    source = opened(box, jwt_config_file=str(tmp_path / "absent.json"))
    with pytest.raises(AuthenticationFailed, match=r"absent\.json cannot be read") as error:
        source.check()
    assert error.value.hint == "Check jwt_config_file."
    source.close()


def test_an_app_that_is_not_authorized(box):
    """The hint says who authorizes it, and where."""
    box.plan.add(Fault.DENY, "token", times=-1)
    source = opened(box, **credentials(box))
    with pytest.raises(AuthenticationFailed) as error:
        source.check()
    assert "An admin must authorize the app" in error.value.hint
    source.close()


def test_a_wrong_secret(box):
    """It is said to be wrong, and not repeated."""
    source = opened(box, **{**credentials(box), "client_secret": SecretStr("wrong hush")})
    with pytest.raises(AuthenticationFailed, match="invalid_client") as error:
        source.check()
    assert "hush" not in str(error.value)
    assert "client_secret" in error.value.hint
    source.close()


def credentials(box):
    """Return the client credentials of a place, without its address."""
    known = box.simulator.credentials(box.base_url)
    return {name: known[name] for name in ("client_id", "client_secret", "enterprise_id")}
