import gc
import threading
import time
import weakref
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from filesync_dagster.connectors.rest.calls import Calls, RetryPolicy, tenant_of
from filesync_dagster.connectors.rest.limits import Tenant
from filesync_dagster.connectors.rest.retry import CallClock
from filesync_dagster.core.errors import (
    AccessDenied,
    AuthenticationFailed,
    NotFound,
    SourceError,
    TemporarilyDown,
    Throttled,
    Unreachable,
)
from filesync_dagster.core.model import Meter

IMPATIENT = RetryPolicy(attempts=3, wait_initial=0.0, wait_max=0.01)


class Time:
    """A clock that nobody has to wait for."""

    def __init__(self, chance=0.0):
        self.now = 1000.0
        self.clock = CallClock(lambda: self.now, self.sleep, lambda: chance)

    def sleep(self, seconds):
        assert seconds > 0
        self.now += seconds


def failing(*errors):
    """Return a call that raises these errors in turn, then answers."""
    left = list(errors)

    def call():
        if left:
            raise left.pop(0)
        return "answer"

    return call


def calls_in(some_time, policy=None, renew=None, quotas=None):
    """Return calls of a tenant of their own, and their meter."""
    meter = Meter()
    return Calls(meter, Tenant("t", quotas, some_time.clock), policy, renew), meter


def test_what_is_retryable_is_asked_again():
    """The answer of a later attempt is the answer; each call and each repetition is counted."""
    calls, meter = calls_in(Time())
    assert calls(failing(TemporarilyDown("a"), Unreachable("b"))) == "answer"
    assert (meter.api_calls, meter.retries, meter.throttled_seconds) == (3, 2, 0)


@pytest.mark.parametrize("error", [AccessDenied("no"), NotFound("no"), AuthenticationFailed("no"), ValueError("no")])
def test_what_is_not_is_raised_at_once(error):
    """Whether to ask again is a property of the error."""
    calls, meter = calls_in(Time())
    with pytest.raises(type(error)):
        calls(failing(error))
    assert (meter.api_calls, meter.retries) == (1, 0)


def test_the_last_error_is_raised():
    """After the last attempt the caller learns what went wrong."""
    calls, _ = calls_in(Time(), IMPATIENT)
    with pytest.raises(TemporarilyDown, match="third"):
        calls(failing(*(TemporarilyDown(n) for n in ("first", "second", "third"))))


def test_an_unreachable_store_is_given_up_sooner():
    """A wrong address stays wrong, however often it is tried."""
    calls, meter = calls_in(Time(), RetryPolicy(attempts=9, unreachable_attempts=2))
    with pytest.raises(Unreachable, match="2"):
        calls(failing(*(Unreachable(str(n)) for n in range(1, 9))))
    assert meter.retries == 1


@pytest.mark.parametrize(
    ("asked", "waited"), [(0, 1), (0.2, 1), (7, 7), (599, 599), (86400, 600)], ids=lambda seconds: f"{seconds}s"
)
@pytest.mark.parametrize("kind", [Throttled, TemporarilyDown])
def test_retry_after_is_heeded_within_reason(kind, asked, waited):
    """The store's own wish counts; it can neither make us hammer it nor make us wait for a day."""
    some_time = Time()
    calls, meter = calls_in(some_time)
    calls(failing(kind("slow", retry_after=asked)))
    assert some_time.now - 1000 == pytest.approx(waited)
    assert meter.throttled_seconds == pytest.approx(waited if kind is Throttled else 0)


def test_without_a_wish_pauses_grow():
    """A store that does not say for how long is left alone for twice as long each time."""
    some_time, starts = Time(), []
    calls, meter = calls_in(some_time, RetryPolicy(attempts=7, wait_max=10))

    def call():
        starts.append(some_time.now)
        raise Throttled("slow")

    with pytest.raises(Throttled):
        calls(call)
    pauses = [round(later - earlier, 6) for earlier, later in pairwise(starts)]
    assert pauses == [1, 2, 4, 8, 10, 10]
    assert meter.throttled_seconds == pytest.approx(35)


def test_no_attempt_starts_too_late():
    """Patience has an end in time as well: a wait that leads past it is not begun."""
    some_time = Time()
    calls, meter = calls_in(some_time, RetryPolicy(attempts=99, timeout=900))
    with pytest.raises(Throttled):
        calls(failing(*(Throttled("slow", retry_after=400) for _ in range(99))))
    assert meter.api_calls == 3
    assert some_time.now - 1000 <= 900


