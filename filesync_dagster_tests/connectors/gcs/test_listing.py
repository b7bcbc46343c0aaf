"""Tests of listings of buckets, whatever the store does with where they shall begin."""

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from filesync_dagster.connectors.gcs import GcsDetails
from filesync_dagster.connectors.gcs.source import GcsSource
from filesync_dagster.core.errors import AccessDenied, AuthenticationFailed, ProtocolViolation, Throttled
from filesync_dagster.core.model import Meter
from filesync_dagster.simulators.kit.faults import Fault
from filesync_dagster.simulators.kit.wire import InProcess
from filesync_dagster.testing import IMPATIENT
from filesync_dagster_tests.connectors.gcs.place import GcsPlace

NAMES = st.sets(st.text("abAB/é\U0001f600\uffee", min_size=1, max_size=4), max_size=60)
HABITS = ("as documented", "skips", "ignores", "exclusive")


class HabitualWire(httpx.BaseTransport):
    """The way to a simulator that does something else with `startOffset`: begins one later, or at the beginning."""

    def __init__(self, simulator, habit):
        self.inner = InProcess(simulator)
        self.store = simulator.store
        self.habit = habit
        self.starts = []

    def handle_request(self, request):
        start = request.url.params.get("startOffset")
        if start is not None:
            self.starts.append(start)
            later = [name for name in self.names() if name >= start.encode()]
            if self.habit == "ignores":
                request.url = request.url.copy_remove_param("startOffset")
            elif self.habit == "skips" or (self.habit == "exclusive" and later[:1] == [start.encode()]):
                moved = later[1].decode() if len(later) > 1 else "\U0010ffff"
                request.url = request.url.copy_set_param("startOffset", moved)
        return self.inner.handle_request(request)

    def names(self):
        return [
            one.name.encode() for one in self.store.buckets["simulated-bucket"].after(b"", versions=False, soft=False)
        ]


def source_of(place, habit="as documented", **details):
    """Return a source of a place behind a wire with a habit, and its wire."""
    wire = HabitualWire(place.simulator, habit)
    given = {**place.simulator.credentials(place.base_url), **details}
    return GcsSource(GcsDetails(**given), Meter(), policy=IMPATIENT, wire=wire), wire


def listed_ids(source, checkpoint=None, landmarks=()):
    """Return the ids of a listing, in the order in which they came."""
    return [i for page in source.list("", checkpoint, landmarks) for i in page.batch["external_id"].to_pylist()]


def filled(names, **details):
    """Return a place with objects of these names."""
    place = GcsPlace(**details)
    for name in names:
        place.write(name, b"1")
    return place


@pytest.mark.parametrize("habit", HABITS)
@settings(max_examples=8, deadline=None)
@given(names=NAMES, landmarks=NAMES, workers=st.sampled_from([1, 3]), page_size=st.integers(1, 7))
def test_no_name_is_missing(habit, names, landmarks, workers, page_size):
    """Whatever the store does with where a listing shall begin, each name is listed."""
    source, _ = source_of(filled(names), habit, list_workers=workers, page_size=page_size)

    found = listed_ids(source, landmarks=sorted(landmarks))
    source.close()

    assert set(found) == names


@pytest.mark.parametrize("habit", HABITS)
def test_ranges_of_a_large_bucket(habit):
    """They are cut at landmarks, be they gone by now; tokens and the place where a range began go together."""
    names = [f"k{number:04}" for number in range(1_000)]
    source, wire = source_of(filled(names), habit, list_workers=4, page_size=25)

    found = listed_ids(source, landmarks=[f"{name}-gone" for name in names[::10]])
    source.close()

    assert set(found) == set(names)
    assert len(set(wire.starts)) >= 2


@pytest.mark.parametrize("fault", [Fault.SHORT_PAGE, Fault.EMPTY_PAGE])
def test_short_and_empty_pages_are_no_end(fault):
    """Only the token says that there is more."""
    place = filled([f"k{number:03}" for number in range(60)])
    place.plan.add(fault, "objects.list", after=1, times=5)
    source = place.open(Meter())

    assert len(listed_ids(source)) == 60
    source.close()
    assert not place.plan.expects(fault)


