import pytest

from filesync_dagster.connectors.retry import RetryPolicy, retrying
from filesync_dagster.errors import AccessDenied, TemporarilyDown, Throttled, Unreachable
from filesync_dagster.model import Meter

IMPATIENT = RetryPolicy(attempts=3, wait_initial=0.0, wait_max=0.01)


def failing(*errors):
    """Return a call that raises these errors in turn, then answers."""
    left = list(errors)

    def call():
        if left:
            raise left.pop(0)
        return "answer"

    return call


def test_what_is_retryable_is_asked_again():
    """The answer of a later attempt is the answer; each repetition is counted."""
    meter = Meter()
    assert retrying(failing(TemporarilyDown("a"), Unreachable("b")), meter, IMPATIENT) == "answer"
    assert meter.retries == 2


def test_what_is_not_is_raised_at_once():
    """Whether to ask again is a property of the error."""
    meter = Meter()
    with pytest.raises(AccessDenied):
        retrying(failing(AccessDenied("no")), meter, IMPATIENT)
    assert meter.retries == 0


def test_the_last_error_is_raised():
    """After the last attempt the caller learns what went wrong."""
    with pytest.raises(TemporarilyDown, match="third"):
        retrying(failing(*(TemporarilyDown(n) for n in ("first", "second", "third"))), Meter(), IMPATIENT)


def test_an_unreachable_store_is_given_up_sooner():
    """A wrong address stays wrong, however often it is tried."""
    meter = Meter()
    policy = RetryPolicy(attempts=9, unreachable_attempts=2, wait_initial=0.0, wait_max=0.01)
    with pytest.raises(Unreachable, match="2"):
        retrying(failing(*(Unreachable(str(n)) for n in range(1, 9))), meter, policy)
    assert meter.retries == 1


def test_retry_after_is_waited_for():
    """The store's own wish counts, and the time that it cost is known."""
    meter = Meter()
    retrying(failing(Throttled("slow", retry_after=0.2)), meter, IMPATIENT)
    assert 0.15 < meter.throttled_seconds < 5


def test_retry_after_is_clamped():
    """A store cannot make us wait for a day."""
    meter = Meter()
    policy = RetryPolicy(attempts=3, wait_initial=0.0, wait_max=0.01, retry_after_max=0.05)
    retrying(failing(Throttled("slow", retry_after=86400)), meter, policy)
    assert meter.throttled_seconds < 5


def test_nothing_is_repeated_once_stopped():
    """A listing that is being closed does not go on asking."""
    with pytest.raises(TemporarilyDown):
        retrying(failing(TemporarilyDown("a")), Meter(), IMPATIENT, stopped=lambda: True)
