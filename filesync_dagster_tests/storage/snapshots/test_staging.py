import os

import pyarrow as pa
import pytest

from filesync_dagster.core.errors import OutOfSpace
from filesync_dagster.core.schemas import FILE_SCHEMA, build_batch
from filesync_dagster.storage.snapshots import Staging
from filesync_dagster.storage.snapshots.staging import STAGED_SCHEMA


def page(*ids):
    """A page of plain files, and which of them are selected: those without an x."""
    columns = {name: list(ids) for name in ("external_id", "name", "path")}
    rest = {"scope": [""] * len(ids), "kind": ["file"] * len(ids), "trashed": [False] * len(ids)}
    return build_batch({**columns, **rest}, len(ids)), pa.array(["x" not in i for i in ids], pa.bool_())


def staged(staging, con):
    """What the view shows, in the order of arrival."""
    name = staging.relation(con)
    return con.execute(f'SELECT external_id, seq, selected FROM "{name}" ORDER BY seq').fetchall()


def test_a_listing_without_rows_has_an_empty_relation(con, tmp_path):
    """An empty store is staged like any other."""
    staging = Staging(tmp_path / "l1", {})
    assert staging.flush("a") == 0
    staging.append("a", *page())
    assert staging.flush("a") == 0
    assert staged(staging, con) == []
    names = [row[0] for row in con.execute("DESCRIBE staged").fetchall()]
    assert names == STAGED_SCHEMA.names == [*FILE_SCHEMA.names, "seq", "selected"]


def test_rows_arrive_in_order_over_scopes_and_segments(con, tmp_path):
    """Their seq counts through all scopes; only what is flushed is there."""
    staging = Staging(tmp_path / "l[1]*", {})
    staging.append("a", *page("1", "2x"))
    staging.append("b/../\x00é" + "long" * 500, *page("3"))
    assert staging.flush("a") == 1
    assert staged(staging, con) == [("1", 0, True), ("2x", 1, False)]
    staging.append("a", *page("4"))
    staging.append("a", *page("5"))
    assert staging.flush("a") == 2
    assert staging.flush("a") == 2
    assert staging.flush("b/../\x00é" + "long" * 500) == 1
    assert [row[0] for row in staged(staging, con)] == ["1", "2x", "3", "4", "5"]


def test_a_resumed_listing_keeps_what_the_checkpoints_promise(con, tmp_path):
    """Later segments and half-written ones go, and seq goes on behind what is kept."""
    staging = Staging(tmp_path / "l1", {})
    for number in ("1", "2", "3"):
        staging.append("a", *page(number))
        staging.flush("a")
    staging.append("b", *page("4"))
    staging.flush("b")
    next((tmp_path / "l1").glob("*/00000003.parquet")).with_name("00000004.tmp").write_text("half")
    assert Staging.has(tmp_path / "l1", {"a": 2})
    resumed = Staging(tmp_path / "l1", {"a": 2})
    assert staged(resumed, con) == [("1", 0, True), ("2", 1, True)]
    assert sum(path.is_file() for path in (tmp_path / "l1").rglob("*")) == 2
    resumed.append("a", *page("5"))
    resumed.append("b", *page("6"))
    assert (resumed.flush("b"), resumed.flush("a")) == (1, 3)
    assert staged(resumed, con) == [("1", 0, True), ("2", 1, True), ("5", 2, True), ("6", 3, True)]


def test_a_listing_whose_segments_are_damaged_or_gone_cannot_resume(tmp_path):
    """It starts anew instead."""
    staging = Staging(tmp_path / "l1", {})
    staging.append("a", *page("1"))
    staging.flush("a")
    assert Staging.has(tmp_path / "l1", {"a": 1})
    assert not Staging.has(tmp_path / "l1", {"a": 2})
    assert not Staging.has(tmp_path / "l2", {"a": 1})
    segment = next((tmp_path / "l1").glob("*/*.parquet"))
    segment.write_bytes(segment.read_bytes()[:50])
    assert not Staging.has(tmp_path / "l1", {"a": 1})


def test_staging_is_discarded(tmp_path):
    """Alone, or all listings of an endpoint; twice is once."""
    for name in ("l1", "l2", "l3"):
        staging = Staging(tmp_path / "docs" / name, {})
        staging.append("a", *page("1"))
        staging.flush("a")
    for _ in range(2):
        staging.discard()
    assert sorted(path.name for path in (tmp_path / "docs").iterdir()) == ["l1", "l2"]
    for _ in range(2):
        Staging.discard_all(tmp_path / "docs")
    assert list((tmp_path / "docs").iterdir()) == []
    Staging.discard_all(tmp_path / "never")


def test_staging_on_a_full_disk_says_so(small_disk):
    """What was durable before stays durable."""
    staging = Staging(small_disk / "l1", {})
    staging.append("a", *page("1"))
    staging.flush("a")
    staging.append("a", *page(*(os.urandom(60).hex() for _ in range(20_000))))
    with pytest.raises(OutOfSpace, match="while staging a listing"):
        staging.flush("a")
    assert Staging.has(small_disk / "l1", {"a": 1})
