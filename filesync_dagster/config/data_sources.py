"""The `sources:` block: files, databases, buckets and APIs whose tables are read by name."""

from typing import Any

from pydantic import Field, field_validator

from filesync_dagster.config.models import Strict, slug_of


class DataSource(Strict):
    """An entry of `sources:`: a place that has tables."""

    name: str = Field(description="Stable slug: the name on the command line.")
    type: str = Field(description="The kind of source, as `filesync tables list` has them.")
    description: str = Field(default="", description="For people.")
    config: dict[str, Any] = Field(
        default_factory=dict,
        repr=False,  # it may have secrets
        description="Where it is and how to get in; depends on `type`. Secrets as `${VARIABLE}`.",
    )

    @field_validator("name")
    @classmethod
    def _is_slug(cls, value: str) -> str:
        return slug_of(value)
