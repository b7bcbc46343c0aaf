"""The form of an Oracle source."""

import re
from dataclasses import dataclass
from typing import Annotated, Final, Literal

from pydantic import Field

from filesync_dagster.tables.sources.settings import (
    ADVANCED,
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

PORT: Final = 1521
PLACE: Final = re.compile(
    r"(?:(?P<protocol>tcps?)://|//)?(?P<host>\[[0-9A-Fa-f:.]+\]|[^\s:/()@?#\[\],]+)(?::(?P<port>\d{1,5}))?/(?P<service>[\w.$#-]+)"
)


@dataclass(frozen=True)
class OraclePlace:
    """Where a database is: a host, a port and the name of a service."""

    host: str
    port: int
    service: str
    is_encrypted: bool


class OracleConfig(SourceConfig):
    """The configuration of a source of type oracle."""

    dsn: Text = setting(
        title="Database",
        group=CONNECTION,
        help="`host:port/service`. On this machine also a TNS alias or a descriptor.",
    )
    username: Text = setting(
        title="User", group=CREDENTIALS, help="A user with CREATE SESSION and SELECT on the tables, and no more."
    )
    password: OptionalSecret = setting(None, title="Password", group=CREDENTIALS, help="The user's password.")
    db_schema: OptionalText = setting(
        None,
        title="Schema",
        group=TABLES,
        help="Whose tables: another user's name. Empty: the user's own.",
        alias="schema",
    )
    tables: Annotated[tuple[Name, ...], Field(max_length=NAMES_MAX_COUNT)] = setting(
        (), title="Tables", group=TABLES, help="Tables and views to read. Empty: all of the schema."
    )
    limit: RowLimit = setting(
        0, title="Row limit", group=TABLES, help="So many rows of each table at most. 0: all of them."
    )
    mode: Literal["thin", "thick"] = setting(
        "thin",
        title="Driver",
        group=ADVANCED,
        help="`thin` needs nothing else, and Oracle 12.1 or newer. Older ones (11g) need `thick` and Oracle "
        "Instant Client; python-oracledb is no longer tested with databases before 19.",
    )
    client_dir: OptionalText = setting(
        None,
        title="Instant Client",
        group=ADVANCED,
        help="Of `thick`: the folder of Oracle Instant Client on this machine.",
    )
    wallet: OptionalText = setting(
        None, title="Wallet", group=ADVANCED, help="The folder of a wallet on this machine, for TCPS."
    )

    @property
    def place(self) -> OraclePlace | None:
        """Where the database is; None for an alias or a descriptor."""
        found = PLACE.fullmatch(self.dsn.strip())
        if found is None:
            return None
        port = int(found["port"] or PORT)
        return OraclePlace(found["host"], port, found["service"], found["protocol"] == "tcps")