def test_nothing_is_repeated_once_stopped():
    """A listing that is being closed does not go on asking."""
    calls, meter = calls_in(Time())
    with pytest.raises(TemporarilyDown):
        calls(failing(TemporarilyDown("a")), stopped=lambda: True)
    assert meter.api_calls == 1


def test_those_who_wait_wake_when_stopped():
    """Neither a pause of minutes nor the rest after an error keeps a listing from being closed."""
    paused, stop = Tenant("t"), threading.Event()
    paused.pause(600, "slow")
    resting = Calls(Meter(), Tenant("u"), RetryPolicy(retry_after_min=600))
    began = time.monotonic()
    with ThreadPoolExecutor(8) as pool:
        held = [pool.submit(Calls(Meter(), paused), failing(), stopped=stop.is_set) for _ in range(4)]
        down = [
            pool.submit(resting, failing(TemporarilyDown("down", retry_after=1)), stopped=stop.is_set) for _ in range(4)
        ]
        time.sleep(0.05)
        stop.set()
    assert time.monotonic() - began < 2
    assert {type(future.exception()) for future in held} == {SourceError}
    assert {str(future.exception()) for future in down} == {"down"}


def test_a_throttle_holds_back_the_whole_tenant():
    """When the store tells one thread to slow down, no thread and no other endpoint with that credential asks it."""
    shared = Tenant("t")
    policy = RetryPolicy(retry_after_min=0.4)
    meters = [Meter(), Meter()]
    one, two = (Calls(meter, shared, policy) for meter in meters)
    throttled, starts, tally = threading.Event(), [], threading.Lock()

    def call():
        with tally:
            starts.append(time.monotonic())
        return "answer"

    def first():
        if not throttled.is_set():
            throttled.set()
            raise Throttled("slow", retry_after=0)
        return call()

    with ThreadPoolExecutor(9) as pool:
        futures = [pool.submit(one, first)]
        throttled.wait()
        time.sleep(0.02)
        began = time.monotonic()
        futures += [pool.submit(one if n % 2 else two, call) for n in range(8)]
        assert [future.result() for future in futures] == ["answer"] * 9

    assert min(starts) - began > 0.3
    assert meters[0].retries == 1
    assert meters[1].retries == 0
    for meter in meters:  # wall time: not four or five times as much, though so many waited
        assert 0.3 < meter.throttled_seconds < 4 * 0.4


def test_others_are_not_held_back():
    """The pause is of one credential at one store."""
    slow, quick = Time(), Time()
    calls, _ = calls_in(slow)
    other, meter = calls_in(quick)
    calls(failing(Throttled("slow", retry_after=60)))
    assert other(failing()) == "answer"
    assert (quick.now, meter.throttled_seconds) == (1000, 0)


def test_a_throttle_that_is_not_repeated_pauses_all_the_same():
    """Whoever gives up, the store asked all to slow down."""
    some_time = Time()
    calls, _ = calls_in(some_time, RetryPolicy(attempts=1))
    with pytest.raises(Throttled):
        calls(failing(Throttled("slow", retry_after=30)))
    assert calls(failing()) == "answer"
    assert some_time.now - 1000 == pytest.approx(30)


@pytest.mark.parametrize(("seconds", "chance", "waited"), [(8, 0.5, 9), (8, 0.999, 10), (600, 0.5, 605)])
def test_they_do_not_come_back_all_at_once(seconds, chance, waited):
    """After a pause calls come back one by one, over a quarter of it, ten seconds at most."""
    some_time = Time(chance)
    calls, _ = calls_in(some_time)
    calls(failing(Throttled("slow", retry_after=seconds)))
    assert some_time.now - 1000 == pytest.approx(waited, abs=0.01)


def test_a_longer_pause_wins():
    """A second answer may prolong the pause and never shortens it."""
    some_time = Time()
    one = Tenant("t", clock=some_time.clock)
    one.pause(60, "slow")
    one.pause(5, "slow")
    assert one.paused_for == 60
    some_time.now += 30
    one.pause(60, "slow")
    assert one.paused_for == 60


def test_a_tenant_is_known_to_the_whole_process():
    """Two endpoints with one credential share a pause, also one that is opened later."""
    assert tenant_of("k" * 64) is tenant_of("k" * 64)
    assert tenant_of("k" * 64) is not tenant_of("l" * 64)


