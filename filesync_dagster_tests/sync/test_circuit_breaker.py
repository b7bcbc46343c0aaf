"""The circuit breaker: when a store is left alone, when it is asked again, and what is told of it."""

import logging
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from filesync_dagster.core.errors import (
    AccessDenied,
    AuthenticationFailed,
    BreakerOpen,
    ConfigError,
    DatabaseLocked,
    NotFound,
    OutOfSpace,
    ProtocolViolation,
    SourceError,
    SyncInProgress,
    TemporarilyDown,
    Throttled,
    Unreachable,
)
from filesync_dagster.storage.database import BreakerRecord, EndpointRecord, Metadata
from filesync_dagster.sync.circuit_breaker import COOL_DOWN_MAX, FAILURES, ask, is_resting, next_breaker, note

NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)
DOWN = TemporarilyDown("The store answered 503.", hint="Nothing is lost.")


class Endpoint:
    """One endpoint in a database, whose syncs fail and succeed at moments of our choice."""

    def __init__(self, path):
        self.url = f"sqlite:///{path}/filesync.db"
        self.now = NOON
        with Metadata.open(self.url) as metadata:
            self.id = metadata.endpoints.register(EndpointRecord("drawings", "s3"))

    def sync(self, error=None, *, ignore_breaker=False):
        """Ask and note as a sync does, each time as another process would."""
        with Metadata.open(self.url) as metadata:
            ask(metadata, metadata.endpoints.breaker(self.id), "drawings", ignore_breaker=ignore_breaker, now=self.now)
            note(metadata, self.id, "drawings", error, now=self.now)

    def fail(self, times=1):
        for _ in range(times):
            self.sync(DOWN)

    @property
    def record(self):
        with Metadata.open(self.url) as metadata:
            return metadata.endpoints.breaker(self.id)


@pytest.fixture
def endpoint(tmp_path):
    """Return an endpoint of which nothing was noted yet."""
    return Endpoint(tmp_path)


def test_five_failures_in_a_row_open_it(endpoint):
    """Four do not. Then nothing is asked, and the sentence says why, until when, and what to do."""
    endpoint.fail(FAILURES - 1)
    assert (endpoint.record.state, endpoint.record.failures) == ("closed", FAILURES - 1)
    endpoint.fail()

    with pytest.raises(BreakerOpen) as caught:
        endpoint.sync()

    assert str(caught.value) == (
        "drawings failed 5 times in a row, so its store is left alone until 2026-06-01 12:05:00 UTC. "
        "The last reason: The store answered 503. `filesync sync drawings` asks it at once."
    )
    assert endpoint.record == BreakerRecord(
        endpoint.id, "open", 5, NOON, NOON + timedelta(minutes=5), "The store answered 503."
    )


def test_a_success_between_begins_anew(endpoint):
    """Only failures in a row count."""
    endpoint.fail(FAILURES - 1)
    endpoint.sync()
    assert endpoint.record == BreakerRecord(endpoint.id)
    endpoint.fail(FAILURES - 1)
    assert endpoint.record.state == "closed"


@pytest.mark.parametrize(
    "kind", [AccessDenied, AuthenticationFailed, NotFound, ProtocolViolation, Throttled, Unreachable, SourceError]
)
def test_whatever_the_store_does_counts(endpoint, kind):
    """A store that refuses is left alone like one that is down: asking every five minutes helps neither."""
    for _ in range(FAILURES):
        endpoint.sync(kind("no"))
    assert endpoint.record.state == "open"


@pytest.mark.parametrize(
    "error", [OutOfSpace("full"), DatabaseLocked("busy"), SyncInProgress("other"), ConfigError(["wrong"])]
)
def test_what_is_our_own_fault_does_not_count(endpoint, error):
    """It neither opens a breaker nor proves that a store is well."""
    endpoint.fail(FAILURES - 1)
    before = endpoint.record
    for _ in range(FAILURES):
        endpoint.sync(error)
    assert endpoint.record == before


def test_a_probe_that_succeeds_closes_it(endpoint):
    """When the cool-down is over one sync is let through, and what it finds decides."""
    endpoint.fail(FAILURES)
    endpoint.now += timedelta(minutes=5)
    endpoint.sync()
    assert endpoint.record == BreakerRecord(endpoint.id)
    endpoint.sync()


