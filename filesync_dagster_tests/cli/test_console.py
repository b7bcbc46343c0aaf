"""filesync console: a link that signs in, once."""

import pytest

from filesync_dagster import Filesync
from filesync_dagster.orchestration.client import CONSOLE_ANNOUNCEMENT, announce_url
from filesync_dagster.web.console.sessions import digest_of

CONSOLE = "http://127.0.0.1:8080/console"


def code_of(link):
    """Return the code in a link."""
    address, _, code = link.strip().partition("/enter?code=")
    return address, code


def test_a_link_is_printed_that_signs_in_once(shell):
    """Where the running server is; as what was asked for."""
    with Filesync.open(shell.config, home=shell.home) as filesync:
        sessions = filesync.runtime.metadata.console_sessions
        with announce_url(shell.home, CONSOLE, CONSOLE_ANNOUNCEMENT):
            address, code = code_of(shell.run("console", "--role", "viewer").stdout)

        assert address == CONSOLE
        assert (sessions.redeem(digest_of(code)), sessions.redeem(digest_of(code))) == ("viewer", None)


@pytest.mark.parametrize("given", [["--url", "https://files.example.com/console/"], []])
def test_it_is_where_somebody_says(shell, given):
    """On the command line, or in the settings."""
    if not given:
        shell.write(shell.endpoint(), serve={"console_url": "https://files.example.com/console"})
    assert code_of(shell.run("console", *given).stdout)[0] == "https://files.example.com/console"


def test_without_a_server_it_says_what_to_start(shell):
    """A link that leads nowhere is none."""
    result = shell.run("console")

    assert result.exit_code != 0
    assert "filesync serve" in result.output
    assert "code=" not in result.output