@given(st.lists(st.tuples(st.floats(0, 50), st.floats(0.1, 50)), min_size=1, max_size=12))
def test_held_back_is_wall_time(intervals):
    """However many wait together, what counts is the time in which at least one did."""
    some_time = Time()
    calls, meter = calls_in(some_time)
    intervals = [(begin, begin + length) for begin, length in intervals]
    moments = sorted({at for interval in intervals for at in interval})
    expected = sum(
        after - before
        for before, after in pairwise(moments)
        if any(begin <= before and after <= end for begin, end in intervals)
    )
    for at in moments:
        some_time.now = 1000 + at
        for _ in [1 for begin, _ in intervals if begin == at]:
            calls.waiting.__enter__()
        for _ in [1 for _, end in intervals if end == at]:
            calls.waiting.__exit__(None, None, None)
    assert meter.throttled_seconds == pytest.approx(expected, abs=1e-6)


def test_a_quota_is_never_passed():
    """In no minute there are more calls of a class than its quota; other classes do not wait."""
    some_time, starts = Time(), []
    calls, meter = calls_in(some_time, quotas={"hubs": 50})
    for _ in range(170):
        calls(lambda: starts.append(some_time.now), quota="hubs")
    assert max(sum(at <= other < at + 60 for other in starts) for at in starts) == 50
    assert 180 <= some_time.now - 1000 < 181
    assert meter.throttled_seconds == pytest.approx(some_time.now - 1000)
    before = some_time.now
    calls(failing(), quota="contents")
    calls(failing())
    assert some_time.now == before


def test_repetitions_count_against_the_quota():
    """What the store counts is what is asked, also a second time."""
    some_time = Time()
    calls, _ = calls_in(some_time, quotas={"hubs": 3})
    calls(failing(TemporarilyDown("a")), quota="hubs")
    calls(failing(), quota="hubs")
    assert some_time.now - 1000 < 1
    calls(failing(), quota="hubs")
    assert some_time.now - 1000 > 59


def test_threads_share_a_quota():
    """Eight threads together get no more than one."""
    some = Calls(Meter(), Tenant("t", {"hubs": 5}))
    stop, made, tally = threading.Event(), [], threading.Lock()

    def call():
        with tally:
            made.append(1)

    def run():
        while not stop.is_set():
            try:
                some(call, quota="hubs", stopped=stop.is_set)
            except SourceError:
                return

    with ThreadPoolExecutor(8) as pool:
        for _ in range(8):
            pool.submit(run)
        time.sleep(0.2)
        stop.set()
    assert len(made) == 5


def test_a_quota_may_change():
    """A source that is opened later may know better."""
    some_time = Time()
    one = Tenant("t", {"hubs": 1}, some_time.clock)
    one.limit({"hubs": 2})
    assert [one.admit("hubs", 0.0) for _ in range(2)] == [0, 0]
    one.limit({"hubs": 2, "other": 1})  # what was used stays used
    assert one.admit("hubs", 0.0) > 59


def test_a_dead_store_is_not_hammered():
    """However many threads fail, the retries of all together come to an end, and soon those that fail ask once."""
    some_time = Time()
    calls, meter = calls_in(some_time, RetryPolicy(wait_initial=0.0, wait_max=0.0))
    for _ in range(100):
        with pytest.raises(TemporarilyDown):
            calls(failing(*(TemporarilyDown("down") for _ in range(9))))
    assert meter.retries == 200


@given(st.lists(st.sampled_from(["success", "retried", "failure", "second"]), max_size=2000))
def test_useless_retries_are_a_share_of_what_went_well(happenings):
    """Never more than 200, plus a fifth of the successes, plus one every five seconds."""
    some_time = Time()
    calls, _ = calls_in(some_time, RetryPolicy(attempts=3, wait_initial=0.0, wait_max=0.0))
    useless = successes = 0
    for happening in happenings:
        if happening == "second":
            some_time.now += 1
            continue
        errors = {"success": 0, "retried": 1, "failure": 3}[happening]
        tried = []

        def call(errors=errors, tried=tried):
            tried.append(1)
            if len(tried) <= errors:
                raise TemporarilyDown("down")

        try:
            calls(call)
        except TemporarilyDown:
            useless += len(tried) - 1
        else:
            successes += 1
        assert useless <= 200 + successes / 5 + (some_time.now - 1000) / 5


def test_retries_that_help_cost_nothing():
    """A store that hiccups at every call, and answers when asked again, can be listed to the end."""
    calls, meter = calls_in(Time(), RetryPolicy(wait_initial=0.0, wait_max=0.0))
    for _ in range(1000):
        calls(failing(TemporarilyDown("a")))
    assert meter.retries == 1000


