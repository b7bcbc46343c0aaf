"""The last good configuration: what runs after an edit that breaks something."""

import stat

import pytest

from filesync_dagster.config import read_environment, remember, running_config
from filesync_dagster.config.last_good import copy_of
from filesync_dagster.core.errors import ConfigError

GOOD = """\
endpoints:
  - {name: a, type: local, endpoint_details: {path: a}}
  - {name: b, type: local, endpoint_details: {path: "${WHERE:-b}"}}
"""
WITHOUT_A_BRACE = "endpoints:\n  - {name: a"


@pytest.fixture
def edit(tmp_path):
    """Return what replaces the file and returns the environment that sees it."""

    def write(text, **variables):
        if text is not None:
            (tmp_path / "endpoints.yaml").write_text(text)
        return read_environment(tmp_path / "endpoints.yaml", {"FILESYNC_HOME": str(tmp_path / "home"), **variables})

    return write


def titles(config):
    """Return the titles of the endpoints that run, by name."""
    return {endpoint.name: endpoint.label for endpoint in config.active}


def test_a_file_that_cannot_be_used_is_as_if_it_were_not_written(edit):
    """All that ran runs on, the problems are told, and a later good edit takes effect."""
    environment = edit(GOOD)
    assert remember(environment)
    edit(WITHOUT_A_BRACE)
    assert not remember(environment)
    config = running_config(environment)
    assert titles(config) == {"a": "a", "b": "b"}
    assert "endpoints.yaml:3: this is not YAML" in config.problems[0]
    edit(GOOD.replace("name: b,", "name: c,"))
    assert remember(environment)
    assert titles(running_config(environment)) == {"a": "a", "c": "c"}
    assert not running_config(environment).problems


def test_a_broken_entry_runs_as_it_was_and_its_neighbours_as_they_are(edit):
    """Only what is wrong is held back; what was removed is gone, what is new and broken has nothing to run."""
    environment = edit(GOOD.replace("name: b,", "name: b, title: Before,") + "  - {name: c, type: local,"
                       " endpoint_details: {path: c}}\n")  # fmt: skip
    assert remember(environment)
    broken = GOOD.replace("name: a,", "name: a, title: New,").replace("name: b,", "name: b, title: Now, typ: local,")
    edit(broken + "  - {name: d, type: lokal, endpoint_details: {path: d}}\n")
    config = running_config(environment)
    assert titles(config) == {"a": "New", "b": "Before"}
    assert {entry.name: entry.kept for entry in config.broken} == {"b": True, "d": False}
    assert len(config.problems) == 2
    assert config.endpoint("b").label == "Before"


@pytest.mark.parametrize("name", ["nmae: b", "name: B", "name: [b]"])
def test_an_entry_that_lost_its_name_takes_nobody_with_it(edit, name):
    """It may be the one that is missing, which goes on until that is clear."""
    environment = edit(GOOD)
    remember(environment)
    edit(GOOD.replace("name: b", name))
    assert not remember(environment)
    assert titles(running_config(environment)) == {"a": "a", "b": "b"}
    assert running_config(environment).problems
    edit("endpoints:\n" + GOOD.splitlines()[1])
    assert titles(running_config(environment)) == {"a": "a"}


def test_an_edit_that_breaks_what_worked_is_not_remembered(edit):
    """However often it is looked at; one that breaks only what never worked is."""
    environment = edit(GOOD.replace("name: b, type: local", "name: b, type: lokal"))
    assert remember(environment), "there is nothing better"
    edit(GOOD.replace("name: a,", "name: a, title: One,"))
    assert remember(environment)
    edit(GOOD.replace("name: a,", "name: a, is_activ: false,"))
    assert not remember(environment)
    assert not remember(environment)
    assert titles(running_config(environment)) == {"a": "One", "b": "b"}


def test_without_a_good_one_the_problems_are_all_there_is(edit):
    """Nobody remembers anything that never worked."""
    environment = edit(WITHOUT_A_BRACE)
    assert not remember(environment)
    with pytest.raises(ConfigError, match="not YAML"):
        running_config(environment)


def test_a_deleted_file_stops_nobody(edit, tmp_path):
    """It says that the file is not there."""
    environment = edit(GOOD)
    remember(environment)
    (tmp_path / "endpoints.yaml").unlink()
    config = running_config(environment)
    assert titles(config) == {"a": "a", "b": "b"}
    assert "no such file" in config.problems[0]


