"""What is wrong with endpoints.yaml is said in words that people who edit it use."""

import re

import pytest
from pydantic import BaseModel

from filesync_dagster.config import load_config, read_environment
from filesync_dagster.config.alerts import Alerts
from filesync_dagster.config.models import Endpoint, Settings
from filesync_dagster.config.queues import QUEUES
from filesync_dagster.config.sentences import SENTENCES
from filesync_dagster.config.yaml_tree import MAX_DEPTH, MAX_VALUES, parse
from filesync_dagster.connectors import CONNECTORS
from filesync_dagster.core.errors import ConfigError
from filesync_dagster.web.messages import StatusQuery, SyncOrder

PYDANTIC = re.compile(
    r"input should|valid (dictionary|integer|string|boolean|number|list|tuple|date)|instance of|should (match|have at)"
    r"|unable to parse|value error|validation|field required|extra inputs",
    re.IGNORECASE,
)
ODD = [
    "~",
    "yes please",
    "-1",
    "1.5",
    "''",
    "[]",
    "['']",
    "{}",
    "{a: 1}",
    "[[1]]",
    "2026-13-45",
    ".inf",
    "'a b/c'",
    "1e30",
]


def problems(tmp_path, text, **variables):
    """Return every problem of a text."""
    file = tmp_path / "endpoints.yaml"
    file.write_text(text)
    try:
        return list(load_config(read_environment(file, variables)).problems)
    except ConfigError as error:
        return list(error.problems)


def paths(model, under=()):
    """Yield the path of each key of a model and of the models in it."""
    for name, field in model.model_fields.items():
        yield (*under, name)
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            yield from paths(field.annotation, (*under, name))


def flow(path, value):
    """Write a value at a path, in one line."""
    return value if not path else f"{{{path[0]}: {flow(path[1:], value)}}}"


DOCUMENTS = [
    *(("settings: {}", path) for path in paths(Settings)),
    *(("alerts: {}", path) for path in paths(Alerts)),
    *((f"queues: [{{}}, {{type: {kind}}}]", path) for kind, queue in QUEUES.items() for path in paths(queue)),
    *(("endpoints: [{}]", path) for path in paths(Endpoint) if path != ("endpoint_details",)),
    *(
        (f"endpoints: [{{name: a, type: {kind}, endpoint_details: {{}}}}]", path)
        for kind, connector in CONNECTORS.items()
        for path in paths(connector.details)
    ),
]


def test_no_library_speaks_to_people(tmp_path):
    """Whatever is written at whichever key, the sentence is ours, and it names the line."""
    said = []
    for document, path in DOCUMENTS:
        for value in ODD:
            said += problems(tmp_path, document.replace("{}", flow(path, value), 1))

    assert said
    assert [sentence for sentence in said if PYDANTIC.search(sentence)] == []
    assert [sentence for sentence in said if not re.search(r"endpoints\.yaml:1: ", sentence)] == []


@pytest.mark.parametrize(
    ("text", "remedy"),
    [
        ("endpoints:\n\t- name: a", "2: this is not YAML: a tab begins this line; indent with spaces"),
        ("endpoints:\n- name: a\n  \tfilters: {}", "3: this is not YAML: a tab begins this line; indent with spaces"),
        ("exclude: **/*.tmp", "1: this is not YAML: a value that begins with * or & must be quoted: write '**/*.tmp'"),
        ("a:\n  include: [*.pdf, *.doc]", "2: this is not YAML: a value that begins with * or & must be quoted"),
        ("a:\n- *.pdf\n", "2: this is not YAML: a value that begins with * or & must be quoted"),
    ],
)
def test_what_yaml_stumbles_over_most_has_its_remedy(tmp_path, text, remedy):
    """YAML's own words are about tokens and aliases, which nobody meant to write."""
    [sentence] = problems(tmp_path, text)

    assert remedy in sentence


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[" * 30_000, f"more than {MAX_DEPTH} deep"),
        ("{a: " * 3_000, f"more than {MAX_DEPTH} deep"),
        (
            "a: &a [x,x,x,x,x,x,x,x,x]\n"
            + "".join(f"{b}: &{b} [{','.join([f'*{a}'] * 9)}]\n" for a, b in zip("abcdefgh", "bcdefghi", strict=True)),
            f"more than {MAX_VALUES:,} values",
        ),
        ("# " + "x" * 17_000_000, "is larger than 16 MB"),
    ],
)
def test_what_would_never_end_is_refused(tmp_path, text, said):
    """A few bytes that grow into gigabytes, or end the process by its stack, are a problem like any other."""
    [sentence] = problems(tmp_path, text)

    assert said in sentence


def test_a_mapping_that_merges_itself_is_refused():
    """Merging it would never end."""
    [(line, _, sentence)] = parse("a: &a\n  <<: *a\n  b: 1", {}).problems

    assert (line, sentence) == (1, "this alias contains itself")


def test_what_is_written_wins_over_what_is_merged():
    """Of several merged mappings the first one wins, as YAML has it."""
    tree = parse("x: &x {p: 1, r: 1}\ny: &y {q: 2, r: 2}\nz: {<<: [*x, *y], p: 3}", {})

    assert tree.value["z"] == {"p": 3, "q": 2, "r": 1}
    assert tree.problems == []


