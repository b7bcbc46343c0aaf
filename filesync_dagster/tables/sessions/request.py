"""What may be asked of a generation: the body of `POST /api/sdv/generate`, the same in Python and on the command line.

The fields of the first three models are those of Synthe-Flow, whose clients send them; what they do not know is ours.
Unknown fields are let pass, as its server did, and named in the warnings of the session.
"""

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints

MAX_SEED: Final = 2**63 - 1
WAIT_MAX_SECONDS: Final = 30.0
NAME_MAX_LETTERS: Final = 255

Name = Annotated[str, StringConstraints(min_length=1, max_length=NAME_MAX_LETTERS, pattern=r"^[^\x00]+$")]
"""The name of a table, a column or a source."""

Words = Annotated[str, StringConstraints(max_length=20_000)]


def _as_text(value: object) -> object:
    """Return what a client may say as a text or as a list of texts."""
    if value is None:
        return ""
    return "\n".join(value) if isinstance(value, list) and all(isinstance(one, str) for one in value) else value


OptionalWords = Annotated[Words, BeforeValidator(_as_text, json_schema_input_type=str | list[str] | None)]


class RequestPart(BaseModel):
    """A part of a request. Unknown fields are let pass; `unknown_fields` names them."""

    model_config = ConfigDict(extra="ignore", frozen=True, strict=True)


class RequestedColumn(RequestPart):
    """A column as a client describes it."""

    name: Name
    data_type: Annotated[str, StringConstraints(min_length=1, max_length=200)] = Field(
        default="string", description="As databases say it (`VARCHAR(20)`, `NUMERIC(10,2)`), or `string`, `integer`, …"
    )
    is_nullable: bool = True
    is_primary_key: bool = False
    is_unique: bool = False
    enhanced_description: OptionalWords = ""
    business_rules: OptionalWords = Field(default="", description="In words: `between 1 and 10`, `one of: a, b`.")


class RequestedTable(RequestPart):
    """A table as a client describes it."""

    name: Name
    description: OptionalWords = ""
    columns: list[RequestedColumn] = Field(default_factory=list, max_length=100_000)


class RequestedRelation(RequestPart):
    """A relation: the source is the parent and its key, the target the child and its foreign key."""

    source_table: Name
    source_column: Name
    target_table: Name
    target_column: Name
    relationship_type: Annotated[str, StringConstraints(max_length=50)] = Field(
        default="one_to_many", description="`one_to_many`, `one_to_one`, …; `none` refuses a relation that was found."
    )


class RequestedSource(RequestPart):
    """Where rows come from: a connector with its configuration, as for `POST /api/connectors/test`."""

    type: Annotated[str, StringConstraints(min_length=1, max_length=50)]
    config: dict[str, Any] = Field(default_factory=dict, description="Its fields, secrets included.")
    file_paths: list[Annotated[str, StringConstraints(min_length=1, max_length=1000)]] | None = Field(
        default=None, max_length=10_000, description="Instead of `config.file_paths`."
    )


class SavedSource(RequestPart):
    """A data source that is configured already, and which of its tables are read."""

    name: Name
    tables: list[Name] | None = Field(default=None, description="All of them when left out.")
    read: Literal["now", "stored"] = Field(default="now", description="`stored`: what was read last is used, as it is.")


class QualitySettings(RequestPart):
    """When a generation counts as good."""

    threshold: float = Field(default=0.8, ge=0, le=1, description="Compared with the headline of the report.")
    include_relationships: bool = Field(default=True, description="False: each table is generated for itself.")


class RequestedCondition(RequestPart):
    """Rows of a table that have certain values."""

    table: Name
    where: dict[Name, Any] = Field(min_length=1, description="Of each column a value, a list, or `{min, max}`.")
    rows: int | None = Field(default=None, ge=1, le=10**12)


class RequestedRule(RequestPart):
    """Something that every row satisfies: of a known kind, or a comparison, or a SQL boolean."""

    table: Name
    kind: str | None = Field(default=None, max_length=50, description="`at_most`, `sum`, `unique`, …")
    columns: list[Name] = Field(default_factory=list, max_length=100)
    column: Name | None = Field(default=None, description="Of a comparison: its left side.")
    op: str | None = Field(default=None, max_length=10, description="`<=`, `<`, `=`, `!=`, `>=`, `>`.")
    other: Name | None = Field(default=None, description="Of a comparison: the column on its right side.")
    value: Any = None
    expression: Words | None = None
    enabled: bool = Field(default=True, description="False switches a rule off that was found in the rows.")


class ColumnChoice(RequestPart):
    """How a column is understood, where it is not as the profile has it."""

    table: Name
    column: Name
    role: str | None = Field(default=None, max_length=50)
    person_kind: str | None = Field(default=None, max_length=50)