def test_the_copy_holds_references_and_only_its_owner_reads_it(edit):
    """A password that comes from the environment is not in it; one that is written there is seen by nobody else."""
    environment = edit(GOOD, WHERE="hush")
    remember(environment)
    copy = copy_of(environment)
    assert "hush" not in copy.read_text()
    assert stat.S_IMODE(copy.stat().st_mode) == 0o600
    assert [path.name for path in copy.parent.iterdir()] == [copy.name]


def test_a_path_stays_beside_the_file_that_names_it(edit, tmp_path):
    """The copy lies elsewhere; what it says does not."""
    environment = edit(GOOD)
    remember(environment)
    edit(WITHOUT_A_BRACE)
    assert running_config(environment).endpoint("a").public_details()["path"] == str(tmp_path / "a")


def test_a_home_that_is_a_file_stops_nobody(edit, tmp_path):
    """It runs without a memory."""
    environment = edit(GOOD)
    (tmp_path / "home").write_text("")
    assert not remember(environment)
    assert titles(running_config(environment)) == {"a": "a", "b": "b"}


def test_a_queue_that_breaks_goes_on_as_it_was(edit):
    """And an endpoint that the same edit takes out is gone: the entry that is broken cannot be it."""
    queues = "queues:\n  - {name: events, type: sqs, queue_url: 'https://sqs.eu-west-1.amazonaws.com/1/events'}\n"
    assert remember(edit(queues + GOOD))
    environment = edit(queues.replace("queue_url", "queue_adress") + GOOD.replace("  - {name: b,", "#"))

    assert not remember(environment)
    config = running_config(environment)
    assert [queue.name for queue in config.queues] == ["events"]
    assert titles(config) == {"a": "a"}
    assert "'queue_adress'" in " ".join(config.problems)
    assert [(entry.name, entry.kept) for entry in config.broken] == [("queue events", True)]

    environment = edit(GOOD)
    assert remember(environment)
    assert running_config(environment).queues == ()


ENTRY = "  - {name: NAME, type: local, title: TITLE, endpoint_details: {path: NAME}}\n"


def entries(**named):
    """Return a file with an entry of each name; `!` at the end of its title breaks it."""
    made = [ENTRY.replace("NAME", name).replace("TITLE", title) for name, title in named.items()]
    return "endpoints:\n" + "".join(one.replace("type: local", "typ: local") if "!" in one else one for one in made)


def test_edits_beside_a_broken_entry_are_not_forgotten(edit):
    """What they changed, added and removed is what runs when the file cannot be used, or when they break themselves."""
    environment = edit(entries(a="one", x="one", gone="one"))
    assert remember(environment)
    for title in ("two", "three"):
        edit(entries(a=title, x="two!", new=title))
        assert not remember(environment)
        assert titles(running_config(environment)) == {"a": title, "new": title, "x": "one"}
    edit(WITHOUT_A_BRACE)
    assert not remember(environment)
    assert titles(running_config(environment)) == {"a": "three", "new": "three", "x": "one"}
    edit(entries(a="four!", x="two!", new="three"))
    assert not remember(environment)
    assert titles(running_config(environment)) == {"new": "three", "a": "three", "x": "one"}
    edit(entries(a="four", new="three"))
    assert remember(environment)
    assert titles(running_config(environment)) == {"a": "four", "new": "three"}


def test_what_is_kept_of_an_entry_stays_as_it_was_written(edit):
    """Its references, its odd characters, and what it shares with others; however often it is kept."""
    shared = "  - {name: c, type: local, title: 'Ünï: \\u0007 #', endpoint_details: &where {path: \"${WHERE}\"}}\n"
    good = "endpoints:\n" + shared + "  - {name: d, type: local, endpoint_details: {<<: *where}}\n"
    environment = edit(good, WHERE="hush")
    assert remember(environment)
    before = {name: running_config(environment).endpoint(name) for name in "cd"}
    for title in ("one", "two"):
        edit(entries(c="one!", d="one!", a=title))
        assert not remember(environment)
    assert {name: running_config(environment).endpoint(name) for name in "cd"} == before
    assert copy_of(environment).read_text().count("${WHERE}") == 1
    assert "hush" not in copy_of(environment).read_text()


def test_queues_that_are_no_list_go_on_as_they_were(edit):
    """Any of them may be meant."""
    queues = "queues:\n  - {name: events, type: sqs, queue_url: 'https://sqs.eu-west-1.amazonaws.com/1/events'}\n"
    remember(edit(queues + GOOD))
    environment = edit("queues: {name: events}\n" + GOOD)
    for _ in range(2):
        assert not remember(environment)
        assert [queue.name for queue in running_config(environment).queues] == ["events"]
    edit(WITHOUT_A_BRACE)
    assert [queue.name for queue in running_config(environment).queues] == ["events"]
