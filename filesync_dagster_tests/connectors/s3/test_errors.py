import inspect

import botocore.exceptions
import httpx
import pytest

from filesync_dagster.connectors.s3.errors import (
    BOTOCORE,
    CODES,
    HTTPX,
    Refusal,
    botocore_border,
    refused,
    waiting_time,
)
from filesync_dagster.errors import AuthenticationFailed, SourceError, Throttled, Unreachable


def exceptions_of(module, names):
    """Return the exception classes of a module."""
    found = [getattr(module, name) for name in names]
    return [c for c in found if inspect.isclass(c) and issubclass(c, Exception)]


def test_every_exception_of_httpx_is_mapped():
    """When httpx grows an exception, somebody has to say what it means."""
    assert set(exceptions_of(httpx, httpx.__all__)) == set(HTTPX)


def test_every_exception_of_botocore_is_mapped():
    """When botocore grows an exception, somebody has to say what it means."""
    module = botocore.exceptions
    own = [c.__name__ for c in exceptions_of(module, dir(module)) if c.__module__ == module.__name__]

    assert sorted(set(own) - set(BOTOCORE)) == []


@pytest.mark.parametrize("code", sorted(CODES))
def test_refusals_say_where_and_what_to_do(code):
    """Each code becomes one of our errors, with the place, the code and a hint."""
    error = refused("Bucket eng at https://x", Refusal(400, code, "Because."))

    assert isinstance(error, SourceError)
    assert error.message == f"Bucket eng at https://x answered {code}: Because."
    assert error.hint


def test_boto_errors_cross_the_border():
    """What boto3 raises about credentials or addresses is ours afterwards."""
    with pytest.raises(AuthenticationFailed), botocore_border("Bucket eng"):
        raise botocore.exceptions.ProfileNotFound(profile="x")
    with pytest.raises(Unreachable), botocore_border("Bucket eng"):
        raise botocore.exceptions.EndpointConnectionError(endpoint_url="http://x")
    with pytest.raises(Throttled), botocore_border("Bucket eng"):
        raise botocore.exceptions.ClientError({"Error": {"Code": "SlowDown"}}, "ListBuckets")


@pytest.mark.parametrize(
    ("header", "low", "high"),
    [("7", 7, 7), ("Wed, 21 Oct 2065 07:28:00 GMT", 1e9, 2e9), ("Wed, 21 Oct 2015 07:28:00 GMT", 0, 0)],
)
def test_retry_after_is_seconds_or_a_date(header, low, high):
    """Both forms are understood; a past date is no wait."""
    assert low <= waiting_time(header) <= high


@pytest.mark.parametrize("header", [None, "", "soon", "-3"])
def test_a_retry_after_that_says_nothing(header):
    """It is left out."""
    assert waiting_time(header) is None
