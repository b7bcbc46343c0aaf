"""Rows as a stream of Arrow record batches, and as one table for whoever wants them all."""

from collections.abc import Generator, Iterator
from typing import TYPE_CHECKING, Self

from filesync_dagster.core.errors import MissingExtra

if TYPE_CHECKING:
    import pandas as pd
    import polars as pl
    import pyarrow as pa


class RecordBatches(Iterator["pa.RecordBatch"]):
    """Record batches that come one after the other, in bounded memory; or all of them, as a table.

    Each can be had once. `schema` is that of a table without rows. Errors are those of what yields the batches.
    """

    def __init__(self, batches: "Generator[pa.RecordBatch] | Iterator[pa.RecordBatch]", schema: "pa.Schema") -> None:
        self._batches = batches
        self.schema = schema

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> "pa.RecordBatch":
        return next(self._batches)

    def close(self) -> None:
        """Read no further: what the rest came from is released."""
        if isinstance(self._batches, Generator):
            self._batches.close()

    def to_arrow(self) -> "pa.Table":
        """Return the rest as an Arrow table."""
        import pyarrow as pa

        batches = list(self)
        return pa.Table.from_batches(batches) if batches else self.schema.empty_table()

    def to_pandas(self) -> "pd.DataFrame":
        """Return the rest as a pandas DataFrame."""
        frame: pd.DataFrame = self.to_arrow().to_pandas()
        return frame

    def to_polars(self) -> "pl.DataFrame":
        """Return the rest as a polars DataFrame. Raises MissingExtra where polars is not installed."""
        try:
            import polars as pl
        except ModuleNotFoundError as error:
            raise MissingExtra("polars is not installed.", hint="pip install polars") from error
        found = pl.from_arrow(self.to_arrow())
        assert isinstance(found, pl.DataFrame)  # of a table, not of a column
        return found
