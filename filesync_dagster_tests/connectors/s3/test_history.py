import time
from datetime import UTC, datetime, timedelta

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from filesync_dagster.connectors.s3.history import EARLIEST, provable_since
from filesync_dagster.core.errors import HistoryUnavailable, ProtocolViolation
from filesync_dagster.core.model import Meter
from filesync_dagster_tests.connectors.s3.fake_store import FakeStore
from filesync_dagster_tests.connectors.s3.place import S3Place

START = datetime(2026, 1, 1, tzinfo=UTC)
NOW = datetime(2026, 11, 21, tzinfo=UTC)


def moment(second):
    """Return a moment some seconds after the start."""
    return START + timedelta(seconds=second)


class VersionedStore(FakeStore):
    """Answers listings of versions from a list of (key, second, deleted, version id), oldest first."""

    def __init__(self, events, page_size, *, markers_last=False):
        super().__init__([])
        latest = {key: number for number, (key, *_) in enumerate(events)}
        self.entries = sorted(
            ((key, -number, second, deleted, latest[key] == number, vid)
             for number, (key, second, deleted, vid) in enumerate(events)),
        )  # fmt: skip
        self.size = page_size
        self.markers_last = markers_last

    def answer(self, request):
        query = dict(request.url.params)
        if "versioning" in query:
            return httpx.Response(
                200, text="<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>"
            )
        start = 0
        if "key-marker" in query:
            marker = (query["key-marker"], query["version-id-marker"])
            start = 1 + [(entry[0], str(-entry[1])) for entry in self.entries].index(marker)
        page = self.entries[start : start + self.size]
        more = start + self.size < len(self.entries)
        shown = sorted(page, key=lambda e: e[3]) if self.markers_last else page
        rows = "".join(
            f"<{tag}><Key>{key}</Key><VersionId>{vid or -number}</VersionId>"
            f"<IsLatest>{str(is_latest).lower()}</IsLatest>"
            f"<LastModified>{moment(second).isoformat()}</LastModified><ETag>{-number}</ETag><Size>{-number}</Size></{tag}>"
            for key, number, second, deleted, is_latest, vid in shown
            for tag in ["DeleteMarker" if deleted else "Version"]
        )
        end = (
            more
            and f"<NextKeyMarker>{page[-1][0]}</NextKeyMarker><NextVersionIdMarker>{-page[-1][1]}</NextVersionIdMarker>"
        )
        return httpx.Response(
            200,
            text=f"<ListVersionsResult><IsTruncated>{str(more).lower()}</IsTruncated>{end or ''}{rows}"
            "</ListVersionsResult>",
        )


def as_of(source, at, checkpoint=None):
    """Return what a source says of a moment: the size (here the number of the event) of each key, and checkpoints."""
    found, checkpoints = {}, []
    for page in source._pages(_listing(source, at, checkpoint), now=False):
        for row in page.batch.to_pylist():
            assert row["external_id"] not in found
            found[row["external_id"]] = row["size"]
        checkpoints.append((page.checkpoint, dict(found)))
    return found, checkpoints


def _listing(source, at, checkpoint):
    from filesync_dagster.connectors.s3.history import list_bucket_as_of

    return list_bucket_as_of(source._bucket, at, checkpoint)


EVENTS = st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 2), st.booleans()), max_size=25)


@settings(max_examples=80, deadline=None)
@given(EVENTS, st.integers(1, 5), st.integers(0, 40), st.booleans())
def test_the_past_is_as_it_was(steps, page_size, asked, markers_last):
    """After random puts and deletes, every moment is told as a model remembers it, however pages cut the versions."""
    second, events, model = 0, [], {}
    for number, (key, pause, deleted) in enumerate(steps):
        # Seconds of their own for one key: within one second the order of a put and a delete is not recorded.
        last = max((e[1] for e in events if e[0] == key), default=-1)
        second = max(second + pause, last + 1)
        events.append((key, second, deleted, None))
        if second <= asked:
            model.pop(key, None)
            if not deleted:
                model[key] = number
    store = VersionedStore(events, page_size, markers_last=markers_last)
    source, _ = store.source()
    if not any(event[1] <= asked for event in events):
        with pytest.raises(HistoryUnavailable):
            as_of(source, moment(asked))
        return

    found, checkpoints = as_of(source, moment(asked))

    assert found == model
    for checkpoint, before in checkpoints:
        rest, _ = as_of(source, moment(asked), checkpoint)
        assert before | rest == model
        assert not before.keys() & rest.keys()
    source.close()


@pytest.mark.parametrize("page_size", [1, 10])
@pytest.mark.parametrize(
    ("what", "events", "seconds"),
    [
        ("nothing is there", [], []),
        ("versioned from the first on", [("a", 5, False, None), ("b", 10, False, None)], range(5, 20)),
        ("nothing was written since", [("a", 5, False, "null"), ("b", 10, False, "null")], []),
        ("switched on", [("a", 5, False, "null"), ("b", 10, False, None), ("c", 12, False, None)], range(10, 20)),
        ("switched on, with a deletion first", [("a", 5, False, "null"), ("b", 10, True, None)], range(10, 20)),
        (
            "suspended in between",
            [("a", 2, False, None), ("b", 10, True, "null"), ("c", 12, False, None)],
            range(12, 20),
        ),
        ("suspended since", [("a", 2, False, None), ("b", 10, False, "null")], []),
        ("in the same second", [("a", 10, False, "null"), ("b", 10, False, None)], []),
    ],
)
def test_history_is_provable_from_the_first_version_after_versioning_was_off(what, events, seconds, page_size):
    """What was deleted without versioning left no trace: before that version nothing is told, from there on all is."""
    source, _ = VersionedStore(events, page_size).source()

    for second in range(20):
        if second in seconds:
            current = {}
            for number, (key, at, deleted, _) in enumerate(events):
                if at <= second:
                    current.pop(key, None)
                    current |= {} if deleted else {key: number}
            assert as_of(source, moment(second))[0] == current
        else:
            with pytest.raises(HistoryUnavailable, match="cannot tell how it looked"):
                as_of(source, moment(second))
    source.close()


