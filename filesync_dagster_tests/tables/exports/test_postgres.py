"""Straight into PostgreSQL: the same cells as by a script, all of them or none, and never into what is there."""

from contextlib import closing

import psycopg2
import pyarrow as pa
import pytest

from filesync_dagster.core.errors import Cancelled, SourceRefused, Unexportable
from filesync_dagster.tables.exports import ExportOptions, export
from filesync_dagster.tables.exports.postgres import to_postgres
from filesync_dagster_tests.tables.data_sets import write_data_set
from filesync_dagster_tests.tables.exports.databases import fetch, load_postgres
from filesync_dagster_tests.tables.exports.odd_tables import odd_texts, odd_values, people
from filesync_dagster_tests.tables.exports.test_sql import company, quoted


def schemas(url):
    """Return the schemas that are not PostgreSQL's own."""
    query = "SELECT nspname FROM pg_namespace WHERE nspname !~ '^pg_' AND nspname <> 'information_schema' ORDER BY 1"
    with closing(psycopg2.connect(url)) as connection:
        return [name for (name,) in fetch(connection, query)]


@pytest.mark.parametrize("make", [odd_texts, odd_values, people])
def test_the_rows_are_those_of_the_script(postgres_url, make, tmp_path):
    """Odd names, odd texts, extreme values, tables in a circle: both ways end in the same rows and constraints."""
    data_set = make(tmp_path / "in")
    script = export(data_set, "sql", ExportOptions(), tmp_path / "out").files[0].path.read_text("utf-8")

    written = to_postgres(data_set, postgres_url, 'a "new" one')

    with closing(load_postgres(postgres_url, script)) as connection:
        for table in data_set.tables:
            name, order = quoted(table.name), quoted(table.schema.primary_key[0])
            here, there = (
                fetch(connection, f"SELECT * FROM {place}.{name} ORDER BY {order}")
                for place in ("public", quoted('a "new" one'))
            )
            assert here == there
            assert written.rows[table.name] == len(here) > 0
        kinds = fetch(
            connection,
            "SELECT connamespace::regnamespace::text, contype::text, count(*) FROM pg_constraint "
            'WHERE connamespace::regnamespace::text IN (\'public\', \'"a ""new"" one"\') GROUP BY 1, 2',
        )
    found = [{(kind, count) for place, kind, count in kinds if (place == "public") == side} for side in (True, False)]
    assert found[0] == found[1] != set()


def test_a_company_is_written_with_its_constraints(postgres_url, tmp_path):
    """PostgreSQL has verified every key of 11 tables."""
    data_set = company(tmp_path / "in")

    to_postgres(data_set, postgres_url, "company")

    with closing(psycopg2.connect(postgres_url)) as connection:
        keys = "SELECT count(*) FROM pg_constraint WHERE connamespace = 'company'::regnamespace AND contype = 'f'"
        assert fetch(connection, keys) == [(len(data_set.relations),)]


def test_nothing_is_written_to_what_is_there(postgres_url, tmp_path):
    """A schema with a table is refused, and keeps its rows; one that is empty is used."""
    data_set = people(tmp_path / "in")
    with closing(psycopg2.connect(postgres_url)) as connection:
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute("CREATE SCHEMA used CREATE TABLE mine (a int); CREATE SCHEMA empty")

    with pytest.raises(Unexportable) as caught:
        to_postgres(data_set, postgres_url, "used")
    to_postgres(data_set, postgres_url, "empty")

    assert (caught.value.code, caught.value.field) == ("exists", "schema")


def test_what_is_cancelled_or_fails_leaves_nothing(postgres_url, tmp_path):
    """Not even the schema."""
    many = write_data_set(tmp_path / "in", {"t": pa.table({"n": list(range(50_000))})}, {})
    calls = []

    def progress(table, rows, total):
        calls.append(rows)

    with pytest.raises(Cancelled):
        to_postgres(many, postgres_url, "new", cancel=lambda: sum(calls) > 0, progress=progress)
    twice = write_data_set(tmp_path / "twice", {"t": pa.table({"id": [1, 1]})}, {"t": ("id",)})
    with pytest.raises(SourceRefused) as caught:
        to_postgres(twice, postgres_url, "new")

    assert caught.value.code == "keys"
    assert schemas(postgres_url) == ["public"]


def test_a_database_that_is_not_there_is_told_without_its_password(tmp_path):
    """One sentence; the driver's own text is shown to nobody."""
    with pytest.raises(SourceRefused) as caught:
        to_postgres(people(tmp_path / "in"), "postgresql://me:canary-secret@127.0.0.1:9/x", "new")

    assert caught.value.code == "unreachable"
    assert "canary" not in repr(caught.value) + str(caught.value) + str(caught.value.__cause__)
