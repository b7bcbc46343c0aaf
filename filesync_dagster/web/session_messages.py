"""The JSON of signing in at the console."""

from datetime import datetime
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from filesync_dagster.web.messages import Body


class SignIn(BaseModel):
    """What proves who signs in: the token of the API, or the code of a one-time link."""

    model_config = ConfigDict(
        extra="forbid",
        strict=True,
        frozen=True,
        json_schema_extra={
            "oneOf": [{"required": [name], "properties": {name: {"type": "string"}}} for name in ("token", "code")]
        },
    )

    token: str | None = Field(
        default=None, min_length=1, max_length=4096, repr=False, description="FILESYNC_API_TOKEN."
    )
    code: str | None = Field(default=None, min_length=1, max_length=200, repr=False, description="Of a one-time link.")

    @model_validator(mode="after")
    def _one_of_them(self) -> Self:
        if (self.token is None) == (self.code is None):
            raise ValueError("either `token` or `code` has to be given")
        return self


class ConsoleSession(Body):
    """Who is there, for a page of the console."""

    signed_in: bool
    role: Literal["viewer", "operator", "admin"] | None = Field(
        description="What may be done: `viewer` reads, `operator` decides, `admin` has secrets. Null: nothing."
    )
    may_decide: bool = Field(description="Whether what changes something would be done.")
    needs_token: bool = Field(description="Whether the server has a token, so that nobody reads without it.")
    csrf: str | None = Field(description="To send as `X-Filesync-CSRF` with what is no GET; null when not signed in.")
    version: str
    dagster_url: str | None = Field(description="Where people find Dagster; null when nobody said.")


class SignedIn(Body):
    """Somebody who is signed in."""

    id: str = Field(description="Of the session: it opens nothing.")
    role: Literal["viewer", "operator", "admin"]
    user_agent: str = Field(description="What the browser says of itself.")
    created_at: datetime
    used_at: datetime = Field(description="To the minute.")
    is_this: bool = Field(description="Whether it is the one that asks.")


class SignedInList(Body):
    """Who is signed in, whoever was there last first."""

    items: list[SignedIn]


class LinkFor(BaseModel):
    """For whom a link is."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    role: Literal["viewer", "operator", "admin"] = Field(description="What whoever opens it may.")


class SignInLink(Body):
    """A link that signs in once."""

    code: str = Field(repr=False, description="For `/console/enter?code=…`.")
    role: Literal["viewer", "operator", "admin"]
    expires_at: datetime


class About(Body):
    """What runs here."""

    version: str
    python: str
    database: Literal["sqlite", "postgresql"]
    time_zone: str = Field(description="Whose days partitions and reports are.")


class SignedOut(Body):
    """Who is not signed in any more."""

    sessions: int


class Me(Body):
    """Who asks."""

    role: Literal["viewer", "operator", "admin"]
    via: Literal["token", "session", "nobody"] = Field(description="What proves it.")
