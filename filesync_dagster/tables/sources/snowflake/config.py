"""The form of a Snowflake source."""

from typing import Annotated, Any

from pydantic import Field, field_validator, model_validator

from filesync_dagster.tables.sources.settings import (
    CONNECTION,
    CREDENTIALS,
    NAMES_MAX_COUNT,
    TABLES,
    Name,
    OptionalSecret,
    OptionalText,
    RowLimit,
    SourceConfig,
    Text,
    setting,
)

DOMAINS = (".snowflakecomputing.com", ".snowflakecomputing.cn")


class SnowflakeConfig(SourceConfig):
    """The configuration of a source of type snowflake."""

    account: Text = setting(
        title="Account",
        group=CONNECTION,
        help="`ORG-ACCOUNT` or `xy12345.eu-central-1`, with or without `.snowflakecomputing.com`.",
        pattern=r"^[A-Za-z0-9_.-]+$",
    )
    warehouse: Text = setting(title="Warehouse", group=CONNECTION, help="The warehouse that runs the queries.")
    database: Text = setting(title="Database", group=CONNECTION, help="Name of the database.")
    username: Text = setting(title="User", group=CREDENTIALS, help="A user of type SERVICE does best.")
    password: OptionalSecret = setting(
        None,
        title="Password",
        group=CREDENTIALS,
        help="Or a programmatic access token. Snowflake retires logins with a password alone: prefer a key pair.",
    )
    private_key: OptionalSecret = setting(
        None,
        title="Private key",
        group=CREDENTIALS,
        help="In place of the password: the key of the user's key pair, in PEM, itself and not where it is.",
        json_schema_extra={"format": "textarea"},
    )
    passphrase: OptionalSecret = setting(
        None, title="Passphrase", group=CREDENTIALS, help="Of an encrypted private key."
    )
    role: OptionalText = setting(
        None,
        title="Role",
        group=CREDENTIALS,
        help="A role that may USE and SELECT, and needs no more. Empty: the user's.",
    )
    db_schema: Text = setting("PUBLIC", title="Schema", group=TABLES, help="Where the tables are.", alias="schema")
    tables: Annotated[tuple[Name, ...], Field(max_length=NAMES_MAX_COUNT)] = setting(
        (), title="Tables", group=TABLES, help="Tables and views to read. Empty: all of the schema."
    )
    limit: RowLimit = setting(
        0, title="Row limit", group=TABLES, help="So many rows of each table at most. 0: all of them."
    )

    @field_validator("account", mode="after")
    @classmethod
    def _without_the_domain(cls, value: str) -> str:
        name = value.strip().lower()
        for domain in DOMAINS:
            name = name.removesuffix(domain)
        if not name.strip(".") or ".." in name:
            raise ValueError("is not the name of an account")
        return name

    @model_validator(mode="after")
    def _says_who_asks(self) -> Any:
        if (self.password is None) == (self.private_key is None):
            raise ValueError("give password or private_key")
        return self
