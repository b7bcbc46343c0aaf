"""Bugs in data sources of tables, and in where they may connect to."""

from filesync_dagster_tests.planted_bugs.bug import Bug

POSTGRES = "filesync_dagster_tests/tables/sources/test_postgres.py"
ADDRESSES = "filesync_dagster_tests/tables/sources/test_addresses.py"

SSRF = "filesync_dagster_tests/tables/sources/test_ssrf.py"
ORACLE = "filesync_dagster_tests/tables/sources/test_oracle.py"
API = "filesync_dagster_tests/tables/sources/test_api.py"
SNOWFLAKE = "filesync_dagster_tests/tables/sources/test_snowflake.py"

BUGS = (
    Bug(
        "the declared precision of a number is ignored",
        "tables/sources/postgres/columns.py",
        'return self.base == "numeric" and self.modifier < TYPMOD_HEADER',
        'return self.base == "numeric"',
        POSTGRES,
        "psycopg",
    ),
    Bug(
        "each table of a database is read at a moment of its own",
        "tables/sources/postgres/connection.py",
        "ISOLATION LEVEL REPEATABLE READ, READ ONLY",
        "ISOLATION LEVEL READ COMMITTED, READ ONLY",
        POSTGRES,
        "one_moment",
    ),
    Bug(
        "an address is checked, and the name is resolved again to connect",
        "tables/sources/wire.py",
        "self._sync.connect_tcp(address, port",
        "self._sync.connect_tcp(host, port",
        ADDRESSES,
        "resolved_once",
    ),
    Bug(
        "IPv4 in IPv6 is taken for a public address",
        "tables/sources/addresses.py",
        '        "::ffff:0:0/96", "::ffff:0:0:0/96",  # IPv4 in IPv6\n        "64:ff9b::/96", "64:ff9b:1::/48",',
        '        "64:ff9b:1::/48",',
        ADDRESSES,
        "denied",
    ),
    Bug(
        "what a driver says is told, secrets and all",
        "tables/sources/refusals.py",
        "message or sentence.format(what=what)",
        'message or f"{sentence.format(what=what)} {cause}"',
        POSTGRES,
        "names_the_field",
    ),
    Bug(
        "a connection that breaks is the end of a table",
        "tables/sources/deadline.py",
        "        ending = _Failure(error)\n",
        "        ending = _END\n",
        POSTGRES,
        "that_is_cut_gives",
    ),
    Bug(
        "a redirect is followed",
        "tables/sources/http_calls.py",
        "follow_redirects=False",
        "follow_redirects=True",
        SSRF,
        "redirect",
    ),
    Bug(
        "where a listener sends a driver on to is not looked at",
        "tables/sources/socket_guard.py",
        "        guard.require_address(address[0], int(address[1]))\n",
        "        pass\n",
        ORACLE,
        "sends_on",
    ),
    Bug(
        "a page that comes again is taken for the next one",
        "tables/sources/api/pages.py",
        "        if digest in seen:\n",
        "        if False:\n",
        API,
        "loop_is",
    ),
    Bug(
        "a page that is shorter than was asked for is the last one",
        "tables/sources/api/pages.py",
        'if config.paging == "none" or not page.rows:',
        'if config.paging == "none" or page.rows < config.page_size:',
        API,
        "come_once",
    ),
    Bug(
        "numbers of an API are rounded",
        "tables/sources/api/rows.py",
        'parse_float=lambda text: f"{MARK}{text}{MARK}"',
        "parse_float=float",
        API,
        "digits",
    ),
    Bug(
        "a host that hangs is waited for",
        "tables/sources/deadline.py",
        "            deadline.check(what)\n    except BaseException:",
        "            pass\n    except BaseException:",
        SNOWFLAKE,
        "hangs",
    ),
    Bug(
        "a file that moved is read again",
        "tables/sources/parsed_files.py",
        "file.identity or file.name, file.version",
        "file.name, file.version",
        "filesync_dagster_tests/tables/sources/test_inventories.py",
        "google_drive",
    ),
    Bug(
        "a file that changed is taken for the one that is kept",
        "tables/sources/parsed_files.py",
        "file.identity or file.name, file.version",
        "file.identity or file.name, None",
        "filesync_dagster_tests/tables/sources/test_inventories.py",
        "google_drive",
    ),
    Bug(
        "each table may have the rows of all",
        "tables/sources/limits.py",
        "if sum(self._rows.values()) > self.limits.rows",
        "if self._rows[table] > self.limits.rows",
        "filesync_dagster_tests/tables/sources/test_data_set.py",
        "past_the_limits",
    ),
    Bug(
        "a text may be as long as it likes",
        "tables/sources/limits.py",
        "(longest.as_py() or 0) > self.limits.cell_letters",
        "(longest.as_py() or 0) > 10**9",
        "filesync_dagster_tests/tables/sources/test_data_set.py",
        "past_the_limits",
    ),
)