class PrivacyChoices(RequestPart):
    """What may be seen of the real rows. The defaults copy no rare value, no extreme number and no sentence."""

    k_min: int = Field(default=5, ge=1, le=10**6, description="A value that fewer rows have is rare.")
    keep_rare: bool = False
    keep_extremes: bool = False
    keep_orphans: bool = False
    copy_text: bool = False


class EngineOptions(RequestPart):
    """What the engine mostlyai may cost: time, and privacy."""

    max_epochs: int = Field(
        default=100, ge=1, le=10_000, description="Of the training of each table; it may end sooner."
    )
    max_minutes: float = Field(default=30, gt=0, le=24 * 60, description="Of the training of each table.")
    epsilon: float | None = Field(
        default=None, gt=0, le=10_000, description="Train with differential privacy: ε of all tables together at most."
    )
    delta: float = Field(default=1e-5, gt=0, lt=1, description="δ of each table.")


class GenerationRequest(RequestPart):
    """A generation. With no source, tables are made up from their description; with no tables, sources say all."""

    tables: list[RequestedTable] = Field(default_factory=list, max_length=10_000)
    relationships: list[RequestedRelation] = Field(default_factory=list, max_length=10_000)
    data_sources: list[RequestedSource] = Field(default_factory=list, max_length=1_000)
    sources: list[Name | SavedSource] = Field(
        default_factory=list, max_length=1_000, description="Names of data sources that are configured."
    )
    scale: float = Field(default=1.0, gt=0, le=10**6, allow_inf_nan=False)
    rows: dict[Name, int] = Field(default_factory=dict, description="Tables that have exactly so many rows.")
    quality_settings: QualitySettings = Field(default_factory=QualitySettings)
    output_format: Literal["json", "csv", "excel", "sql", "parquet"] = "json"
    export_options: dict[str, Any] = Field(default_factory=dict, description="Options of the format.")
    random_seed: int | None = Field(default=None, ge=0, le=MAX_SEED, description="One is drawn, and told, without it.")
    conditions: list[RequestedCondition] = Field(default_factory=list, max_length=1_000)
    rules: list[RequestedRule] = Field(default_factory=list, max_length=10_000)
    columns: list[ColumnChoice] = Field(default_factory=list, max_length=100_000)
    keep: list[Name] = Field(default_factory=list, description="Tables that are copied as they are: countries.")
    engine: Literal["core", "mostlyai"] = "core"
    engine_options: EngineOptions = Field(default_factory=EngineOptions, description="Of the engine mostlyai.")
    locale: Annotated[str, StringConstraints(pattern=r"^[a-z]{2,3}_[A-Z]{2}$")] = "en_US"
    privacy: PrivacyChoices = Field(default_factory=PrivacyChoices)
    accept_proposals: bool = Field(
        default=False, description="Also use, of each column, the first relation that is only proposed."
    )
    find_rules: bool = Field(default=True, description="Look for rules that all rows obey, and keep them.")
    report: bool = Field(default=True, description="Measure how alike the data are, and how private.")
    wait_s: float = Field(
        default=WAIT_MAX_SECONDS, ge=0, le=WAIT_MAX_SECONDS, description="Seconds that the answer waits for the end."
    )

    @property
    def saved_sources(self) -> list[SavedSource]:
        """The configured sources that are read."""
        return [SavedSource(name=one) if isinstance(one, str) else one for one in self.sources]

    @property
    def has_rows(self) -> bool:
        """Whether there are rows to learn from."""
        return bool(self.data_sources or self.sources)


def unknown_fields(given: Mapping[str, Any], model: type[BaseModel] = GenerationRequest) -> Iterator[str]:
    """Yield the paths of what a client sent that nothing looks at."""
    for name, value in given.items():
        if name not in model.model_fields:
            yield name
            continue
        inner = _PARTS.get((model.__name__, name))
        values = value if isinstance(value, list) else [value]
        for number, part in enumerate(values):
            if inner is not None and isinstance(part, Mapping):
                where = f"{name}.{number}" if isinstance(value, list) else name
                yield from (f"{where}.{field}" for field in unknown_fields(part, inner))


_PARTS: Final[Mapping[tuple[str, str], type[BaseModel]]] = {
    ("GenerationRequest", "tables"): RequestedTable,
    ("GenerationRequest", "relationships"): RequestedRelation,
    ("GenerationRequest", "data_sources"): RequestedSource,
    ("GenerationRequest", "sources"): SavedSource,
    ("GenerationRequest", "quality_settings"): QualitySettings,
    ("GenerationRequest", "conditions"): RequestedCondition,
    ("GenerationRequest", "rules"): RequestedRule,
    ("GenerationRequest", "columns"): ColumnChoice,
    ("GenerationRequest", "privacy"): PrivacyChoices,
    ("GenerationRequest", "engine_options"): EngineOptions,
    ("RequestedTable", "columns"): RequestedColumn,
}
