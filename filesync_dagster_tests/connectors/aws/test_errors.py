import inspect

import botocore.exceptions
import pytest

from filesync_dagster.connectors.aws.errors import BOTOCORE, AwsRefusal, botocore_border, refusal_error
from filesync_dagster.connectors.s3.answers import CODES, TABLE
from filesync_dagster.core.errors import AuthenticationFailed, SourceError, Throttled, Unreachable


def test_every_exception_of_botocore_is_mapped():
    """When botocore grows an exception, somebody has to say what it means."""
    module = botocore.exceptions
    classes = [c for _, c in inspect.getmembers(module, inspect.isclass) if issubclass(c, Exception)]
    own = [c.__name__ for c in classes if c.__module__ == module.__name__]

    assert sorted(set(own) - set(BOTOCORE)) == []


@pytest.mark.parametrize("code", sorted(CODES))
def test_refusals_say_where_and_what_to_do(code):
    """Each code becomes one of our errors, with the place, the code and a hint."""
    error = refusal_error("Bucket eng at https://x", AwsRefusal(400, code, "Because."), TABLE)

    assert isinstance(error, SourceError)
    assert error.message == f"Bucket eng at https://x answered {code}: Because."
    assert error.hint


def test_boto_errors_cross_the_border():
    """What boto3 raises about credentials or addresses is ours afterwards."""
    with pytest.raises(AuthenticationFailed), botocore_border("Bucket eng", TABLE):
        raise botocore.exceptions.ProfileNotFound(profile="x")
    with pytest.raises(Unreachable), botocore_border("Bucket eng", TABLE):
        raise botocore.exceptions.EndpointConnectionError(endpoint_url="http://x")
    with pytest.raises(Throttled), botocore_border("Bucket eng", TABLE):
        raise botocore.exceptions.ClientError({"Error": {"Code": "SlowDown"}}, "ListBuckets")
