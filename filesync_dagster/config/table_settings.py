"""The `settings.tables:` block: what uploads, data sources and generations may cost, and whom they may reach."""

from enum import StrEnum
from typing import Annotated

from pydantic import BaseModel, ByteSize, ConfigDict, Field, field_validator

Days = Annotated[int, Field(ge=1, le=36_500)]
Rows = Annotated[int, Field(ge=1, le=10**12)]


class VirusScan(StrEnum):
    """Whether uploads are looked at by clamd."""

    OFF = "off"
    REQUIRED = "required"


class TableSettings(BaseModel):
    """See the module's docstring. `filesync serve` shows the limits at /api/limits."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    allow_hosts: tuple[str, ...] = Field(
        default=(),
        max_length=1000,
        description="Hosts, addresses and networks (`db.company.lan`, `*.company.lan`, `10.0.0.0/8`) that data sources "
        "of the API may reach although they are of this machine or a private network. `host:port` allows one port.",
    )
    max_file: ByteSize = Field(default=ByteSize(2 * 2**30), ge=1, description="The largest file that is taken.")
    max_files: int = Field(default=64, ge=1, le=10_000, description="Files of one upload, and of one source.")
    max_columns: int = Field(default=500, ge=1, le=100_000, description="Columns of a table.")
    max_cell_characters: int = Field(default=10_000, ge=1, le=10**8, description="Letters of one value.")
    max_source_rows: Rows = Field(default=50_000_000, description="Rows that are read of one source.")
    max_tables: int = Field(default=200, ge=1, le=10_000, description="Tables of one source, and of one generation.")
    max_scale: float = Field(default=1000, gt=0, le=10**6, description="How many times the real rows a generation has.")
    max_output_rows: Rows = Field(default=100_000_000, description="Rows of one generation, all tables together.")
    running_sessions: int = Field(default=2, ge=1, le=64, description="Generations that are worked on at once.")
    queued_sessions: int = Field(
        default=20, ge=1, le=10_000, description="Generations that may wait, and as many exports of them."
    )
    tests_per_minute: int = Field(default=5, ge=1, le=10_000, description="Tests of connections of one user.")
    generations_per_hour: int = Field(
        default=10,
        ge=1,
        le=100_000,
        description="Generations of one user: who has the token, or who signed in at the console.",
    )
    running_reads: int = Field(default=2, ge=1, le=64, description="Data sources that are read at once.")
    queued_reads: int = Field(default=20, ge=1, le=10_000, description="Data sources that may wait to be read.")
    read_hours: float = Field(
        default=6, gt=0, le=24 * 30, description="Reading a source that takes longer is ended and failed."
    )
    session_memory: ByteSize = Field(
        default=ByteSize(4 * 2**30), ge=2**29, description="Memory of the process that works on one generation."
    )
    session_hours: float = Field(
        default=12, gt=0, le=24 * 30, description="A generation that takes longer is ended and failed."
    )
    upload_days: Days = Field(default=30, description="Days for which uploads are kept that nothing uses.")
    session_days: Days = Field(default=14, description="Days for which generations are kept that nobody pinned.")
    virus_scan: VirusScan = Field(
        default=VirusScan.OFF, description="`required`: clamd looks at each upload, and without it none is taken."
    )
    clamd: str = Field(
        default="tcp://127.0.0.1:3310",
        pattern=r"^(tcp://[^/\s]+:\d{1,5}|unix:/\S+)$",
        description="Where clamd listens: `tcp://host:port` or `unix:/path`.",
    )

    @field_validator("virus_scan", mode="before")
    @classmethod
    def _off_is_a_word(cls, value: object) -> object:
        return VirusScan.OFF if value is False else value  # YAML reads `off` as false
