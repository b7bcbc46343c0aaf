"""The reports about files as assets: what they show, when they are written, what happens when one cannot be."""

from datetime import UTC, datetime, timedelta
from xml.etree import ElementTree as ET

import dagster as dg
import pytest

from filesync_dagster.monitoring.reports import CATALOGUE
from filesync_dagster.monitoring.reports.charts import heat_map, ranked_bars, stacked_bars
from filesync_dagster.monitoring.reports.pictures import Grid, Ranking, Stacks
from filesync_dagster.orchestration.assets.inventory_reports import KEYS, draw
from filesync_dagster.orchestration.schedules import report_schedules
from filesync_dagster_tests.orchestration.assets.test_endpoints import complaint, shown
from filesync_dagster_tests.orchestration.conftest import today
from filesync_dagster_tests.sync.memory_store import STORES

ALL = [["filesync_reports", name] for name in CATALOGUE]


@pytest.fixture
def made(project, store):
    """Two synced stores, one of which changed, and one that was never synced."""
    made = project(store("a", files=10), store("b", files=4), store("never"))
    with made.open() as filesync:
        for name in ("a", "b"):
            assert filesync.sync(name).error is None
        STORES["a"].put("new", size=1000)
        assert filesync.sync("a").error is None
    return made


def test_each_shows_its_numbers_its_rows_and_its_picture(made):
    """All by one op; the numbers are those of the Python API."""
    result = made.materialize(*ALL)
    assert result.success
    found = shown(result)
    assert set(found) == set(CATALOGUE)
    with made.open() as filesync:
        for name, metadata in found.items():
            report = filesync.report(name)
            assert {key: metadata[key] for key in report.numbers} == report.numbers
            assert metadata["chart"].startswith(f"![{report.title} on {today()}](data:image/svg+xml;base64,")
            svg = (made.home / "reports" / name / f"{today()}.svg").read_text()
            assert ET.fromstring(svg).tag.endswith("svg")
            assert [list(row) for row in metadata.get("rows", [])] == [list(row) for row in report.rows]
    assert found["biggest_files"]["rows"][0]["path"] == "new"
    assert found["biggest_files"]["bytes_total"] == sum(range(1, 11)) + sum(range(1, 5)) + 1000
    assert found["activity"]["changes_total"] == 1
    assert "1 of 3 endpoints" in found["duplicates"]["notes"]


def test_a_day_of_which_nothing_is_known_has_the_same_numbers(made):
    """So that the plots have no holes."""
    before, now = (shown(made.materialize(*ALL, day=day)) for day in ("2026-01-05", today()))
    for name in CATALOGUE:
        numbers = {key for key, value in now[name].items() if isinstance(value, int)}
        assert numbers == {key for key, value in before[name].items() if isinstance(value, int)}
    assert before["storage_by_type"]["files_total"] == 0


def test_one_can_be_written_alone(made):
    """The others are skipped."""
    assert set(shown(made.materialize(ALL[4]))) == {"exposure"}


def test_one_that_cannot_be_written_does_not_keep_the_others(made):
    """The run fails in the end and says which, and why."""
    (made.home / "reports").mkdir(parents=True)
    (made.home / "reports" / "duplicates").write_text("a file where a folder must be")
    result = made.materialize(*ALL)
    assert not result.success
    assert set(shown(result)) == set(CATALOGUE) - {"duplicates"}
    why = complaint(result)
    assert why.startswith("1 of 8 reports could not be written. duplicates: The folder")
    assert "Set FILESYNC_HOME to a writable folder." in why


def test_a_picture_that_cannot_be_kept_does_not_keep_the_other_reports(made):
    """A disk that is full, or as here a folder where its file should be."""
    (made.home / "reports" / "duplicates" / f"{today()}.svg").mkdir(parents=True)
    result = made.materialize(*ALL)
    assert set(shown(result)) == set(CATALOGUE) - {"duplicates"}
    assert "writing the picture" in complaint(result)


def test_the_lineage_leads_from_every_endpoint_to_every_report(made):
    """Through one node, however many of both there are."""
    graph = made.definitions.resolve_asset_graph()
    for key in KEYS.values():
        assert dg.AssetKey(["filesync", "a"]) in graph.get_ancestor_asset_keys(key)
        assert len(graph.get(key).parent_keys) == 1


