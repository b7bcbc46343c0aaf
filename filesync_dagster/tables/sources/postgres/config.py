"""The form of a PostgreSQL source."""

from typing import Annotated, Literal

from pydantic import Field, field_validator, model_validator

from filesync_dagster.tables.sources.settings import (
    ADVANCED,
    CONNECTION,
    CREDENTIALS,
    NAMES_MAX_COUNT,
    TABLES,
    Name,
    OptionalLines,
    OptionalSecret,
    RowLimit,
    SourceConfig,
    Text,
    setting,
)


class PostgresConfig(SourceConfig):
    """The configuration of a source of type postgres."""

    host: Text = setting(title="Host", group=CONNECTION, help="Name or address of the server: `db.example.com`.")
    port: Annotated[int, Field(ge=1, le=65535)] = setting(
        5432, title="Port", group=CONNECTION, help="Its port. A pooler in transaction mode does as well."
    )
    database: Text = setting(title="Database", group=CONNECTION, help="Name of the database.")
    username: Text = setting(
        title="User", group=CREDENTIALS, help="A role that may connect and SELECT, and needs no more."
    )
    password: OptionalSecret = setting(
        None, title="Password", group=CREDENTIALS, help="The role's password. Empty: none is sent."
    )
    db_schema: Text = setting(
        "public", title="Schema", group=TABLES, help="Where tables without a schema are looked for.", alias="schema"
    )
    tables: Annotated[tuple[Name, ...], Field(max_length=NAMES_MAX_COUNT)] = setting(
        (),
        title="Tables",
        group=TABLES,
        help="Tables and views to read: `orders`, or `sales.orders` of another schema. Empty: all of the schema.",
    )
    limit: RowLimit = setting(
        0, title="Row limit", group=TABLES, help="So many rows of each table at most. 0: all of them."
    )
    where: dict[Name, Text] = setting(
        {},
        title="Conditions",
        group=TABLES,
        help="Only rows that satisfy a condition, by table: `orders: created_at >= '2026-01-01'`.",
    )
    cursor: dict[Name, Name] = setting(
        {},
        title="Cursors",
        group=TABLES,
        help="A column that only grows, by table: past days are read again between two of its values.",
    )
    sslmode: Literal["prefer", "require", "verify-full"] = setting(
        "prefer",
        title="TLS",
        group=ADVANCED,
        help="`verify-full` checks whose certificate it is; `require` only encrypts; `prefer` does where it can.",
    )
    sslrootcert: OptionalLines = setting(
        None,
        title="Certificate authority",
        group=ADVANCED,
        help="Certificates (PEM) that the server's is checked against. Empty: those that this machine trusts.",
        json_schema_extra={"format": "textarea"},
    )

    @field_validator("host")
    @classmethod
    def _one_host(cls, value: str) -> str:
        if "," in value:
            raise ValueError("is several hosts: name one")
        return value

    @model_validator(mode="after")
    def _can_verify(self) -> "PostgresConfig":
        if self.sslrootcert is not None and self.sslmode == "prefer":
            raise ValueError("sslrootcert needs sslmode verify-full (or require)")
        return self