@pytest.mark.parametrize("fault", [Fault.REPEAT_TOKEN, Fault.REPEAT_PAGE])
def test_pages_that_lead_back_end_with_a_sentence(fault):
    """And not never."""
    place = filled([f"k{number:03}" for number in range(60)])
    place.plan.add(fault, "objects.list", after=2, times=-1)
    meter = Meter()
    source = place.open(meter)

    with pytest.raises(ProtocolViolation, match="repeats itself"):
        listed_ids(source)
    source.close()
    assert meter.api_calls < 60


def test_an_expired_token_is_no_end():
    """A checkpoint whose token is no longer accepted costs time, not names."""
    place = filled([f"k{number:03}" for number in range(60)])
    source = place.open(Meter(), page_size=10)
    pages = source.list("")
    checkpoint = [next(pages).checkpoint for _ in range(3)][-1]
    pages.close()
    place.plan.add(Fault.EXPIRE_PAGE, "objects.list")

    rest = listed_ids(source, checkpoint)
    source.close()

    assert set(rest) >= {f"k{number:03}" for number in range(30, 60)}


def test_what_is_told_of_an_object():
    """Generation and metageneration are its version; one that was composed has a CRC32C and no MD5."""
    place = filled(["eng/", "eng/a.pdf", "eng/b"], prefix="")
    place.store.compose("eng/ab", ["eng/a.pdf", "eng/b"])
    source = place.opened(Meter(), prefix="eng/")
    before = {row["path"]: row for page in source.list("") for row in page.batch.to_pylist()}
    place.store.touch("eng/b", {"colour": "red"})
    after = {row["path"]: row for page in source.list("") for row in page.batch.to_pylist()}
    source.close()

    assert set(before) == {"./", "a.pdf", "ab", "b"}
    assert before["a.pdf"]["content_hash"] == "md5:c4ca4238a0b923820dcc509a6f75849b"
    assert before["a.pdf"]["mime_type"] == "application/pdf"
    assert before["ab"]["content_hash"] == "crc32c:5a6e1fae" or before["ab"]["content_hash"].startswith("crc32c:")
    assert before["b"]["version"].endswith(".1")
    assert after["b"]["version"] == before["b"]["version"].replace(".1", ".2")
    assert before["a.pdf"]["link"] == "gs://simulated-bucket/eng/a.pdf"


@pytest.mark.parametrize(
    ("fault", "how", "error"),
    [
        (Fault.THROTTLE, {}, Throttled),
        (Fault.REFUSE, {"status": 403, "reason": "rateLimitExceeded"}, Throttled),
        (Fault.DENY, {}, AccessDenied),
        (Fault.REFUSE, {"status": 400, "reason": "userProjectMissing"}, AccessDenied),
        (Fault.REFUSE, {"status": 401}, AuthenticationFailed),
        (Fault.GARBAGE, {"share": 0.5}, Exception),
        (Fault.ERROR_IN_BODY, {}, Exception),
        (Fault.CAPTIVE_PORTAL, {}, ProtocolViolation),
    ],
)
def test_refusals(fault, how, error):
    """Google's reason decides, then the status; each has a hint, and none is an empty listing."""
    place = filled(["a"])
    place.plan.add(fault, "objects.list", times=-1, **how)
    source = place.open(Meter())

    with pytest.raises(error) as raised:
        listed_ids(source)
    source.close()

    assert raised.value.hint


def test_a_token_that_expires_while_it_is_listed():
    """Another one is minted, once, and the listing goes on."""
    place = filled([f"k{number:03}" for number in range(60)])
    place.plan.add(Fault.EXPIRE_TOKEN, "objects.list", after=2)
    source = place.open(Meter())

    assert len(listed_ids(source)) == 60
    source.close()
    assert place.simulator.issuer.minted == 2
