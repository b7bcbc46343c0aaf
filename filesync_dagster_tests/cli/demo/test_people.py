"""What people do to the stores of the demo, and that a store behind a simulator can be had again."""

import random
from collections import Counter

import pytest

from filesync_dagster.cli.demo.mutations import People
from filesync_dagster_tests.cli.demo.conftest import simulated

EVERYWHERE = {"added", "edited", "renamed", "moved"}
WORDS = {
    "company_drive": EVERYWHERE | {"wrote", "restored", "trashed"},
    "clinic_acc": EVERYWHERE | {"hidden"},
    "office_share": EVERYWHERE | {"deleted"},
}


@pytest.mark.parametrize(("store", "words"), WORDS.items(), indirect=["store"])
def test_people_work_with_what_is_there(store, words):
    """Every kind of thing happens, and nothing in the folder that is renamed: counts and words agree."""
    rng = random.Random(3)

    done = People(store, rng).play_morning()

    assert {sentence.split()[0] for sentence in done} == words
    folder = done[-1].removeprefix("renamed ").strip().split("/ -> ")[0]
    assert not any(f"{folder}/" in sentence for sentence in done[:-1])
    for _ in range(30):
        People(store, rng).a_minute()
    assert store.listing()


@pytest.mark.parametrize("store", ["company_drive", "clinic_acc"], indirect=True)
def test_a_simulated_store_is_rebuilt(store, tmp_path, request):
    """After what was written down was done again, a new simulator has the same files under the same ids."""
    rng = random.Random(5)
    People(store, rng).play_morning()
    name = request.node.callspec.params["store"]

    with simulated(name, tmp_path) as again:
        assert Counter(again.listing()) == Counter(store.listing())
        assert again.ids == store.ids
        People(again, rng).play_morning()


@pytest.mark.parametrize("store", ["company_drive"], indirect=True)
def test_two_files_of_one_name_are_two(store):
    """Drive keeps both; so does what the demo compares the inventory with."""
    path = "Pier 12/Photos/IMG_001.jpg"
    assert [where for where, _ in store.listing()].count(path) == 2

    store.delete(path)

    assert [where for where, _ in store.listing()].count(path) == 1
