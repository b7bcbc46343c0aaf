"""Bugs in the model and the guard."""

from filesync_dagster_tests.planted_bugs.bug import Bug

MODEL = "filesync_dagster_tests/sync/model/test_regressions.py"

BUGS = (
    Bug(
        "a star in NO_PROXY excepts nothing",
        "core/proxies.py",
        ".lstrip('*')",
        "",
        "filesync_dagster_tests/core/test_proxies.py",
        "everything_else",
    ),
    Bug(
        "the environment's proxies are not asked",
        "core/http.py",
        'if options.get("transport") is None:',
        "if False:",
        "filesync_dagster_tests/core/test_proxies.py",
        "everything_else",
    ),
    Bug(
        "only times prove that a file changed",
        "core/schemas.py",
        'UNTRACKED = frozenset({"path"})',
        'UNTRACKED = frozenset({"path", "version", "content_hash", "size", "metadata"})',
        "filesync_dagster_tests/sync/diff/test_comparison.py",
        "each_difference",
    ),
    Bug(
        "the guard lets everything pass",
        "core/guard.py",
        "if not limits.enabled or proposal.before == 0:",
        "if True:",
        MODEL,
        "held_sync",
    ),
    Bug(
        "a key that looks escaped is taken for another one",
        "core/model.py",
        r'raw = _LIKE_ESCAPED_BYTES.sub(rb"\\x5c", raw)',
        "pass",
        "filesync_dagster_tests/core/test_storable_text.py",
        "text_of_its_own",
    ),
    Bug(
        "a key that is written anew is a removal and an addition",
        "sync/snapshot_chain.py",
        "            stored = _respelled(con, stored)",
        "            pass",
        "filesync_dagster_tests/sync/test_keys_told_apart.py",
        "keep_their_ids and sqlite",
    ),
    Bug(
        "a byte a second is an answer",
        "core/http.py",
        "if left is not None and left <= 0:",
        "if False:",
        "filesync_dagster_tests/core/test_http.py",
        "every_answer_has_an_end and dripped_chunks",
    ),
    Bug(
        "an answer unpacks to any size",
        "core/http.py",
        "        if size > ANSWER_MAX_BYTES:",
        "        if False:",
        "filesync_dagster_tests/core/test_http.py",
        "every_answer_has_an_end and bomb",
    ),
    Bug(
        "boto3 sends over a transport of its own",
        "core/aws.py",
        'client.meta.events.register("before-send", send)',
        "pass",
        "filesync_dagster_tests/connectors/test_bounds.py",
        "as_it_was_signed",
    ),
    Bug(
        "who waits for an answer does not learn that the process is to stop",
        "core/http.py",
        "            except httpcore.ReadTimeout:\n                check_stop()",
        "            except httpcore.ReadTimeout:\n                pass",
        "filesync_dagster_tests/core/test_http.py",
        "asked_to_stop",
    ),
    Bug(
        "a secret is shown in Base64",
        "core/redaction.py",
        "        yield from _base64_of(part)\n",
        "",
        "filesync_dagster_tests/core/test_redaction.py",
        "every_form and basic",
    ),
    Bug(
        "errors quote what a store says as it says it",
        "core/errors.py",
        "self.message = to_told(message)",
        "self.message = message",
        "filesync_dagster_tests/core/test_redaction.py",
        "pass_the_border",
    ),
)
