"""What is no size of a file."""

from filesync_dagster.core.schemas import build_batch


def test_a_size_below_nothing_is_not_known():
    """It is NULL, as when the store tells none; it is added to no total."""
    columns = {name: ["a", "b", "c"] for name in ("external_id", "name", "path")}
    batch = build_batch({**columns, "size": [-5, None, 7], "scope": ["", "", ""], "kind": ["file"] * 3}, 3)
    assert batch.column("size").to_pylist() == [None, None, 7]
