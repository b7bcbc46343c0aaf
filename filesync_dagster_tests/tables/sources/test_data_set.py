from contextlib import closing

import pyarrow.parquet as pq
import pytest

from filesync_dagster.core.errors import LimitReached, SourceRefused
from filesync_dagster.tables.model import Table
from filesync_dagster.tables.sources.data_set import choose_tables, read_data_set
from filesync_dagster.tables.sources.deadline import SourceDeadline
from filesync_dagster.tables.sources.limits import TableLimits
from filesync_dagster_tests.tables.sources.postgres_server import run, source_of, wire_to

SHOP = (
    "CREATE TABLE customers (id int PRIMARY KEY)",
    "CREATE TABLE orders (id int PRIMARY KEY, customer int REFERENCES customers)",
    "INSERT INTO customers SELECT i FROM generate_series(1, 100) i",
    "INSERT INTO orders SELECT i, 1 + i % 100 FROM generate_series(1, 9000) i",
)


class Writer:
    """Writes one Parquet file."""

    def __init__(self, folder, schema, columns):
        self.path = folder / f"{schema.name}.parquet"
        self._writer = pq.ParquetWriter(self.path, columns)
        self._is_done = False

    def write(self, batch):
        self._writer.write_batch(batch)

    def finish(self, schema):
        self._writer.close()
        self._is_done = True
        return Table(schema, (self.path,))

    def abandon(self):
        if not self._is_done:
            self._writer.close()
            self.path.unlink(missing_ok=True)


def test_tables_become_a_data_set_with_their_relations(postgres_url, tmp_path):
    """And whoever waits is told how far it is."""
    run(postgres_url, *SHOP)
    told = []
    with closing(source_of(postgres_url)) as source:
        tables = choose_tables(source.discover(SourceDeadline(10)), None)
        found = read_data_set(
            source, tables, lambda *given: Writer(tmp_path, *given), progress=lambda *given: told.append(given)
        )
    assert {table.name: table.schema.row_count for table in found.tables} == {"customers": 100, "orders": 9000}
    assert [(relation.child, relation.parent) for relation in found.relations] == [("orders", "customers")]
    assert told[-1] == ("orders", 9000)
    assert pq.read_metadata(found.table("orders").parts[0]).num_rows == 9000


def test_relations_to_tables_that_were_not_chosen_are_left_out(postgres_url, tmp_path):
    """A data set speaks of its own tables alone; and a name that is not there is an error."""
    run(postgres_url, *SHOP)
    with closing(source_of(postgres_url)) as source:
        found = source.discover(SourceDeadline(10))
        data_set = read_data_set(
            source, choose_tables(found, ["orders"]), lambda *given: Writer(tmp_path, *given), limit=5
        )
        assert data_set.relations == ()
        assert data_set.tables[0].schema.row_count == 5
        with pytest.raises(SourceRefused, match="no table 'order'"):
            choose_tables(found, ["order"])


def test_nothing_stays_of_a_read_that_fails(postgres_url, tmp_path):
    """A connection that breaks in the last table takes the first ones with it; tried again, all are there."""
    run(postgres_url, *SHOP)
    with wire_to(postgres_url) as wire:
        for cut in (wire.passed, None):
            with closing(source_of(postgres_url, port=wire.port)) as source:
                tables = source.discover(SourceDeadline(10))
                wire.cut_after = None if cut is None else wire.passed + 20_000
                if cut is None:
                    found = read_data_set(source, tables, lambda *given: Writer(tmp_path, *given))
                    assert [table.schema.row_count for table in found.tables] == [100, 9000]
                    continue
                with pytest.raises(SourceRefused) as refused:
                    read_data_set(source, tables, lambda *given: Writer(tmp_path, *given))
            assert refused.value.code == "broken_off"
            assert list(tmp_path.iterdir()) == []
            wire.cut_after = None


@pytest.mark.parametrize(
    ("limit", "sentence"),
    [
        ({"tables": 1}, "has 2 tables; 1 may"),
        ({"columns": 1}, "columns; a table may have 1"),
        ({"rows": 9050}, "more than 9,050 rows"),  # of both together: neither has as many before the last batch
        ({"cell_letters": 2}, "3 letters; 2 are allowed"),
    ],
)
def test_what_is_past_the_limits_is_refused(postgres_url, tmp_path, limit, sentence):
    """Too many, too wide, too long: an error, never a part, whoever reads."""
    run(postgres_url, *SHOP, "ALTER TABLE customers ADD name text DEFAULT 'Zoë'")
    limits = TableLimits(**{"tables": 9, "columns": 9, "rows": 9100, "cell_letters": 900, **limit})
    with closing(source_of(postgres_url)) as source:
        tables = source.discover(SourceDeadline(10))
        with pytest.raises(LimitReached, match=sentence):
            read_data_set(source, tables, lambda *given: Writer(tmp_path, *given), limits=limits)
    assert list(tmp_path.iterdir()) == []
