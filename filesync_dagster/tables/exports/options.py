"""Options of exports: what somebody may choose of a format."""

from typing import Any, Literal, Self, get_args

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from filesync_dagster.core.errors import TableError

DialectName = Literal["postgres", "mysql", "sqlite", "snowflake", "oracle", "tsql", "duckdb"]
DIALECTS: tuple[str, ...] = get_args(DialectName)


class ExportOptions(BaseModel):
    """What may be chosen; each format looks at its own."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)

    raw: bool = Field(
        default=False,
        title="Values as they are",
        description="csv, excel: text that begins like a formula (= + - @ tab) is not marked as text.",
    )
    delimiter: Literal[",", ";", "\t", "|"] = Field(default=",", title="Delimiter", description="csv: between cells.")
    byte_order_mark: bool = Field(default=False, title="Byte order mark", description="csv: for old versions of Excel.")
    null_token: str = Field(
        default="", max_length=20, title="NULL", description="csv: what stands for a missing value, never in quotes."
    )
    layout: Literal["object", "ndjson"] = Field(
        default="object",
        title="Layout",
        description="json: one object of tables, or a zip of a file of lines for each.",
    )
    overflow: Literal["continue", "refuse"] = Field(
        default="continue",
        title="Rows past the end of a sheet",
        description="excel: continue on a sheet `name (2)`, or refuse the table.",
    )
    dialect: DialectName = Field(default="postgres", title="Dialect", description="sql: of which database.")
    copy_rows: bool = Field(
        default=False, alias="copy", title="Rows as CSV", description="sql: a zip of psql's \\copy and CSV files."
    )
    constraints: bool = Field(
        default=True, title="Constraints", description="sql: keys, foreign keys, UNIQUE, NOT NULL and CHECK."
    )
    deferrable: bool = Field(
        default=False, title="Deferrable", description="sql: foreign keys are checked when a transaction ends."
    )

    @field_validator("null_token")
    @classmethod
    def _is_one_plain_cell(cls, token: str) -> str:
        if not token.isprintable() or set(token) & set(",;|\"'"):
            raise ValueError("A token for NULL has no quotes, delimiters or control characters.")
        return token

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Self:
        """Return the options that a request names. Raises TableError, whose `field` is the wrong one."""
        try:
            return cls.model_validate(data)
        except ValidationError as error:
            first = error.errors(include_url=False)[0]
            field = ".".join(str(part) for part in first["loc"])
            message = str(first["msg"]).removeprefix("Value error, ")
            raise TableError(f"Export option {field}: {message}", code="bad_option", field=field) from None

    def as_json(self) -> dict[str, Any]:
        """Return the options as JSON values."""
        return self.model_dump(mode="json", by_alias=True)