def test_a_version_without_a_time_is_a_gap():
    """What was current of that key cannot be told, of all others it can."""
    body = (
        "<ListVersionsResult><IsTruncated>false</IsTruncated>"
        "<Version><Key>a</Key><VersionId>1</VersionId><LastModified>when</LastModified><Size>1</Size></Version>"
        "<Version><Key>b</Key><VersionId>2</VersionId><LastModified>2026-01-01T00:00:00Z</LastModified></Version>"
        "<Version><VersionId>3</VersionId><LastModified>2026-01-01T00:00:00Z</LastModified></Version>"
        "</ListVersionsResult>"
    )
    source, _ = FakeStore([], lambda *_: httpx.Response(200, text=body)).source()

    [page] = source._pages(_listing(source, moment(9), None), now=False)
    source.close()

    assert page.batch["external_id"].to_pylist() == ["b"]
    assert [(gap.path, "without" in gap.reason) for gap in page.gaps] == [("", True), ("a", True)]


def test_a_listing_of_versions_that_repeats_itself():
    """It fails instead of going round."""
    same = (
        "<ListVersionsResult><IsTruncated>true</IsTruncated><NextKeyMarker>a</NextKeyMarker>"
        "<NextVersionIdMarker>1</NextVersionIdMarker></ListVersionsResult>"
    )
    source, _ = FakeStore([], lambda *_: httpx.Response(200, text=same)).source()
    with pytest.raises(ProtocolViolation, match="repeats itself"):
        as_of(source, START)
    source.close()


def rule(days=None, newer=None, prefix="", status="Enabled"):
    """Return a lifecycle rule."""
    expiration = {"NoncurrentDays": days, "NewerNoncurrentVersions": newer}
    kept = {name: value for name, value in expiration.items() if value}
    return {"Status": status, "Filter": {"Prefix": prefix}, "NoncurrentVersionExpiration": kept}


@pytest.mark.parametrize(
    ("what", "versioning", "rules", "expected"),
    [
        ("never versioned", None, [], None),
        ("suspended", "Suspended", [], None),
        ("no rules", "Enabled", [], EARLIEST),
        ("30 days", "Enabled", [rule(30)], NOW - timedelta(days=30)),
        ("the strictest rule counts", "Enabled", [rule(30), rule(7)], NOW - timedelta(days=7)),
        ("a number of versions", "Enabled", [rule(30, newer=3)], None),
        ("a disabled rule", "Enabled", [rule(30, status="Disabled")], EARLIEST),
        ("a rule for other keys", "Enabled", [rule(30, prefix="logs/")], EARLIEST),
        ("a rule for some of the keys", "Enabled", [rule(30, prefix="drawings/old/")], NOW - timedelta(days=30)),
        ("a rule that only moves", "Enabled", [{"Status": "Enabled", "Filter": {}}], EARLIEST),
    ],
)
def test_how_far_history_can_be_proved(what, versioning, rules, expected):
    """Versioning and the rules that remove old versions decide."""
    assert provable_since(versioning, rules, "drawings/", None, NOW) == expected


@pytest.mark.slow
def test_history_of_a_real_server(moto_s3):
    """A versioned bucket tells its past; one without versions says that it cannot."""
    place = S3Place(moto_s3, ())
    source = place.open(Meter(), page_size=2)
    assert source.history_start() is None
    with pytest.raises(HistoryUnavailable, match="keeps no history"):
        next(source.list_as_of("", datetime.now(UTC)))

    client = moto_s3.client()
    client.put_bucket_versioning(Bucket=place.bucket, VersioningConfiguration={"Status": "Enabled"})
    assert source.history_start() <= datetime.now(UTC)
    moments = []
    for step in range(3):
        place.write("kept +%ü", b"x")
        place.write(f"step {step}", b"x")
        place.write("changed", b"x" * step)
        if step == 2:
            place.delete("step 0")
        time.sleep(1.1)  # versions are told apart by the second
        expected = {row["path"]: row["size"] for page in source.list("") for row in page.batch.to_pylist()}
        moments.append((datetime.now(UTC).replace(microsecond=0) - timedelta(seconds=1), expected))

    for at, expected in moments:
        found = [row for page in source.list_as_of("", at) for row in page.batch.to_pylist()]
        assert {row["path"]: row["size"] for row in found} == expected
    today = [row for page in source.list("") for row in page.batch.to_pylist()]
    unlike = {"metadata", "fingerprint"}  # moto tells the checksum algorithm of objects, not of versions
    assert [{k: v for k, v in row.items() if k not in unlike} for row in found] == [
        {k: v for k, v in row.items() if k not in unlike} for row in today
    ]
    source.close()
