"""The description of the API is valid, complete and true: requests made up from it are answered as it says."""

import json
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis.errors import Unsatisfiable

from filesync_dagster.web.app import ROUTERS, FilesyncApp
from filesync_dagster.web.requests import ReadRoute
from filesync_dagster.web.site import ConfigHolder, Site
from filesync_dagster_tests.web.conftest import NOBODY, TOKEN, made_in, served

DESCRIBED = FilesyncApp(Site(ConfigHolder(Path("endpoints.yaml")), Path(".filesync")))
"""What is described does not depend on what is served."""

OPERATIONS = [route for router in ROUTERS for route in router.routes]
WITHOUT_END = {"events"}
"""What is answered for as long as somebody listens: test_change_stream.py does."""
TOO_LARGE = 413
NO_HTTP = b"Invalid HTTP request received."  # uvicorn, of an address of more than 64 KiB
AWAY = 503
ECHOED = {"challenge", "validationToken"}
BEYOND_SCHEMAS = {"after", "as_of", "before", "cursor", "offset", "path", "q", "since", "until"}
"""What a cursor and a pattern are, what goes together, and which of two moments is the earlier one, no schema says."""
BEYOND_DESCRIPTION = {
    "/api/upload/file",
    "/api/sources",
    "/api/sources/{name}",
    "/api/sdv/generate",
    "/api/sdv/sessions/{session_id}/export",
    "/api/sdv/validate",
}
"""Of which no schema says which files are read, and which configurations fit their types."""

MAY = {"Authorization": f"Bearer {TOKEN}"}


def test_the_description_is_valid():
    """OpenAPI 3.1, as JSON."""
    from openapi_spec_validator import validate

    validate(json.loads(json.dumps(DESCRIBED.openapi())))


def test_every_operation_is_described(client):
    """/openapi.json has each route, with its problems, and a token for those that need one."""
    said = client.get("/openapi.json").json()

    for route in OPERATIONS:
        [method] = route.methods
        described = said["paths"][route.path_format][method.lower()]
        assert described["operationId"] == route.name
        assert described["summary"]
        assert described["description"]
        assert ("security" in described) == (isinstance(route, ReadRoute) or route.name == "webhook")
        assert ("401" in described["responses"]) == ("security" in described)
        assert "HTTPValidationError" not in json.dumps(described["responses"])
    assert len(OPERATIONS) == sum(len(path) for path in said["paths"].values())


@pytest.fixture(scope="module")
def described(tmp_path_factory):
    """The description, as a server gives it whose Dagster is away."""
    import schemathesis  # here, for it takes a second that every worker would spend

    with made_in(tmp_path_factory.mktemp("api")) as project:
        project.sync("docs")
        with served(replace(project.site, dagster_url=NOBODY)) as address:
            yield schemathesis.openapi.from_url(f"{address}/openapi.json", timeout=60)


@pytest.mark.parametrize(
    ("mode", "examples"),
    [
        ("negative", 3),
        pytest.param("negative", 40, marks=pytest.mark.slow),
        pytest.param("positive", 25, marks=pytest.mark.slow),
    ],
)
@pytest.mark.parametrize(
    "operation", [one for one in OPERATIONS if one.name not in WITHOUT_END], ids=lambda operation: operation.name
)
def test_what_is_made_up_is_answered_as_described(described, operation, mode, examples):
    """Valid and invalid requests: status, type, schema and headers are those of the description."""
    from schemathesis import GenerationMode
    from schemathesis.checks import not_a_server_error
    from schemathesis.specs.openapi.checks import ignored_auth, negative_data_rejection, positive_data_acceptance

    made_up = described[operation.path_format][next(iter(operation.methods))].as_strategy(
        generation_mode=GenerationMode(mode)
    )

    @given(case=made_up)
    @settings(max_examples=examples, deadline=None, derandomize=True, database=None, suppress_health_check=HealthCheck)
    def ask(case):
        answer = case.call(headers=MAY)
        assert answer.status_code < 500 or answer.status_code == AWAY
        if answer.content == NO_HTTP:
            return
        excluded = [not_a_server_error] if answer.status_code == AWAY else []
        if answer.status_code == 400 and BEYOND_SCHEMAS & set(case.query or ()):
            excluded.append(positive_data_acceptance)
        if answer.status_code == 200 and ECHOED & set(case.query or ()):  # to whoever asks, whatever else is sent
            excluded += [ignored_auth, negative_data_rejection]
        if answer.status_code == 422 or (answer.status_code == 400 and case.operation.path in BEYOND_DESCRIPTION):
            excluded.append(positive_data_acceptance)
        if any(isinstance(value, list | dict) for value in (case.query or {}).values()):
            # In an address that is a value which is there several times: the last one counts.
            excluded.append(negative_data_rejection)
        if answer.status_code == TOO_LARGE:  # a refusal, which schemathesis does not count as one
            excluded.append(negative_data_rejection)
        case.validate_response(answer, excluded_checks=excluded, headers=MAY)

    with suppress(Unsatisfiable):  # nothing about it can be wrong
        ask()
