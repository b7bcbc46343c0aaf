"""What people do to the stores of the demo, and that a store behind a simulator can be had again."""

import random
from collections import Counter
from contextlib import closing

import pytest

from filesync_dagster.cli.demo.microsoft import OneDrive, SharePointSite
from filesync_dagster.cli.demo.mutations import People
from filesync_dagster.cli.demo.record import Record
from filesync_dagster.cli.demo.simulated_stores import Control
from filesync_dagster.cli.demo.stage import SIMULATED_STORES
from filesync_dagster.simulators import SIMULATORS
from filesync_dagster.simulators.kit.wire import serve_simulator
from filesync_dagster_tests.cli.demo.conftest import simulated

OBJECTS = ["scans_gcs", "models_azure"]
FOLDERS = [name for name in SIMULATED_STORES if name not in OBJECTS]
EVERYWHERE = {"added", "edited", "renamed", "moved"}
WORDS = {
    "company_drive": EVERYWHERE | {"wrote", "restored", "trashed"},
    "clinic_acc": EVERYWHERE | {"hidden"},
    "office_share": EVERYWHERE | {"deleted"},
    "tenders_sharepoint": EVERYWHERE | {"trashed"},
    "ada_onedrive": EVERYWHERE | {"trashed"},
    "photos_dropbox": EVERYWHERE | {"deleted"},
    "clients_box": EVERYWHERE | {"trashed"},
    "scans_gcs": EVERYWHERE | {"deleted"},
    "models_azure": EVERYWHERE | {"deleted"},
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


@pytest.mark.parametrize("store", [*FOLDERS, *OBJECTS], indirect=True)
def test_a_simulated_store_is_rebuilt(store, tmp_path, request):
    """After what was written down was done again, a new simulator has the same files under the same ids."""
    rng = random.Random(5)
    People(store, rng).play_morning()
    name = request.node.callspec.params["store"]

    with simulated(name, tmp_path) as again:
        assert Counter(again.listing()) == Counter(store.listing())
        assert name in OBJECTS or again.ids == store.ids
        People(again, rng).play_morning()


def test_stores_of_one_simulator_are_rebuilt_together(tmp_path):
    """What was done in a site and a OneDrive by turns is done again by turns: ids come from one vendor."""

    def at_work(*, work):
        with serve_simulator(SIMULATORS["microsoft"]()) as url, closing(Control(url)) as control:
            record = Record(tmp_path / "microsoft.jsonl")
            stores = [use(control, record) for use in (SharePointSite, OneDrive)]
            record.rebuild()
            for number in range(work):
                stores[number % 2].put(f"Documents/{number}.txt", "text")
            return [store.ids for store in stores]

    before = at_work(work=4)

    assert at_work(work=0) == before
    assert all(len(ids) > 2 for ids in before)


@pytest.mark.parametrize("store", ["company_drive"], indirect=True)
def test_two_files_of_one_name_are_two(store):
    """Drive keeps both; so does what the demo compares the inventory with."""
    path = "Pier 12/Photos/IMG_001.jpg"
    assert [where for where, _ in store.listing()].count(path) == 2

    store.delete(path)

    assert [where for where, _ in store.listing()].count(path) == 1
