"""What a user may say about Box."""

import json
from typing import Annotated, Any, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SecretStr,
    field_validator,
    model_validator,
)

from filesync_dagster.connectors.rest.details import Seconds, address_like, as_json_text

Id = Annotated[str, Field(pattern=r"^[0-9]+$")]

BASE_URL = "https://api.box.com"
Address = Annotated[str, AfterValidator(address_like(BASE_URL))]
TOKEN_PATH = "/oauth2/token"  # noqa: S105 - a path
KEY_PARTS = ("publicKeyID", "privateKey", "passphrase")


def config_parts(text: str) -> dict[str, Any]:
    """Return what the JSON of a JWT app holds, flat. Raises ValueError; its message holds nothing of the key."""
    try:
        config = json.loads(text)
        app = config["boxAppSettings"]
        found = {"clientID": app["clientID"], "clientSecret": app["clientSecret"], **app["appAuth"]}
    except (ValueError, RecursionError, KeyError, TypeError):
        raise ValueError("this is not the JSON of a Box app with server authentication (JWT)") from None
    missing = [name for name in KEY_PARTS if not isinstance(found.get(name, "" if name == "passphrase" else None), str)]
    if missing:
        raise ValueError(f"this JSON of a Box app has no {' and no '.join(missing)}: generate a key pair for the app")
    return {**found, "enterpriseID": str(config.get("enterpriseID") or "")}


def _checked(value: SecretStr | None) -> SecretStr | None:
    if value is not None and not value.get_secret_value().startswith("secret:"):  # fetched when it is needed
        config_parts(value.get_secret_value())
    return value


ConfigText = Annotated[SecretStr | None, BeforeValidator(as_json_text), AfterValidator(_checked)]


class BoxDetails(BaseModel):
    """`endpoint_details` of an endpoint of type box."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    client_id: str | None = Field(
        default=None, min_length=1, description="Client id of the Box app, with `client_secret`: client credentials."
    )
    client_secret: SecretStr | None = Field(default=None, description="Secret of `client_id`.")
    jwt_config_file: str | None = Field(
        default=None, min_length=1, description="The JSON file of an app with server authentication (JWT)."
    )
    jwt_config_json: ConfigText = Field(
        default=None, description="That JSON itself, in place of the file; its key may be encrypted."
    )
    enterprise_id: Id | None = Field(
        default=None,
        description="Ask as the app's service account in this enterprise. The JSON of a JWT app names its own.",
    )
    box_user_id: Id | None = Field(default=None, description="Ask as this user instead.")
    folder_id: Id = Field(
        default="0",
        description="Only what is below this folder: the number in its address in the browser. Default: everything "
        "that the account sees.",
    )
    include_permissions: bool = Field(
        default=False,
        description="Record who was given access to every file and folder. One request more for each that was shared.",
    )
    base_url: Address = Field(default=BASE_URL, description="Address of the API; another one is for simulators.")
    token_url: Address | None = Field(
        default=None, description="Where access tokens come from. Default: `/oauth2/token` at `base_url`."
    )
    page_size: int = Field(default=1000, ge=1, le=1000, description="Items to ask for in one request.")
    list_workers: int = Field(default=8, ge=1, le=64, description="Requests at once, such as folders.")
    verify_tls: bool = Field(default=True, description="Check the certificate of the API.")
    ca_bundle: str | None = Field(default=None, description="File of certificate authorities to trust.")
    connect_timeout: Seconds = Field(default=10.0, description="Seconds to wait for a connection.")
    read_timeout: Seconds = Field(default=60.0, description="Seconds to wait for data of an answer.")

    @field_validator("folder_id", "enterprise_id", "box_user_id", mode="before")
    @classmethod
    def _may_be_a_number(cls, value: object) -> object:
        is_number = isinstance(value, int) and not isinstance(value, bool)
        return str(value) if is_number else value  # YAML reads digits as a number

    @model_validator(mode="after")
    def _agree(self) -> Self:
        configs = [name for name in ("jwt_config_file", "jwt_config_json") if getattr(self, name) is not None]
        pair = [name for name in ("client_id", "client_secret") if getattr(self, name) is not None]
        if len(configs) > 1 or (configs and pair):
            raise ValueError(f"{' and '.join([*configs, *pair])} exclude each other: give one kind of credentials")
        if not configs and len(pair) < 2:  # noqa: PLR2004 - both of them
            raise ValueError("no credentials: give client_id and client_secret, or jwt_config_file or jwt_config_json")
        if pair and bool(self.enterprise_id) == bool(self.box_user_id):
            raise ValueError("client_id needs whom to ask as: give either enterprise_id or box_user_id")
        if configs and self.enterprise_id:
            raise ValueError("enterprise_id stands in the JSON of the JWT app: leave it out")
        return self

    @property
    def token_address(self) -> str:
        """Where access tokens come from."""
        return self.token_url or f"{self.base_url}{TOKEN_PATH}"
