"""The company of 11 tables, from its rows to a real PostgreSQL: every constraint holds at any scale."""

import pytest

from filesync_dagster.tables.exports import ExportOptions, export
from filesync_dagster.tables.keys import find_keys
from filesync_dagster.tables.model import RuleKind
from filesync_dagster.tables.rules import mine_rules
from filesync_dagster.tables.synthetic import GenerateRequest, fit, generate
from filesync_dagster_tests.tables.data_sets import hr_data_set
from filesync_dagster_tests.tables.exports.databases import fetch, load_postgres

CIRCLES = """
WITH RECURSIVE above AS (
    SELECT employee_id AS first, manager_id AS at, 1 AS steps FROM employees
    UNION ALL
    SELECT above.first, employees.manager_id, above.steps + 1
    FROM above JOIN employees ON employees.employee_id = above.at WHERE above.steps < 50
)
SELECT count(*) FROM above WHERE at = first OR steps = 50
"""

CONSTRAINTS = """
SELECT contype, count(*) FROM pg_constraint
WHERE convalidated AND connamespace = 'public'::regnamespace GROUP BY 1
"""


@pytest.fixture(scope="module")
def company(tmp_path_factory):
    """Return the company, with the rules that are found in its rows."""
    real = hr_data_set(tmp_path_factory.mktemp("company"))
    return mine_rules(find_keys(real.tables, real.relations))


@pytest.fixture(scope="module")
def model(company):
    """Return the model of the company."""
    return fit(company)


@pytest.mark.slow
@pytest.mark.parametrize("scale", [1, 10])
def test_the_company_is_loaded_into_postgres(company, model, scale, postgres_url, tmp_path):
    """Keys, foreign keys and checks are the database's; amounts add up, nobody is above themselves, ends come last."""
    made = generate(model, GenerateRequest(scale=scale, seed=3), tmp_path / "rows")
    done = export(made, "sql", ExportOptions(), tmp_path / "out")

    connection = load_postgres(postgres_url, done.files[0].path.read_text(encoding="utf-8"))

    try:
        for table in made.tables:
            real_rows = company.table(table.name).schema.row_count
            assert table.schema.row_count == pytest.approx(scale * real_rows, rel=0.02)
            assert fetch(connection, f"SELECT count(*) FROM {table.name}") == [(table.schema.row_count,)]
        kinds = dict(fetch(connection, CONSTRAINTS))
        assert (kinds["f"], kinds["p"]) == (15, 11)
        assert kinds["c"] >= 5
        assert fetch(connection, "SELECT count(*) FROM salaries WHERE total IS DISTINCT FROM base + bonus") == [(0,)]
        assert fetch(connection, CIRCLES) == [(0,)]
        for rule in made.rules:
            if rule.kind is RuleKind.AT_MOST and "." not in "".join(rule.columns):
                low, high = rule.columns
                assert fetch(connection, f"SELECT count(*) FROM {rule.table} WHERE {low} > {high}") == [(0,)]
    finally:
        connection.close()
