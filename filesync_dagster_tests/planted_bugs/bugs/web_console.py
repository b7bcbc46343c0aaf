"""Bugs in the console: who may, what browsers are told, what is built."""

from filesync_dagster_tests.planted_bugs.bug import Bug

SESSIONS = "filesync_dagster_tests/web/console/test_sessions.py"
OVERVIEW = "filesync_dagster_tests/web/test_overview.py"
STREAM = "filesync_dagster_tests/web/test_change_stream.py"
BUNDLE = "filesync_dagster_tests/web/console/test_bundle.py"

BUGS = (
    Bug(
        "the header against forged requests is not looked at",
        "web/admission.py",
        "if not is_same_origin(request) or not same(given, csrf_of(principal.cookie)):",
        "if not is_same_origin(request):",
        SESSIONS,
        "only_a_page_of_ours",
    ),
    Bug(
        "a page of another site may decide",
        "web/console/sessions.py",
        'return site == "same-origin"',
        'return site != "cross-site"',
        SESSIONS,
        "only_a_page_of_ours",
    ),
    Bug(
        "scripts can read the cookie",
        "web/routes/console.py",
        "httponly=True,",
        "httponly=False,",
        SESSIONS,
        "no_script_can_read",
    ),
    Bug(
        "a session outlives the token that it was begun with",
        "web/console/sessions.py",
        "if found is None or not hmac.compare_digest(found.binding, binding_of(cookie, token)):",
        "if found is None:",
        SESSIONS,
        "another_token",
    ),
    Bug(
        "a link signs in as often as one likes",
        "storage/database/console_sessions.py",
        "taking = delete(console_codes).where(table.digest == digest).returning(table.role, table.expires_at)",
        "taking = select(table.role, table.expires_at).where(table.digest == digest)",
        SESSIONS,
        "signs_in_once",
    ),
    Bug(
        "a viewer may decide",
        "web/console/sessions.py",
        "return ROLES.index(self.role) >= ROLES.index(role)",
        "return True",
        SESSIONS,
        "a_role_may",
    ),
    Bug(
        "any name of this server is answered",
        "web/console/browser.py",
        'return name in {host.lower().rstrip(".") for host in hosts} or name == _own_name()',
        "return True",
        SESSIONS,
        "name_that_is_not_ours",
    ),
    Bug(
        "tokens may be tried without end",
        "web/routes/console.py",
        "attempts.fail(address)",
        "pass",
        SESSIONS,
        "tries_tokens",
    ),
    Bug(
        "the console is of other sources than those that are here",
        "web/static/BUILD.json",
        ' "sources": "',
        ' "sources": "0',
        BUNDLE,
        "is_of_these_sources",
    ),
    Bug(
        "the page of a proxy's prefix leads to another host",
        "web/console/bundle.py",
        'below = prefix if PREFIX.fullmatch(prefix) else ""',
        "below = prefix",
        BUNDLE,
        "prefix_of_a_proxy",
    ),
    Bug(
        "other sites may frame the console",
        "web/console/browser.py",
        '    "frame-ancestors": "\'none\'",\n',
        "",
        BUNDLE,
        "every_address",
    ),
    Bug(
        "what nothing syncs any more needs nobody",
        "web/overview.py",
        "needs += [one for one in _stale_needs(seen) if one.subject not in told]",
        "needs += []",
        OVERVIEW,
        "nothing_syncs_any_more",
    ),
    Bug(
        "no file is told where nothing is known",
        "web/overview.py",
        "files_total=sum(one.files_total for one in known) if known else None,",
        "files_total=sum(one.files_total for one in known),",
        OVERVIEW,
        "what_is_unknown",
    ),
    Bug(
        "whoever comes back is not told what changed meanwhile",
        "web/change_stream.py",
        "[] if last_id is None else _differing(last_id, marks)",
        "[]",
        STREAM,
        "told_what_changed",
    ),
    Bug(
        "the server waits for pages that listen without end",
        "web/change_stream.py",
        "while not self._stop.is_set() and looked < until:",
        "while looked < until:",
        STREAM,
        "server_that_ends",
    ),
    Bug(
        "listeners that went are counted for ever",
        "web/change_stream.py",
        "self._streams.listeners -= 1",
        "pass",
        STREAM,
        "so_many_listen",
    ),
)
