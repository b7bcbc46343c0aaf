"""Bugs in the listing that object stores share."""

from filesync_dagster_tests.planted_bugs.bug import Bug

HOSTILE = "filesync_dagster_tests/connectors/object_store/test_hostile_stores.py"
LOOKUPS = "filesync_dagster_tests/connectors/object_store/test_lookups.py"

BUGS = (
    Bug(
        "a range ends where the next was told to begin",
        "connectors/object_store/reader.py",
        "end = bisect_left(keys, met) if met else len(keys)",
        "end = bisect_right(keys, part.upto) if met else len(keys)",
        HOSTILE,
        "no_key_is_missing or twelve_thousand",
    ),
    Bug(
        "where an interrupted range goes on is believed",
        "connectors/object_store/reader.py",
        "if after is not None and not (page.keys and page.keys[0] <= known):",
        "if False:",
        HOSTILE,
        "interrupted_listing_goes_on",
    ),
    Bug(
        "a deleted key is a good place to go on from",
        "connectors/object_store/chain.py",
        "for before in dict.fromkeys((*self._keys[-2:-1], self._before)):",
        "for before in (last,):",
        HOSTILE,
        "last_one_is_deleted",
    ),
    Bug(
        "pages may hold the same for ever",
        "connectors/rest/paging.py",
        "if self._known_pages >= KNOWN_PAGES_MAX:",
        "if self._known_pages >= 10_000:",
        "filesync_dagster_tests/connectors/rest/test_paging.py",
        "hold_what_others_held",
    ),
    Bug(
        "a key that another one begins with is taken for it",
        "connectors/object_store/lookups.py",
        "    found = _rows(page.distinct(), {key})",
        "    found = page.rows([0]) if page.keys else None",
        LOOKUPS,
        "what_is_there_is_found",
    ),
    Bug(
        "the first key of a store without an order is all there is",
        "connectors/object_store/lookups.py",
        "    if page.truncated and key not in page.keys:",
        "    if False:",
        LOOKUPS,
        "promises_no_order",
    ),
    Bug(
        "an empty answer proves that a key is gone",
        "connectors/object_store/lookups.py",
        "    if found is None:\n        _prove_absent(store, key, stop)",
        "    if found is None:\n        pass",
        LOOKUPS,
        "empty_answer_removes_nothing",
    ),
    Bug(
        "what is before the first key of a page is gone",
        "connectors/object_store/lookups.py",
        "    begun = bisect_left(keys, page.keys[0]) if page.keys else len(keys)",
        "    begun = 0",
        LOOKUPS,
        "begins_late",
    ),
)
