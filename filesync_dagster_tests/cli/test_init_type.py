"""`filesync init --type`: an endpoint of a type, with all that it may have."""

import pytest
import yaml

from filesync_dagster.cli.seed_environment import configuration_of
from filesync_dagster.cli.starter_entry import ESSENTIAL, entry_of
from filesync_dagster.connectors import CONNECTORS
from filesync_dagster.core.errors import ConfigError
from filesync_dagster_tests.cli.conftest import shell  # noqa: F401 - a fixture

SITE = {
    "SHAREPOINT_SITE_URL": "https://contoso.sharepoint.com/sites/engineering",
    "SHAREPOINT_TENANT_ID": "contoso.onmicrosoft.com",
    "SHAREPOINT_CLIENT_ID": "app",
    "SHAREPOINT_CLIENT_SECRET": "s3same-open",
}


@pytest.mark.parametrize("kind", CONNECTORS.endpoint_types())
def test_every_type_has_an_entry(kind):
    """With every key, described; what it must have comes from the environment, and the rest is a comment."""
    text = entry_of(kind)
    [endpoint] = yaml.safe_load(text)["endpoints"]
    fields = CONNECTORS[kind].details.model_fields
    wanted = {name for name, field in fields.items() if field.is_required()} | set(ESSENTIAL.get(kind, ()))
    assert set(endpoint["endpoint_details"]) == wanted <= set(fields)
    assert [name for name in fields if f" {name}:" not in text] == []
    assert max(map(len, text.splitlines())) <= 120


def test_a_type_that_there_is_not():
    """Those that there are are named."""
    with pytest.raises(ConfigError, match="There is no type nope"):
        entry_of("nope")


def test_the_command_writes_what_can_be_used(shell, monkeypatch):  # noqa: F811 - the fixture
    """As it stands, once the environment has what it names."""
    shell.config.unlink(missing_ok=True)
    assert shell.run("init", "--type", "sharepoint").exit_code == 0
    for name, value in SITE.items():
        monkeypatch.setenv(name, value)
    assert "1 sharepoint" in shell.run("validate").stdout


def test_a_site_of_the_environment():
    """An endpoint of its own; no secret is written."""
    text = configuration_of(SITE)
    [endpoint] = yaml.safe_load(text)["endpoints"]
    assert (endpoint["type"], endpoint["endpoint_details"]["site_url"]) == ("sharepoint", "${SHAREPOINT_SITE_URL}")
    assert "s3same-open" not in text
    with pytest.raises(ConfigError, match="SHAREPOINT_CLIENT_SECRET is not set"):
        configuration_of({**SITE, "SHAREPOINT_CLIENT_SECRET": ""})


def test_a_site_beside_a_bucket():
    """Both are endpoints."""
    found = yaml.safe_load(configuration_of({**SITE, "CUSTOMER_S3_BUCKET": "b", "MOCK_API_URL": "http://x"}))
    assert [one["type"] for one in found["endpoints"]] == ["s3", "sharepoint"]
