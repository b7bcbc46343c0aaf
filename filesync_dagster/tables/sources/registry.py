"""Which kinds of data source there are: where each one is, what it can do and how it was tried; opened by name."""

from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import Any, Final, Literal

from filesync_dagster.core.errors import MissingExtra, SourceRefused
from filesync_dagster.core.extras import require_extra
from filesync_dagster.tables.sources.base import SourceContext, TableSource
from filesync_dagster.tables.sources.settings import SourceConfig, parse_config

HERE: Final = "filesync_dagster.tables.sources"
FILE_LIBRARIES: Final = ("python_calamine", "charset_normalizer", "sqlglot")
FILE_FORMATS: Final = ("csv", "tsv", "xlsx", "xls", "xlsb", "ods", "json", "ndjson", "parquet")

PUBLIC_NAMES: Final = {"upload": "local", "atlas": "catalog"}


@dataclass(frozen=True)
class SourceType:
    """A kind of data source. Its configuration is light; what it needs to read is imported when one is opened."""

    kind: str
    name: str  # for people
    description: str
    icon: str
    config_path: str  # "module:class", below this package
    source_path: str
    aliases: tuple[str, ...] = ()
    formats: tuple[str, ...] = ()
    extra: str = ""
    libraries: tuple[str, ...] = ()
    variable_prefix: str = ""  # of environment variables that fill, for who calls the command line, what is not given
    server_tested: bool = True  # against the real server or the vendor's own emulator; else against fakes of ours
    capabilities: tuple[str, ...] = ("test", "discover", "read")

    @property
    def public_name(self) -> str:
        """What requests call it: the name of the product whose clients ask, where that has one for it."""
        return PUBLIC_NAMES.get(self.kind, self.kind)

    @property
    def tested(self) -> Literal["server", "contract"]:
        """How it was tried."""
        return "server" if self.server_tested else "contract"

    @property
    def config(self) -> type[SourceConfig]:
        """The model of its configuration, whose JSON Schema is the form."""
        found: type[SourceConfig] = _load(self.config_path)
        return found

    @property
    def variables(self) -> dict[str, str]:
        """The environment variable of each setting: POSTGRES_HOST, SNOWFLAKE_ACCOUNT, …; none where none is known."""
        if not self.variable_prefix:
            return {}
        return {name: f"{self.variable_prefix}_{name.upper()}" for name in self.config.model_fields}

    @property
    def missing(self) -> str | None:
        """The line that installs what it needs, None when all of it is there."""
        try:
            self.require_libraries()
        except MissingExtra as error:
            return error.hint
        return None

    def require_libraries(self) -> None:
        """Raise MissingExtra when a library is not installed."""
        for library in self.libraries:
            require_extra(library, self.extra, f"A source of type {self.kind}")

    def open(self, given: Mapping[str, Any] | SourceConfig, context: SourceContext) -> TableSource:
        """Return a source. No network call is made. Raises SourceRefused, which names the field to correct."""
        try:
            self.require_libraries()
        except MissingExtra as error:
            raise SourceRefused(error.message, hint=error.hint, code="driver_missing") from None
        config = given if isinstance(given, SourceConfig) else parse_config(self.config, given)
        found: TableSource = _load(self.source_path)(config, context)
        return found


