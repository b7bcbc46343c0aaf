"""What Dagster's code servers answer, and what it means."""

import pytest
from dagster._grpc.types import ListRepositoriesResponse
from dagster._serdes import serialize_value
from dagster._utils.error import SerializableErrorInfo

from filesync_dagster.orchestration.instance.code_server import load_error


@pytest.mark.parametrize("letters", [1, 120, 20_000])
def test_why_code_does_not_load_is_read_from_dagsters_own_answer(letters):
    """Its innermost reason, however long the answer is; what loads has none."""
    inner = SerializableErrorInfo(f"Duplicate definition {'x' * letters}\n", [], "DagsterInvalidDefinitionError")
    error = SerializableErrorInfo("It failed.\n", ["a stack"], "DagsterUserCodeLoadError", cause=inner)
    reason = load_error(serialize_value(error))
    assert reason.startswith("Duplicate definition x")
    assert len(reason) <= 500
    assert load_error(serialize_value(ListRepositoriesResponse([]))) is None
