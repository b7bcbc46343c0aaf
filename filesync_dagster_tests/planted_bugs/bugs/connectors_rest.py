"""Bugs in what REST connectors share."""

from filesync_dagster_tests.planted_bugs.bug import Bug

MODEL = "filesync_dagster_tests/sync/model/test_regressions.py"

FIELDS = "filesync_dagster_tests/connectors/rest/test_fields.py"

BUGS = (
    Bug(
        "a size that no int64 holds ends the listing",
        "connectors/rest/fields.py",
        "return value if 0 <= value <= INT64_MAX else None",
        "return value if value >= 0 else None",
        FIELDS,
        "test_a_size",
    ),
    Bug(
        "a time outside the years that Python has is stored",
        "connectors/rest/fields.py",
        "if _within_years(column):",
        "if column:",
        FIELDS,
        "test_an_instant",
    ),
    Bug(
        "a Retry-After with an absurd time zone ends a sync",
        "connectors/rest/fields.py",
        "except (ValueError, TypeError, OverflowError, IndexError):",
        "except (ValueError, TypeError):",
        FIELDS,
        "retry_after",
    ),
    Bug(
        "an expired access token is not minted anew",
        "connectors/rest/oauth.py",
        "policy, self._renew)",
        "policy, None)",
        MODEL,
        "passing_troubles and expired",
    ),
    Bug(
        "what was sent stays until garbage is collected",
        "connectors/rest/calls.py",
        "self.call = _answered",
        "pass",
        "filesync_dagster_tests/connectors/rest/test_calls.py",
        "let_go_of",
    ),
    Bug(
        "Retry-After is ignored",
        "connectors/rest/calls.py",
        "return policy.pause(self.attempts) if error.retry_after is None else policy.clamp(error.retry_after)",
        "return policy.pause(self.attempts)",
        "filesync_dagster_tests/connectors/rest/test_calls.py",
        "retry_after",
    ),
    Bug(
        "pages that bring nothing new are followed for ever",
        "connectors/rest/paging.py",
        "0 if self._known.add(found) else self._known_pages + 1",
        "0",
        "filesync_dagster_tests/connectors/rest/test_paging.py",
        "fresh_tokens",
    ),
    Bug(
        "a folder that fails ends the crawl",
        "connectors/rest/crawl.py",
        "        except PART_FAILURES as error:\n            if isinstance(error, BadRequest)",
        "        except (NotFound, Forbidden, BadRequest) as error:\n            if isinstance(error, BadRequest)",
        "filesync_dagster_tests/connectors/rest/test_crawl.py",
        "fails_is_a_gap",
    ),
    Bug(
        "a store that went down is taken for folders that fail",
        "connectors/rest/crawl.py",
        "            self.tree.read(Branch(self.tree.top), never)\n",
        "            pass\n",
        "filesync_dagster_tests/connectors/rest/test_crawl.py",
        "fails_is_a_gap",
    ),
    Bug(
        "a content that goes on begins again",
        "connectors/rest/content.py",
        "            self._answer = self._ask(self._at)",
        "            self._answer = self._ask(self._start)",
        "filesync_dagster_tests/connectors/s3/test_content.py",
        "goes_on_where_it_was",
    ),
)