def test_throttles_cost_nothing():
    """A store that asks to wait is alive: pauses hold the calls back, and many threads may be throttled at once."""
    calls, meter = calls_in(Time(), RetryPolicy(attempts=1000, timeout=1e9))
    calls(failing(*(Throttled("slow") for _ in range(999))))
    assert meter.retries == 999


def test_an_outage_is_forgiven():
    """A quarter of an hour after the budget was spent, retries are to be had again."""
    some_time = Time()
    calls, _ = calls_in(some_time, RetryPolicy(wait_initial=0.0, wait_max=0.0))
    for _ in range(100):
        with pytest.raises(TemporarilyDown):
            calls(failing(*(TemporarilyDown("down") for _ in range(9))))
    some_time.now += 1000
    assert calls(failing(*(TemporarilyDown("down") for _ in range(6)))) == "answer"


def test_credentials_are_minted_anew_once():
    """A token that expired in the middle of a walk costs one refused call."""
    minted = []
    calls, meter = calls_in(Time(), renew=lambda: minted.append(1))
    assert calls(failing(AuthenticationFailed("expired"))) == "answer"
    assert calls(failing(AuthenticationFailed("expired again, hours later"))) == "answer"
    assert len(minted) == 2
    assert (meter.api_calls, meter.retries) == (4, 2)


def test_the_second_refusal_in_a_row_is_raised():
    """New credentials that are refused as well are wrong; they are not minted for every call that follows."""
    minted = []
    calls, _ = calls_in(Time(), renew=lambda: minted.append(1))
    for message in ("second", "third"):
        left = {"second": ["first", "second"], "third": ["third"]}[message]
        with pytest.raises(AuthenticationFailed, match=message):
            calls(failing(*map(AuthenticationFailed, left)))
    assert len(minted) == 1


def test_one_call_that_is_always_refused_does_not_mint_for_ever():
    """That others succeed is no reason to ask for this one again and again."""
    minted = []
    calls, _ = calls_in(Time(), renew=lambda: minted.append(1))

    def call():
        calls(failing())
        raise AuthenticationFailed("not you")

    with pytest.raises(AuthenticationFailed):
        calls(call)
    assert len(minted) == 1


def test_threads_share_one_minting():
    """Eight calls refused with one token wait for one new token, and all succeed with it."""
    minted, token = [], ["old"]
    together = threading.Barrier(8)

    def renew():
        time.sleep(0.02)
        minted.append(1)
        token[0] = "new"

    some = Calls(Meter(), Tenant("t"), IMPATIENT, renew)

    def call():
        used = token[0]
        if used == "old":
            together.wait(5)
            raise AuthenticationFailed("expired")
        return used

    with ThreadPoolExecutor(8) as pool:
        assert {future.result() for future in [pool.submit(some, call) for _ in range(8)]} == {"new"}
    assert len(minted) == 1
    assert some.meter.api_calls == 16


def test_minting_may_use_the_calls_itself():
    """What mints a token is retried, counted and held back like any other call, and does not mint within itself."""
    some_time, minted = Time(), []

    def renew():
        minted.append(calls(failing(TemporarilyDown("hiccup"), Throttled("slow"))))

    calls, meter = calls_in(some_time, renew=renew)
    assert calls(failing(AuthenticationFailed("expired"))) == "answer"
    assert len(minted) == 1
    assert meter.api_calls == 5

    def refused():
        minted.append(1)
        calls(failing(AuthenticationFailed("unknown client")))

    calls, meter = calls_in(some_time, renew=refused)
    with pytest.raises(AuthenticationFailed, match="unknown client"):
        calls(failing(AuthenticationFailed("expired")))
    assert len(minted) == 2


def test_many_threads_count_right():
    """No call, retry or second is lost between threads."""
    some = Calls(Meter(), Tenant("t"), RetryPolicy(wait_initial=0.0, wait_max=0.0))
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda n: some(failing(*[TemporarilyDown("a")] * (n % 2))), range(400)))
    assert (some.meter.api_calls, some.meter.retries) == (600, 200)


def test_what_a_call_sent_is_let_go_of_at_once():
    """The part of a large file does not stay in memory until garbage is collected."""

    class Part:
        """What is sent."""

    calls, _ = calls_in(Time())
    part = Part()
    held = weakref.ref(part)
    gc.disable()
    try:
        assert calls(lambda part=part: f"{part} has arrived")
        del part
        assert held() is None
    finally:
        gc.enable()