@pytest.mark.parametrize("pattern", ["[a", "drawings/[", "**/[!", "a[b]c[", "[]", "[!]"])
@pytest.mark.parametrize("key", ["include", "exclude"])
def test_a_bracket_that_is_never_closed_is_refused(tmp_path, key, pattern):
    """It would match nothing that anybody has, and the inventory would be empty."""
    entry = (
        f"endpoints:\n- name: a\n  type: local\n  endpoint_details: {{path: /x}}\n  filters:\n    {key}: ['{pattern}']"
    )
    [sentence] = problems(tmp_path, entry)

    assert "endpoints.yaml:6: " in sentence
    assert "has a bracket that is never closed; write `[[]` for a literal one" in sentence


S3 = """endpoints:
- name: a
  type: s3
  endpoint_details:
    bucket: b
    access_key_id: k
    secret_access_key: s
"""


@pytest.mark.parametrize("around", ["{}\n", " {}", "{}\r\n", "\t{} "])
def test_white_space_around_a_secret_is_no_part_of_it(tmp_path, around):
    """`$(cat file)`, an editor, a copied line: a line break at the end is always a mistake."""
    file = tmp_path / "endpoints.yaml"
    file.write_text(S3 + '    session_token: "${TOKEN}"')
    [endpoint] = load_config(read_environment(file, {"TOKEN": around.format("hunter2")})).endpoints

    assert endpoint.endpoint_details.session_token.get_secret_value() == "hunter2"


@pytest.mark.parametrize("inside", ["hunter\n2", "hunter\r\n2", "hunter\x002", "hunter\x7f2"])
def test_a_line_break_inside_a_secret_is_refused_by_name(tmp_path, inside):
    """It would break out of the header that it is sent in. The sentence names the key, and never the value."""
    [sentence] = problems(tmp_path, S3 + '    session_token: "${TOKEN}"', TOKEN=inside)

    assert "endpoints.yaml:8: 'endpoint_details.session_token' has a line break" in sentence
    assert "hunter" not in sentence


def test_a_key_file_keeps_its_lines(tmp_path):
    """A PEM block and a JSON document are secrets of many lines."""
    details = (
        "endpoints:\n- name: a\n  type: autodesk\n  endpoint_details:\n    client_id: c\n    client_secret: s\n"
        "    hub_id: b.h\n    service_account_id: i\n    key_id: k\n    private_key: '${KEY}'\n"
    )
    key = "-----BEGIN PRIVATE KEY-----\nMIIB\n-----END PRIVATE KEY-----"

    assert not [one for one in problems(tmp_path, details, KEY=key + "\n") if "line break" in one]


def test_what_is_mostly_not_meant_is_a_warning(tmp_path):
    """No endpoint at all; the same place twice. Other filters make it another inventory."""
    file = tmp_path / "endpoints.yaml"

    def warnings(text):
        file.write_text(text)
        return load_config(read_environment(file, {})).warnings

    one = "- {{name: {}, type: local, endpoint_details: {{path: /x}}, filters: {{exclude: [{}]}}}}\n"
    assert warnings("endpoints: []") == (f"{file} has no endpoint: nothing will be synced.",)
    assert warnings("endpoints:\n" + one.format("a", "") + one.format("b", "tmp/")) == ()
    [said] = warnings("endpoints:\n" + one.format("a", "") + one.format("b", ""))
    assert "a and b are of one place with the same filters" in said


def kinds_of_errors(schema):
    """Yield every type of error that a schema of pydantic-core can raise, as far as it tells."""
    if isinstance(schema, dict):
        if isinstance(schema.get("type"), str):
            yield schema["type"]
        for value in schema.values():
            yield from kinds_of_errors(value)
    elif isinstance(schema, list | tuple):
        for value in schema:
            yield from kinds_of_errors(value)


RAISES = {
    "bool": {"bool_parsing", "bool_type"},
    "date": {"date_type", "date_parsing", "date_from_datetime_parsing", "date_from_datetime_inexact"},
    "datetime": {"datetime_type", "datetime_parsing", "datetime_from_date_parsing"},
    "dict": {"dict_type"},
    "enum": {"enum"},
    "float": {"float_type", "float_parsing", "finite_number", "greater_than", "greater_than_equal", "less_than_equal"},
    "int": {"int_type", "int_parsing", "int_from_float", "int_parsing_size", "greater_than_equal", "less_than_equal"},
    "list": {"list_type", "too_short", "too_long"},
    "literal": {"literal_error"},
    "model": {"model_type"},
    "model-fields": {"missing", "extra_forbidden", "model_type", "model_attributes_type"},
    "set": {"set_type"},
    "frozenset": {"frozenset_type"},
    "str": {
        "string_type",
        "string_too_short",
        "string_too_long",
        "string_pattern_mismatch",
        "string_unicode",
        "string_sub_type",
    },
    "tuple": {"tuple_type", "too_short", "too_long"},
}
"""By type of schema; others, such as `nullable` and `default`, raise nothing of their own."""


@pytest.mark.parametrize(
    "model",
    [Settings, Alerts, Endpoint, *QUEUES.values(), *(c.details for c in CONNECTORS.values()), SyncOrder, StatusQuery],
)
def test_each_error_that_a_model_can_raise_has_a_sentence(model):
    """A field of another kind needs a sentence of ours before anybody meets its errors."""
    found = {kind for kind in kinds_of_errors(model.__pydantic_core_schema__) if kind in RAISES}
    unknown = {error for kind in found for error in RAISES[kind]} - SENTENCES.keys()

    assert found
    assert unknown == set()
