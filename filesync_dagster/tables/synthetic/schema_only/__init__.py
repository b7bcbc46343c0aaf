"""Tables made up from their description: no row was seen. `docs/synthetic-data.md` says what values are like."""

from filesync_dagster.tables.synthetic.schema_only.describe import ROWS, Words, describe_tables
from filesync_dagster.tables.synthetic.schema_only.words import ColumnWords, read_words

__all__ = ["ROWS", "ColumnWords", "Words", "describe_tables", "read_words"]
