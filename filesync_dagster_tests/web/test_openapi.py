"""The description of the API is valid, complete and true: requests made up from it are answered as it says."""

import json
from contextlib import suppress
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis.errors import Unsatisfiable

from filesync_dagster.web.operations import OPERATIONS, document
from filesync_dagster_tests.web.conftest import NOBODY, TOKEN, made_in, served

AWAY = 503
EXAMPLES = 25
MAY = {"Authorization": f"Bearer {TOKEN}"}


def test_the_description_is_valid():
    """OpenAPI 3.1, as JSON."""
    from openapi_spec_validator import validate

    validate(json.loads(json.dumps(document())))


def test_every_operation_is_described(client):
    """/openapi.json has each of the table, with a token for those that need one."""
    told = client.get("/openapi.json").json()

    for operation in OPERATIONS:
        described = told["paths"][operation.path][operation.method.lower()]
        assert described["operationId"] == operation.name
        assert ("security" in described) == bool(operation.access)
    assert len(OPERATIONS) == sum(len(path) for path in told["paths"].values())


@pytest.fixture(scope="module")
def described(tmp_path_factory):
    """The description, as a server gives it whose Dagster is away."""
    import schemathesis  # here, for it takes a second that every worker would spend

    with made_in(tmp_path_factory.mktemp("api")) as project:
        project.sync("docs")
        with served(replace(project.site, dagster_url=NOBODY)) as address:
            yield schemathesis.openapi.from_url(f"{address}/openapi.json")


@pytest.mark.parametrize("mode", ["positive", "negative"])
@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.name)
def test_what_is_made_up_is_answered_as_described(described, operation, mode):
    """Valid and invalid requests: status, type, schema and headers are those of the description."""
    from schemathesis import GenerationMode
    from schemathesis.checks import not_a_server_error

    made_up = described[operation.path][operation.method].as_strategy(generation_mode=GenerationMode(mode))

    @given(case=made_up)
    @settings(max_examples=EXAMPLES, deadline=None, derandomize=True, database=None, suppress_health_check=HealthCheck)
    def ask(case):
        answer = case.call(headers=MAY)
        assert answer.status_code < 500 or answer.status_code == AWAY
        away = [not_a_server_error] if answer.status_code == AWAY else []
        case.validate_response(answer, excluded_checks=away, headers=MAY)

    with suppress(Unsatisfiable):  # nothing about it can be wrong
        ask()
