"""The `generations:` block: synthetic data that are made of sources of tables, again whenever these change."""

from enum import StrEnum
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from filesync_dagster.config.models import Schedule, Strict, slug_of

SEED_MAX = 2**63 - 1


class GenerationSchedule(StrEnum):
    """What starts the runs of a generation."""

    AFTER_SOURCES = "after_sources"
    INTERVAL = "interval"
    CRON = "cron"
    MANUAL = "manual"


class SeedKind(StrEnum):
    """Whether the days of a generation have one seed, or each its own."""

    FIXED = "fixed"
    DAILY = "daily"


class GenerationRule(Strict):
    """An entry of `rules:`: something that every synthetic row satisfies, besides what is found."""

    table: str = Field(description="The table that it is about.")
    expression: str = Field(
        min_length=1, max_length=2_000, description="A condition in SQL over its columns: `end_date >= start_date`."
    )


class GenerationExport(BaseModel):
    """The `export:` block of a generation."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)

    format: Literal["csv", "json", "excel", "sql", "parquet"] = Field(default="parquet", description="Of the files.")
    options: dict[str, Any] = Field(default_factory=dict, description="Of the format: `{dialect: mysql}`.")


class GenerationConfig(Strict):
    """An entry of `generations:`: synthetic data like the tables of some sources."""

    name: str = Field(description="Stable slug: the asset key and the name on the command line.")
    title: str = Field(default="", description="What people see; the name when left out.")
    description: str = Field(default="", description="Shown in the Dagster UI (Markdown).")
    sources: tuple[str, ...] = Field(min_length=1, description="Sources of tables whose stored tables it is made of.")
    tables: tuple[str, ...] | None = Field(default=None, description="Only these tables; all of them when left out.")
    scale: Annotated[float, Field(gt=0, le=1000)] = Field(
        default=1.0, description="How many times the real rows there are."
    )
    rows: dict[str, Annotated[int, Field(ge=0)]] = Field(
        default_factory=dict, description="Tables that have exactly so many rows."
    )
    seed: SeedKind | Annotated[int, Field(ge=0, le=SEED_MAX)] = Field(
        default=SeedKind.FIXED,
        description="`fixed`: the same rows while the sources are the same; `daily`: other ones each day; or a number.",
    )
    keep: tuple[str, ...] = Field(default=(), description="Tables that are copied as they are: countries.")
    locale: str = Field(default="en_US", pattern=r"^[a-z]{2,3}_[A-Z]{2}$", description="Of names and addresses.")
    rules: tuple[GenerationRule, ...] = Field(
        default=(), description="What every row satisfies, besides what is found."
    )
    export: GenerationExport = Field(default_factory=GenerationExport, description="The files that are written.")
    quality_at_least: float = Field(
        default=0.8, ge=0, le=1, description="The headline of the report below which there is a warning."
    )
    exact_rows_at_most: float = Field(
        default=0.01,
        ge=0,
        le=1,
        description="The share of rows that are equal to a real one, beyond what chance gives, above which it fails.",
    )
    schedule: GenerationSchedule = Field(
        default=GenerationSchedule.AFTER_SOURCES,
        description="`after_sources`: when a source has other rows than before; `interval`, `cron` or `manual`.",
    )
    schedule_config: Schedule = Field(
        default_factory=lambda: Schedule(interval_minutes=24 * 60), description="When, for `interval` and `cron`."
    )
    is_active: bool = Field(default=True, description="Set to false to generate nothing.")

    @field_validator("name")
    @classmethod
    def _is_slug(cls, value: str) -> str:
        return slug_of(value)

    @model_validator(mode="after")
    def _cron_has_an_expression(self) -> Self:
        if self.schedule is GenerationSchedule.CRON and self.schedule_config.cron is None:
            raise ValueError("schedule: cron needs schedule_config: {cron: …}")
        return self

    @property
    def label(self) -> str:
        """The title, or the name where there is none."""
        return self.title or self.name
