"""The form of a source that is a REST API."""

import re
from typing import Annotated, Any, Final, Literal

from pydantic import AfterValidator, Field, field_validator, model_validator

from filesync_dagster.tables.sources.settings import (
    ADVANCED,
    CONNECTION,
    CREDENTIALS,
    TABLES,
    Name,
    OptionalSecret,
    OptionalText,
    RowLimit,
    Secret,
    SourceConfig,
    SourceSettings,
    Text,
    setting,
)

ENDPOINTS_MAX_COUNT: Final = 200
HEADER_NAME: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
OWN_HEADERS: Final = frozenset(
    {
        "host",
        "content-length",
        "transfer-encoding",
        "connection",
        "upgrade",
        "te",
        "trailer",
        "expect",
        "proxy-authorization",
    }
)
"""Headers that say where a request goes and where it ends."""


def _header_name(value: str) -> str:
    if not HEADER_NAME.fullmatch(value):
        raise ValueError("is not the name of a header")
    if value.lower() in OWN_HEADERS:
        raise ValueError(f"the header {value} cannot be chosen")
    return value


HeaderName = Annotated[str, AfterValidator(_header_name)]
Scalar = str | int | float | bool


class ApiEndpoint(SourceSettings):
    """One table of the API."""

    path: Text = setting(title="Path", group=TABLES, help="Below the address: `/v1/orders`.")
    table_name: OptionalText = setting(None, title="Table name", group=TABLES, help="Empty: the last part of the path.")
    params: dict[Name, Scalar] = setting(
        {}, title="Parameters", group=TABLES, help="Sent with each request: `status: paid`."
    )
    data_key: Annotated[str, Field(max_length=500)] = setting(
        "data",
        title="Where the rows are",
        group=TABLES,
        help="The name in the answer that has the rows, with dots: `result.items`. Empty: the answer is the rows.",
    )

    @property
    def name(self) -> str:
        """What the table is called."""
        parts = [part for part in self.path.partition("?")[0].split("/") if part]
        return self.table_name or (parts[-1] if parts else "rows")

    @field_validator("path")
    @classmethod
    def _is_below(cls, value: str) -> str:
        if "://" in value or value.startswith("//") or "\\" in value or "#" in value or ".." in value.split("/"):
            raise ValueError("is a path below base_url, such as /v1/orders")
        return value


class ApiAuth(SourceSettings):
    """Who asks."""

    type: Literal["none", "bearer", "basic", "api_key"] = setting(
        "none", title="Kind", group=CREDENTIALS, help="What proves who asks."
    )
    token: OptionalSecret = setting(None, title="Token", group=CREDENTIALS, help="Of `bearer` and `api_key`.")
    header: HeaderName = setting(
        "X-API-Key", title="Header", group=CREDENTIALS, help="Of `api_key`: the header that has the token."
    )
    username: OptionalText = setting(None, title="User", group=CREDENTIALS, help="Of `basic`.")
    password: OptionalSecret = setting(None, title="Password", group=CREDENTIALS, help="Of `basic`.")

    @model_validator(mode="after")
    def _complete(self) -> "ApiAuth":
        if self.type in {"bearer", "api_key"} and self.token is None:
            raise ValueError("token is missing")
        if self.type == "basic" and self.username is None:
            raise ValueError("username is missing")
        return self


class ApiConfig(SourceConfig):
    """The configuration of a source of type api."""

    base_url: Text = setting(title="Address", group=CONNECTION, help="`https://api.example.com/v1`.")
    endpoints: Annotated[tuple[ApiEndpoint, ...], Field(min_length=1, max_length=ENDPOINTS_MAX_COUNT)] = setting(
        title="Tables", group=TABLES, help="What is asked for; each is a table."
    )
    headers: dict[HeaderName, Secret] = setting(
        {}, title="Headers", group=CREDENTIALS, help="Sent with each request. Their values are kept like passwords."
    )
    auth: ApiAuth = setting(ApiAuth(), title="Credentials", group=CREDENTIALS, help="What proves who asks.")
    method: Literal["GET", "POST"] = setting(
        "GET", title="Method", group=ADVANCED, help="`POST` sends the parameters as JSON; it must only ask."
    )
    paging: Literal["none", "page", "offset", "cursor", "link_header"] = setting(
        "none",
        title="Pages",
        group=TABLES,
        help="By number (`page`), by rows (`offset`), by what the last answer says (`cursor`) or by its `link_header`.",
    )
    page_param: Name = setting("page", title="Page parameter", group=ADVANCED, help="Of `page`.")
    first_page: Annotated[int, Field(ge=0, le=1)] = setting(
        1, title="First page", group=ADVANCED, help="Of `page`: 0 or 1."
    )
    offset_param: Name = setting("offset", title="Offset parameter", group=ADVANCED, help="Of `offset`.")
    cursor_param: Name = setting("cursor", title="Cursor parameter", group=ADVANCED, help="Of `cursor`.")
    cursor_key: Name = setting(
        "next_cursor",
        title="Cursor",
        group=ADVANCED,
        help="Of `cursor`: the name in the answer, with dots, of the next cursor or of the address of the next page.",
    )
    size_param: Annotated[str, Field(max_length=100)] = setting(
        "",
        title="Size parameter",
        group=ADVANCED,
        help="The parameter for how many rows: `limit`. Empty: none.",
    )
    page_size: Annotated[int, Field(ge=1, le=100_000)] = setting(
        100, title="Page size", group=ADVANCED, help="What the size parameter says."
    )
    max_pages: Annotated[int, Field(ge=1, le=1_000_000)] = setting(
        10_000, title="Most pages", group=ADVANCED, help="More pages of one table are an error, never a part of it."
    )
    incremental_param: OptionalText = setting(
        None,
        title="Since parameter",
        group=ADVANCED,
        help="The parameter for rows that are newer than a value: `since`.",
    )
    format: Literal["json", "csv"] = setting("json", title="Format", group=ADVANCED, help="What answers are.")
    limit: RowLimit = setting(
        0, title="Row limit", group=TABLES, help="So many rows of each table at most. 0: all of them."
    )

    @field_validator("headers")
    @classmethod
    def _headers_have_one_line(cls, value: dict[str, Any]) -> dict[str, Any]:
        for name, secret in value.items():
            if any(ord(letter) < 32 or ord(letter) > 255 for letter in secret.get_secret_value()):  # noqa: PLR2004 - Latin-1
                raise ValueError(f"the header {name} has a line break or a letter that no header may have")
        return value

    @field_validator("auth", mode="before")
    @classmethod
    def _none_is_none(cls, value: object) -> object:
        return ApiAuth() if value is None else value

    @model_validator(mode="after")
    def _fits_together(self) -> "ApiConfig":
        names = [endpoint.name.lower() for endpoint in self.endpoints]
        if len(set(names)) < len(names):
            raise ValueError("two endpoints have the same table name: set table_name")
        if self.format == "csv" and self.paging == "cursor":
            raise ValueError("a cursor cannot be in a CSV answer")
        return self
