import inspect

import google.auth.exceptions
import pytest

from filesync_dagster.connectors.google.tokens import AUTH, google_auth_border
from filesync_dagster.core.errors import SourceError, TemporarilyDown


def test_every_exception_of_google_auth_is_mapped():
    """When it grows an exception, somebody has to say what it means."""
    module = google.auth.exceptions
    found = [c for c in vars(module).values() if inspect.isclass(c) and issubclass(c, Exception)]
    assert {c for c in found if c.__module__ == module.__name__} == set(AUTH)


@pytest.mark.parametrize("raised", sorted(AUTH, key=lambda c: c.__name__))
def test_what_google_auth_raises_crosses_the_border(raised):
    """It is ours afterwards; what may pass is asked again."""
    with pytest.raises(SourceError) as error, google_auth_border("The token service", "Check it."):
        raise raised("no")

    assert error.value.hint
    with pytest.raises(TemporarilyDown), google_auth_border("The token service", "Check it."):
        raise google.auth.exceptions.RefreshError("internal_failure", retryable=True)
