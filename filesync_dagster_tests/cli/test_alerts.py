"""filesync alerts, and what other commands say of alerts."""

import json

import pytest
import yaml

from filesync_dagster_tests.monitoring.alerts.receivers import Hook


@pytest.fixture
def hook():
    """Return a webhook."""
    with Hook() as opened:
        yield opened


@pytest.fixture
def telling(shell, hook):
    """Return a shell whose only endpoint has no folder, with a channel to tell."""
    shell.write(shell.endpoint(endpoint_details={"path": str(shell.folder / "nowhere")}))
    whole = yaml.safe_load(shell.config.read_text())
    shell.config.write_text(yaml.safe_dump({**whole, "alerts": {"urls": [hook.url]}}))
    return shell


@pytest.mark.slow
def test_a_sync_tells_and_alerts_shows(telling, hook):
    """What was told is listed, with what to do."""
    assert telling.run("alerts").stdout == "Nothing is wrong.\n"
    assert telling.run("sync").exit_code == 1
    assert hook.titles == ["filesync: docs: failed"]
    shown = telling.run("alerts")
    assert shown.exit_code == 0
    assert "docs     failed" in shown.stdout
    assert "`filesync sync docs` tries again at once." in shown.stdout
    [alert] = telling.json("alerts", "--json")
    assert (alert["subject"], alert["kind"], alert["told"], alert["cleared_at"]) == ("docs", "failed", ["1 json"], None)
    [status] = telling.json("status", "--json")
    assert status["alerts"] == ["failed"]


@pytest.mark.slow
def test_what_is_over_is_shown_when_asked_for(telling, hook):
    """As long as maintenance leaves it."""
    telling.run("sync")
    (telling.folder / "nowhere").mkdir()
    telling.run("sync")
    assert hook.titles == ["filesync: docs: failed", "filesync: docs: recovered (failed)"]
    assert telling.run("alerts").stdout == "Nothing is wrong.\n"
    assert "failed (over)" in telling.run("alerts", "--all").stdout


@pytest.mark.slow
def test_once_is_for_cron(telling, hook):
    """It looks and tells; a channel that fails is an error, and status says so too."""
    hook.refuses = True
    telling.run("sync")
    hook.refuses = False
    assert "1 json: The channel 1 json could not be told" in telling.run("status").stdout
    assert telling.run("alerts", "--once").exit_code == 0, "the channel is given a rest"
    assert hook.posts == []
    telling.write(telling.endpoint(), telling.endpoint(name="other", endpoint_details={"path": "nowhere"}))
    whole = yaml.safe_load(telling.config.read_text())
    telling.config.write_text(yaml.safe_dump({**whole, "alerts": {"urls": ["json://127.0.0.1:1/secretsecret"]}}))
    telling.run("sync", "other")
    again = telling.run("alerts", "--once", "--all")
    assert "secretsecret" not in again.output + json.dumps(telling.json("alerts", "--json", "--all"))


def test_a_test_message_is_sent_to_each_channel(telling, hook):
    """Nothing else is looked at."""
    result = telling.run("alerts", "--test")
    assert (result.exit_code, result.stdout) == (0, "1 json: the message was sent.\n")
    assert hook.titles == ["filesync: a test"]
    hook.refuses = True
    result = telling.run("alerts", "--test")
    assert result.exit_code == 1
    assert result.stderr.startswith("1 json: ")


def test_without_a_channel_there_is_nothing_to_test(shell):
    """It says where one would be."""
    result = shell.run("alerts", "--test")
    assert result.exit_code == 1
    assert "alerts: {urls: […]}" in result.stderr


@pytest.mark.parametrize(
    ("block", "sentence"),
    [
        ({"urls": ["not a url hunter2"]}, "urls: number 1 is not a URL such as mailto://… or slack://…"),
        ({"urls": "mailto://x"}, "urls: "),
        ({"urls": ["slack://hunter2"]}, "number 1 of `alerts.urls` (slack://…) is no URL that Apprise can use."),
        ({"kinds": ["faild"]}, "kinds.0: "),
        ({"link_base": "dagster.company.com"}, "link_base: 'dagster.company.com' is not an address"),
        ({"url": []}, "unknown key 'url'. Did you mean 'urls'?"),
        ({"urls": ["mailto://u:${NOWHERE_SET}@x"]}, "NOWHERE_SET is not set"),
    ],
)
def test_a_wrong_block_is_explained(shell, block, sentence):
    """With its line, and without what may be secret."""
    whole = yaml.safe_load(shell.config.read_text())
    shell.config.write_text(yaml.safe_dump({**whole, "alerts": block}))
    result = shell.run("validate")
    assert result.exit_code == 1
    assert sentence in result.stderr
    assert f"{shell.config}:" in result.stderr
    assert "hunter2" not in result.stderr


def test_an_edit_that_breaks_the_file_is_told(telling, hook):
    """With the channels of the file as it was before."""
    telling.run("alerts", "--once")
    telling.config.write_text("endpoints: [")
    assert telling.run("alerts", "--once").exit_code == 0
    assert hook.titles == ["filesync: configuration: wrong configuration"]