def test_a_probe_that_fails_doubles_the_cool_down(endpoint):
    """Up to about an hour; since when the store fails is remembered."""
    endpoint.fail(FAILURES)
    waits = []
    for _ in range(6):
        waits.append((endpoint.record.probe_at - endpoint.now) // timedelta(minutes=1))
        endpoint.now = endpoint.record.probe_at - timedelta(seconds=1)
        with pytest.raises(BreakerOpen):
            endpoint.sync()
        endpoint.now += timedelta(seconds=1)
        endpoint.fail()
    assert waits == [5, 10, 20, 40, 55, 55]
    assert endpoint.record.opened_at == NOON


def test_an_hourly_endpoint_is_asked_at_every_tick(endpoint):
    """Though each sync takes a while to fail."""
    endpoint.fail(FAILURES)
    for hour in range(1, 9):
        endpoint.now = NOON + timedelta(hours=hour)
        with Metadata.open(endpoint.url) as metadata:
            ask(metadata, metadata.endpoints.breaker(endpoint.id), "drawings", ignore_breaker=False, now=endpoint.now)
            note(metadata, endpoint.id, "drawings", DOWN, now=endpoint.now + timedelta(minutes=4))


def test_whoever_insists_is_let_through(endpoint):
    """A person who asks for the endpoint by name probes it, whether or not a probe is due."""
    endpoint.fail(FAILURES)
    with pytest.raises(BreakerOpen):
        endpoint.sync()
    endpoint.sync(DOWN, ignore_breaker=True)
    assert (endpoint.record.state, endpoint.record.failures) == ("open", FAILURES + 1)
    endpoint.sync(ignore_breaker=True)
    assert endpoint.record.state == "closed"


def test_a_probe_whose_process_died_is_not_the_last(endpoint):
    """The next one is due after another cool-down; meanwhile the store is left alone."""
    endpoint.fail(FAILURES)
    endpoint.now += timedelta(minutes=5)
    with Metadata.open(endpoint.url) as metadata:
        ask(metadata, metadata.endpoints.breaker(endpoint.id), "drawings", ignore_breaker=False, now=endpoint.now)
    assert endpoint.record.state == "half_open"
    with pytest.raises(BreakerOpen):
        endpoint.sync()
    endpoint.now += timedelta(minutes=5)
    endpoint.sync()
    assert endpoint.record.state == "closed"


def test_our_own_misfortune_during_a_probe_decides_nothing(endpoint):
    """A probe that ran out of disk is repeated later."""
    endpoint.fail(FAILURES)
    endpoint.now += timedelta(minutes=5)
    endpoint.sync(OutOfSpace("full"))
    assert (endpoint.record.state, endpoint.record.failures) == ("half_open", FAILURES)
    endpoint.now += timedelta(minutes=5)
    endpoint.sync()
    assert endpoint.record.state == "closed"


def test_alerts_can_be_made_of_its_events(endpoint, caplog):
    """Opening, probing and closing are warnings with the endpoint and the reason."""
    caplog.set_level(logging.WARNING, "filesync_dagster")
    endpoint.fail(FAILURES)
    endpoint.now += timedelta(minutes=5)
    endpoint.sync()
    said = [record.getMessage() for record in caplog.records]
    names = ["breaker.opened", "breaker.probing", "breaker.closed"]
    assert [[name for name in names if name in text] for text in said] == [[name] for name in names]
    for record in caplog.records:
        assert record.levelno == logging.WARNING
        assert "drawings" in record.getMessage()
        assert "The store answered 503." in record.getMessage()


def test_endpoints_have_breakers_of_their_own(endpoint):
    """One folder that nobody may read leaves the others of its store alone."""
    endpoint.fail(FAILURES)
    with Metadata.open(endpoint.url) as metadata:
        other = metadata.endpoints.register(EndpointRecord("other", "s3"))
        ask(metadata, metadata.endpoints.breaker(other), "other", ignore_breaker=False, now=endpoint.now)
        assert set(metadata.endpoints.breakers()) == {endpoint.id}


def test_a_healthy_endpoint_costs_no_write(endpoint):
    """Sync after sync that goes well leaves no row."""
    for _ in range(3):
        endpoint.sync()
    with Metadata.open(endpoint.url) as metadata:
        assert metadata.endpoints.breakers() == {}


@given(st.lists(st.sampled_from([None, DOWN, AccessDenied("no"), OutOfSpace("full")]), max_size=40))
def test_it_is_open_exactly_after_five_failures_in_a_row(errors):
    """Whatever the order, with our own failures between that do not count."""
    record, row = BreakerRecord(1), 0
    for step, error in enumerate(errors):
        now = NOON + timedelta(minutes=step)
        record = next_breaker(record, error, now)
        row = 0 if error is None else row + isinstance(error, SourceError)
        assert record.failures == row
        assert (record.state == "open") == (row >= FAILURES)
        assert (record.probe_at is None) == (row < FAILURES)
        assert record.reason is None or row > 0


class AnyOrder(RuleBasedStateMachine):
    """Syncs that fail, succeed, crash and are insisted on, at any time."""

    def __init__(self):
        super().__init__()
        self.records = {}
        self.endpoints = self  # in place of the database's
        self.now = NOON

    def breaker(self, endpoint_id):
        return self.records.get(endpoint_id, BreakerRecord(endpoint_id))

    def save_breaker(self, record):
        self.records[record.endpoint_id] = record

    @rule(minutes=st.integers(0, 90))
    def wait(self, minutes):
        self.now += timedelta(minutes=minutes)

    @rule(ignore_breaker=st.booleans(), end=st.sampled_from(["well", "down", "crash"]))
    def sync(self, ignore_breaker, end):
        resting = is_resting(self.breaker(1), self.now)
        try:
            ask(self, self.endpoints.breaker(1), "drawings", ignore_breaker=ignore_breaker, now=self.now)
        except BreakerOpen:
            assert resting
            assert not ignore_breaker
            return
        assert ignore_breaker or not resting
        if end != "crash":
            note(self, 1, "drawings", None if end == "well" else DOWN, now=self.now)
            assert end == "down" or self.breaker(1) == BreakerRecord(1)

    @invariant()
    def nobody_is_forgotten(self):
        """However it came to this, a probe is due within the longest cool-down."""
        assert not is_resting(self.breaker(1), self.now + COOL_DOWN_MAX)


TestAnyOrder = AnyOrder.TestCase
TestAnyOrder.settings = settings(max_examples=40, stateful_step_count=30)
