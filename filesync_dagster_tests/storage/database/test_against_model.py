from itertools import groupby
from operator import itemgetter

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from filesync_dagster.storage.database import EndpointRecord, Metadata
from filesync_dagster_tests.storage.database.builders import changes, commit, entry, journal, live

IDS = st.sampled_from(["a", "b", "c", "d/ü", "e\n'\"", "f\\"])
STEP = st.tuples(st.sampled_from(["put", "trash", "remove", "move"]), IDS, IDS, st.integers(0, 3))
SYNCS = st.lists(st.lists(STEP, max_size=6), max_size=6)


@pytest.fixture(scope="module")
def opened(tmp_path_factory):
    """Return one SQLite database for all examples; each has an endpoint of its own."""
    with Metadata.open(f"sqlite:///{tmp_path_factory.mktemp('model')}/filesync.db") as metadata:
        yield metadata


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(syncs=SYNCS)
def test_files_follow_any_sequence_of_changes(opened, syncs):
    """After each sync the live files equal a dict that had the same changes; the journal alone tells them too."""
    follow(opened, syncs)


@pytest.mark.slow
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(syncs=SYNCS)
def test_files_follow_any_sequence_of_changes_on_postgresql(opened_on_postgresql, syncs):
    """The same on PostgreSQL."""
    follow(opened_on_postgresql, syncs)


@pytest.fixture
def opened_on_postgresql(postgres_url):
    """Return one PostgreSQL database for all examples."""
    with Metadata.open(postgres_url) as metadata:
        yield metadata


def follow(metadata, syncs):
    """Apply the changes of some syncs to a dict and to an endpoint, and compare."""
    names = len(metadata.endpoints.states())
    endpoint = metadata.endpoints.register(EndpointRecord(f"endpoint-{names}", "s3"))
    model = {}
    for number, steps in enumerate(syncs):
        after = edited(model, steps)
        rows = difference(model, after, {(old, new) for kind, old, new, _ in steps if kind == "move"})
        commit(metadata, endpoint, f"{endpoint}-{number}", number, changes=[changes(*rows)] if rows else [])
        model = after
        expected = {name: row["owner"] for name, row in model.items() if not row["trashed"]}
        assert {name: row["owner"] for name, row in live(metadata, endpoint).items()} == expected
    assert replay(journal(metadata, endpoint)) == {name: row["owner"] for name, row in model.items()}


def replay(rows):
    """Return external_id and owner as the journal alone tells them."""
    owners = {}
    for _, sync in groupby(rows, key=itemgetter("sync_id")):
        steps = list(sync)
        old = {row["seq"]: (row["before"] or {}).get("external_id", row["external_id"]) for row in steps}
        before = {seq: owners.pop(name, None) for seq, name in old.items()}
        for row in steps:
            if row["after"] is not None:
                owners[row["external_id"]] = row["after"].get("owner", before[row["seq"]])
    return owners


def edited(model, steps):
    """Return the model after some steps."""
    after = dict(model)
    for kind, one, other, number in steps:
        if kind == "put":
            after[one] = entry(one, owner=f"o{number}")
        elif kind == "trash" and one in after:
            after[one] = {**after[one], "trashed": True}
        elif kind == "remove":
            after.pop(one, None)
        elif kind == "move" and one in after:
            after[other] = {**after.pop(one), "external_id": other, "path": other, "name": other}
    return after


def difference(before, after, moves):
    """Return the changes between two models, using a move where one explains a lost and a new id."""
    rows = []
    lost = {name for name in before if name not in after}
    new = {name for name in after if name not in before}
    for old, target in sorted(moves):
        if old in lost and target in new:
            rows.append(("moved", before[old], after[target]))
            lost.discard(old)
            new.discard(target)
    rows += [("removed", before[name], None) for name in sorted(lost)]
    rows += [("added", None, after[name]) for name in sorted(new)]
    rows += [
        ("modified", before[name], after[name])
        for name in sorted(before)
        if name in after and after[name] != before[name]
    ]
    return rows