def test_they_are_written_every_six_hours_and_once_more_at_the_end_of_a_day(made):
    """In the night, yesterday's are finished. What is asked for can be run."""
    _, schedule = report_schedules(made.open().config.settings)
    repository = made.definitions.get_repository_def()
    asked = [
        schedule.evaluate_tick(
            dg.build_schedule_context(
                made.instance, datetime(2026, 6, 2, hour, 35, tzinfo=UTC), repository_def=repository
            )
        ).run_requests
        for hour in (0, 6, 18)
    ]
    days = [[request.partition_key for request in requests] for requests in asked]
    assert days == [["2026-06-01", "2026-06-02"], ["2026-06-02"], ["2026-06-02"]]
    assert set(asked[0][0].asset_selection) == set(KEYS.values())
    job = made.definitions.resolve_job_def("sync")
    yesterday = f"{datetime.now(UTC).date() - timedelta(days=1)}"
    result = job.execute_in_process(
        partition_key=yesterday, asset_selection=asked[0][0].asset_selection, instance=made.instance
    )
    assert set(shown(result)) == set(CATALOGUE)


NASTY = '"<&>\x00\x1b\udce9]]>' + "x" * 60


@pytest.mark.parametrize("values", [(), (0.0,), (1.0, 0.0), (3.0, 999_999_999_999.0)])
def test_pictures_are_well_formed_whatever_they_show(values):
    """Names that XML forbids, nothing to show, only zeros; no name is longer than its room."""
    names = tuple(f"{NASTY}{i}" for i in range(len(values)))
    for picture in (
        Ranking(names, {"": values}, "B"),
        Ranking(names, {NASTY: values, "z": values}),
        Stacks(names, {f"{NASTY}{i}": values for i in range(8)}, "B"),
        Grid(names, names, (values,) * len(names)),
    ):
        svg = draw(picture, NASTY)
        assert ET.fromstring(svg.encode()).tag.endswith("svg")


def rects(svg):
    """Return (hint, box) of everything that has one."""
    spaced = "{http://www.w3.org/2000/svg}"
    return [
        (rect.find(f"{spaced}title").text, {name: rect.attrib[name] for name in ("x", "y", "width", "height")})
        for rect in ET.fromstring(svg).iter(f"{spaced}rect")
        if rect.find(f"{spaced}title") is not None
    ]


def test_a_bar_is_as_long_as_its_amount():
    """And says it in words."""
    found = rects(ranked_bars("t", ["large", "small"], {"": [200.0, 50.0]}, "B"))
    assert [hint for hint, _ in found] == ["large: 200 B", "small: 50 B"]
    assert float(found[0][1]["width"]) == pytest.approx(4 * float(found[1][1]["width"]), abs=0.2)


def test_a_grid_has_a_cell_for_each_amount():
    """Zeros, too."""
    found = rects(heat_map("t", ["Mon", "Tue"], ["00", "01", "02"], [[0, 1, 2], [3, 0, 5000]]))
    assert [hint for hint, _ in found] == [
        "Mon 00: 0", "Mon 01: 1", "Mon 02: 2", "Tue 00: 3", "Tue 01: 0", "Tue 02: 5k",
    ]  # fmt: skip
    assert len({(box["x"], box["y"]) for _, box in found}) == 6


def test_names_that_do_not_fit_beside_the_title_stand_below_it():
    """Eight endpoints with long names: nothing is drawn outside of the page."""
    names = [f"engineering_department_{i}" for i in range(8)]
    svg = stacked_bars("Storage by age on 2026-11-21", ["now"], {name: [1.0] for name in names}, "B")
    page = ET.fromstring(svg)
    width, height = (float(page.attrib[name]) for name in ("width", "height"))
    keys = [box for hint, box in rects(svg) if hint in names]
    assert len(keys) == 8
    assert all(0 <= float(box["x"]) < width and 18 < float(box["y"]) < height for box in keys)
    assert len({(box["x"], box["y"]) for box in keys}) == 8
