"""What every connector must do, whatever it talks to: the executable half of `connectors/base.py`.

Tests ask a source for its capabilities, never for its vendor.
"""

import threading
from typing import Any

import psutil
import pytest

from filesync_dagster.connectors.base import (
    ExplainableSource,
    HistoricalSource,
    IncrementalSource,
    LookupSource,
    Source,
)
from filesync_dagster.core.digests import new_digest
from filesync_dagster.core.errors import NotFound, SourceError
from filesync_dagster.core.model import Kind, Meter, to_storable_text
from filesync_dagster.core.schemas import ENTRY_FIELDS, FILE_SCHEMA, build_batch
from filesync_dagster.testing.rows import TREE, files, ids, many, pages, populate, rows
from filesync_dagster.testing.suite import PlaceSuite


class ListingSuite(PlaceSuite):
    """Tests of `Source`, for the place of a subclass."""

    def test_an_empty_place_is_listed_as_empty(self, place: Any, source: Source) -> None:
        """Nothing there: no rows, no error."""
        assert rows(place, source) == []

    def test_emptiness_is_explained(self, place: Any, source: Source) -> None:
        """A source that can tell why there is nothing tells it, in a sentence, and nothing once there is something."""
        if not isinstance(source, ExplainableSource):
            pytest.skip("this source cannot tell why there is nothing")

        empty = source.explain_emptiness()
        place.write("a.txt", b"content")

        assert empty is not None
        assert empty.rstrip()[-1] in ".?"
        assert source.explain_emptiness() is None

    def test_one_file(self, place: Any, source: Source) -> None:
        """A single file is listed with what is known of it."""
        place.write("a.txt", b"content")

        (row,) = rows(place, source)

        assert row["name"] == row["path"] == "a.txt"
        assert row["kind"] == Kind.FILE
        assert row["size"] == len(b"content")
        assert row["mime_type"] in {None, "text/plain"}
        assert row["version"]
        assert row["modified_at"] is not None
        assert row["trashed"] is False
        assert row["scope"] in source.scopes()

    def test_a_tree(self, place: Any, source: Source) -> None:
        """Every file of a tree is listed once, under its path and with its size."""
        populate(place, TREE)

        found = files(place, source)

        assert {path: len(content) for path, content in TREE.items()} == {
            path: row["size"] for path, row in found.items()
        }
        assert {path: path.rpartition("/")[2] for path in TREE} == {path: row["name"] for path, row in found.items()}

    def test_paths_follow_from_parents(self, place: Any, source: Source) -> None:
        """A row's path is its parent's path, a slash and its name; it comes later, unless paths are derived."""
        populate(place, TREE)

        known = {}
        if source.capabilities.derives_paths:
            known = {row["external_id"]: row["path"] for row in rows(place, source)}
        for row in rows(place, source) if known else [row for page in pages(source) for row in page.batch.to_pylist()]:
            known[row["external_id"]] = row["path"]
            if row["parent_id"] is not None:
                assert row["path"] == f"{known[row['parent_id']]}/{row['name']}"

    def test_names_stand_in_for_paths_that_are_derived(self, place: Any, source: Source) -> None:
        """A source whose paths are derived leaves that to the sync."""
        if not source.capabilities.derives_paths:
            pytest.skip("this source has paths of its own")
        populate(place, TREE)

        assert all(page.batch["path"].equals(page.batch["name"]) for page in pages(source))

    def test_hostile_names(self, place: Any, source: Source) -> None:
        """Every name that the store can hold is listed as it is."""
        populate(place, {path: str(number).encode() for number, path in enumerate(place.hostile_names)})

        found = files(place, source)

        assert {to_storable_text(name.encode()) for name in place.hostile_names} == set(found)
        assert len(found) == len({row["external_id"] for row in found.values()})

    def test_entries_that_are_looked_up_are_as_they_are_listed(self, place: Any, source: Source) -> None:
        """To the fingerprint: what events name is compared with what listings found."""
        if not source.capabilities.lookups:
            pytest.skip("this source cannot tell of single entries alone")
        assert isinstance(source, LookupSource)
        populate(place, {path: str(number).encode() for number, path in enumerate(place.hostile_names)})
        listed = {row["external_id"]: row for row in rows(place, source)}
        asked = [external_id for external_id in listed if "\\x" not in external_id]

        (scope,) = source.scopes()
        found = [
            row
            for page in source.lookup([*asked, "not there", asked[0] + "x"], scope)
            for row in page.batch.to_pylist()
        ]

        assert {row["external_id"]: row for row in found} == {external_id: listed[external_id] for external_id in asked}
        assert len(found) == len(asked)

    def test_many_pages(self, place: Any, source: Source) -> None:
        """Pages are as small as asked for, and together they have every entry exactly once."""
        tree = many(57)
        populate(place, tree)

        found = pages(source)

        assert len(found) > len(tree) // 10
        assert max(page.batch.num_rows for page in found) <= 10
        assert len(ids(found)) == len(set(ids(found)))
        assert set(tree) == set(files(place, source))

    def test_batches_are_sealed(self, place: Any, source: Source) -> None:
        """Batches are in FILE_SCHEMA and their hashes are those of their rows."""
        populate(place, TREE)

        for page in pages(source):
            page.batch.validate(full=True)
            assert page.batch.schema.equals(FILE_SCHEMA)
            entries = {field.name: page.batch[field.name] for field in ENTRY_FIELDS}
            assert page.batch.equals(build_batch(entries, page.batch.num_rows))

    def test_resuming_from_every_checkpoint(self, place: Any, source: Source) -> None:
        """A listing that resumes after a page yields exactly what that page and those before it did not."""
        populate(place, many(57))
        whole = pages(source)

        assert [page for page in whole if page.checkpoint is not None]
        for done, page in enumerate(whole, start=1):
            if page.checkpoint is not None:
                rest = ids(pages(source, page.checkpoint))
                assert len(rest) == len(set(rest))
                assert set(rest) == set(ids(whole)) - set(ids(whole[:done]))

    def test_a_checkpoint_survives_the_source(self, place: Any, source: Source) -> None:
        """Another source, in another process perhaps, resumes where the first one stopped."""
        populate(place, many(30))
        whole = pages(source)
        source.close()

        second = place.open(Meter())
        rest = ids(pages(second, whole[0].checkpoint))
        second.close()

        assert set(rest) == set(ids(whole)) - set(ids(whole[:1]))

    @pytest.mark.parametrize("checkpoint", ["nonsense", "{}", "[]", "null", '{"at": 1}'])
    def test_an_unknown_checkpoint_restarts(self, place: Any, source: Source, checkpoint: str) -> None:
        """What is no checkpoint (any more) costs time, not entries."""
        populate(place, TREE)

        assert rows(place, source, checkpoint) == rows(place, source)

    @pytest.mark.parametrize("landmarks", [["folder/b.txt"], ["", "a", "z"], ["zzz"] * 3, ["\x01", "é", "\U0010ffff"]])
    def test_landmarks_do_not_matter(self, place: Any, source: Source, landmarks: list[str]) -> None:
        """Wherever the work is cut, the result is the same."""
        populate(place, TREE)

        assert rows(place, source, landmarks=landmarks) == rows(place, source)

    def test_real_landmarks_do_not_matter(self, place: Any, source: Source) -> None:
        """Cutting at ids of the last listing gives the same rows."""
        populate(place, many(40))
        known = sorted(ids(pages(source)))

        assert sorted(ids(pages(source, landmarks=known[::7]))) == known

    def test_closing_early_stops_all_work(self, place: Any) -> None:
        """A listing that is given up leaves neither threads nor open files behind."""
        populate(place, many(57))
        warm = place.open(Meter())
        pages(warm)
        warm.close()
        process, threads = psutil.Process(), threading.active_count()
        descriptors = process.num_fds()

        for taken in (1, 3):
            source = place.open(Meter())
            scope = source.scopes()[0]
            listing = source.list(scope)
            for _ in range(taken):
                next(listing)
            listing.close()
            source.close()

        assert threading.active_count() <= threads
        assert process.num_fds() <= descriptors

    def test_listing_twice_gives_the_same(self, place: Any, source: Source) -> None:
        """Nothing changed, so no row changes, not even its fingerprint."""
        populate(place, TREE)

        assert rows(place, source) == rows(place, source)

    def test_a_rename(self, place: Any, source: Source) -> None:
        """A renamed file keeps its id if ids are stable; its content is the same in any case."""
        populate(place, TREE)
        before = files(place, source)

        place.rename("folder/b.txt", "folder/renamed.txt")

        after = files(place, source)
        assert set(after) == set(before) - {"folder/b.txt"} | {"folder/renamed.txt"}
        old, new = before["folder/b.txt"], after["folder/renamed.txt"]
        assert source.capabilities.stable_ids == (old["external_id"] == new["external_id"])
        assert (old["size"], old["content_hash"]) == (new["size"], new["content_hash"])
        untouched = set(TREE) - {"folder/b.txt"}
        assert {path: before[path] for path in untouched} == {path: after[path] for path in untouched}

    def test_a_moved_folder(self, place: Any, source: Source) -> None:
        """Moving a folder changes its own row; the rows below it keep everything but their path."""
        populate(place, TREE)
        before = {row["path"]: row for row in rows(place, source)}
        if "folder" not in before or not source.capabilities.stable_ids:
            pytest.skip("this source has no folders that keep their id")

        place.rename("folder", "other/moved")

        after = {row["path"]: row for row in rows(place, source)}
        assert before["folder"]["external_id"] == after["other/moved"]["external_id"]
        for path in ("b.txt", "c.PDF", "deeper", "deeper/still", "deeper/still/d"):
            old, new = before[f"folder/{path}"], after[f"other/moved/{path}"]
            assert new == {**old, "path": f"other/moved/{path}"}

    def test_an_overwrite_is_seen(self, place: Any, source: Source) -> None:
        """New content of the same size, even with the old modification time, changes the fingerprint but not the id."""
        populate(place, TREE)
        before = files(place, source)["folder/c.PDF"]

        place.overwrite("folder/c.PDF", b"CCC")

        after = files(place, source)["folder/c.PDF"]
        assert before["external_id"] == after["external_id"]
        assert before["fingerprint"] != after["fingerprint"]

    def test_a_delete(self, place: Any, source: Source) -> None:
        """A deleted file is not listed; the others are as they were."""
        populate(place, TREE)
        before = files(place, source)

        place.delete("other/b.txt")

        before.pop("other/b.txt")
        assert before == files(place, source)

    def test_a_deleted_and_rewritten_file(self, place: Any, source: Source) -> None:
        """A new file at an old path is listed once, with its new content's size."""
        populate(place, TREE)
        pages(source)

        place.delete("a.txt")
        place.write("a.txt", b"other")

        assert files(place, source)["a.txt"]["size"] == len(b"other")

    def test_hashes(self, place: Any, source: Source) -> None:
        """Hashes, where a source has them, are those of the content."""
        if not source.capabilities.hashes:
            pytest.skip("this source has no content hashes")
        populate(place, TREE)
        own = getattr(place, "digest", None)

        for path, row in files(place, source).items():
            algorithm, _, digest = row["content_hash"].partition(":")
            assert digest == (own(TREE[path]) if own else _digest_of(algorithm, TREE[path]))

    def test_permissions(self, place: Any, source: Source) -> None:
        """Permissions are there exactly when the source says so, of the kinds of entries that have some."""
        populate(place, TREE)
        found, kinds = rows(place, source), getattr(place, "permitted", set(Kind))

        there = {row["permissions"] is not None for row in found if row["kind"] in kinds}

        assert there == {source.capabilities.permissions}
        assert not [row["path"] for row in found if row["permissions"] is not None and row["kind"] not in kinds]

    def test_a_missing_place(self, place: Any) -> None:
        """A source of nothing can be made (no I/O yet); listing or checking it says what is not there."""
        source = place.open_missing(Meter())
        scope = source.scopes()[0]

        with pytest.raises(NotFound) as listing:
            list(source.list(scope))
        with pytest.raises(SourceError) as checking:
            source.check()

        assert listing.value.hint
        assert checking.value.hint
        source.close()

    def test_check(self, place: Any, source: Source) -> None:
        """A check tells what can be seen, how fast, and that nothing is amiss."""
        populate(place, TREE)

        report = source.check()

        assert report.latency_ms >= 0
        assert report.sees
        assert report.permissions
        assert report.problems == ()

    def test_the_meter_counts_calls(self, place: Any) -> None:
        """What a listing costs is counted, and a resumed listing is not a whole one again."""
        populate(place, many(57))
        whole, part = Meter(), Meter()
        first, second = place.open(whole), place.open(part)

        found = pages(first)
        pages(second, found[-1].checkpoint)
        first.close()
        second.close()

        assert whole.api_calls > 0
        assert part.api_calls < whole.api_calls

    def test_the_facts_agree(self, place: Any, source: Source) -> None:
        """Capabilities are what the source can do; scopes are stable."""
        assert source.scopes() == source.scopes() != ()
        assert isinstance(source, Source)
        assert isinstance(source, HistoricalSource) == source.capabilities.history
        connector = place.connector
        assert isinstance(source, IncrementalSource) == connector.incremental
        assert not connector.incremental or source.capabilities.derives_paths
        assert set(source.capabilities.pair_by) <= set(FILE_SCHEMA.names)

    def test_close_is_idempotent(self, place: Any) -> None:
        """Closing twice, or without ever listing, is fine."""
        source = place.open(Meter())
        source.close()
        source.close()


def _digest_of(algorithm: str, content: bytes) -> str:
    digest = new_digest(algorithm)
    digest.update(content)
    return digest.hexdigest()