SOURCE_TYPES: Final = (
    SourceType(
        "upload",
        "Files",
        "Files that were uploaded: each is a table, or several.",
        "file",
        "upload:UploadConfig",
        "upload:UploadSource",
        aliases=("local",),
        formats=FILE_FORMATS,
        extra="tables",
        libraries=FILE_LIBRARIES,
    ),
    SourceType(
        "inventory",
        "Inventory",
        "Files of an endpoint that filesync keeps the inventory of, by a pattern of their paths.",
        "folder",
        "inventory:InventoryConfig",
        "inventory:InventorySource",
        formats=FILE_FORMATS,
        extra="tables",
        libraries=FILE_LIBRARIES,
    ),
    SourceType(
        "postgres",
        "PostgreSQL",
        "Tables and views of a PostgreSQL database, all read at one moment.",
        "database",
        "postgres.config:PostgresConfig",
        "postgres.source:PostgresSource",
        aliases=("postgresql",),
        extra="tables",
        libraries=("adbc_driver_postgresql", "sqlglot"),
        capabilities=("test", "discover", "read", "relations", "cursor", "one_moment"),
        variable_prefix="POSTGRES",
    ),
    SourceType(
        "snowflake",
        "Snowflake",
        "Tables and views of a Snowflake database. Keys are verified, for Snowflake does not enforce them.",
        "database",
        "snowflake.config:SnowflakeConfig",
        "snowflake.source:SnowflakeSource",
        extra="snowflake",
        libraries=("snowflake.connector",),
        server_tested=False,
        capabilities=("test", "discover", "read", "relations", "cursor"),
        variable_prefix="SNOWFLAKE",
    ),
    SourceType(
        "oracle",
        "Oracle Database",
        "Tables and views of an Oracle database (12.1 or newer). Contract-tested, not server-tested.",
        "database",
        "oracle.config:OracleConfig",
        "oracle.source:OracleSource",
        extra="tables",
        libraries=("oracledb",),
        server_tested=False,
        capabilities=("test", "discover", "read", "relations", "cursor", "one_moment"),
    ),
    SourceType(
        "s3",
        "Amazon S3",
        "Files of a bucket of S3, or of a store that speaks its protocol.",
        "bucket",
        "s3:S3Config",
        "s3:S3TableSource",
        formats=FILE_FORMATS,
        extra="tables",
        libraries=FILE_LIBRARIES,
        variable_prefix="AWS",
    ),
    SourceType(
        "gcs",
        "Google Cloud Storage",
        "Files of a bucket of Google Cloud Storage.",
        "bucket",
        "gcs:GcsConfig",
        "gcs:GcsTableSource",
        formats=FILE_FORMATS,
        extra="tables",
        libraries=FILE_LIBRARIES,
        server_tested=False,
    ),
    SourceType(
        "azure",
        "Azure Blob Storage",
        "Files of a container of Azure Blob Storage.",
        "bucket",
        "azure:AzureConfig",
        "azure:AzureTableSource",
        formats=FILE_FORMATS,
        extra="tables",
        libraries=FILE_LIBRARIES,
    ),
    SourceType(
        "api",
        "REST API",
        "Answers of a REST API in JSON or CSV, page by page: each endpoint is a table.",
        "plug",
        "api.config:ApiConfig",
        "api.source:ApiSource",
        formats=("json", "csv"),
        extra="tables",
        libraries=FILE_LIBRARIES,
        capabilities=("test", "discover", "read", "cursor"),
        variable_prefix="API",
    ),
    SourceType(
        "atlas",
        "Data catalogue",
        "Schemas, descriptions and classifications of Apache Atlas or Microsoft Purview; no rows. Contract-tested.",
        "book",
        "atlas:AtlasConfig",
        "atlas:AtlasSource",
        aliases=("catalog",),
        server_tested=False,
        capabilities=("test", "discover"),
    ),
)


def source_types() -> tuple[SourceType, ...]:
    """Return all kinds, in the order in which people are offered them."""
    return SOURCE_TYPES


def source_type(name: str) -> SourceType:
    """Return the kind of a name or an alias. Raises SourceRefused."""
    for kind in SOURCE_TYPES:
        if name in {kind.kind, *kind.aliases}:
            return kind
    known = ", ".join(kind.kind for kind in SOURCE_TYPES)
    raise SourceRefused(
        f"There is no source of type {name!r}.", hint=f"One of: {known}.", code="bad_config", field="type"
    )


def open_source(name: str, given: Mapping[str, Any], context: SourceContext) -> TableSource:
    """Return an opened source of a type with a configuration; see `SourceType.open`."""
    return source_type(name).open(given, context)


def _load(path: str) -> Any:
    module, _, name = path.partition(":")
    return getattr(import_module(f"{HERE}.{module}"), name)
