import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from pydantic import SecretStr

from filesync_dagster.core.errors import SourceRefused
from filesync_dagster.core.redaction import redact
from filesync_dagster.tables.sources.base import SourceContext
from filesync_dagster.tables.sources.registry import open_source, source_type, source_types
from filesync_dagster.tables.sources.secret_fields import is_reference, join_secrets, merge_secrets, split_secrets
from filesync_dagster.tables.sources.settings import is_secret, parse_config

FIELDS = {
    "upload": "file_paths* table_name sheet header_row delimiter encoding types",
    "inventory": "endpoint* pattern* max_files as_of union_by",
    "postgres": "host* port database* username* password tables limit schema sslmode sslrootcert where cursor",
    "snowflake": "account* warehouse* database* username* password schema tables limit private_key passphrase role",
    "oracle": "dsn* username* password tables limit mode client_dir wallet schema",
    "s3": "bucket* access_key_id secret_access_key region file_paths* endpoint_url role_arn session_token",
    "gcs": "bucket* service_account_key file_paths* anonymous",
    "azure": "container* connection_string file_paths* account_url sas_token tenant_id client_id client_secret",
    "api": "base_url* endpoints* headers auth method paging max_pages incremental_param format",
    "atlas": "endpoint_url* tenant_id client_id client_secret username password type_names query",
}
"""What the users of each kind know; those with a star are required."""

DEFAULTS = {
    ("postgres", "port"): 5432, ("postgres", "schema"): "public", ("postgres", "sslmode"): "prefer",
    ("snowflake", "schema"): "PUBLIC", ("s3", "region"): "us-east-1", ("oracle", "mode"): "thin",
    ("api", "paging"): "none", ("atlas", "type_names"): ["rdbms_table", "hive_table"],
}  # fmt: skip


def schema_of(kind):
    """Return the JSON Schema of a kind of source."""
    return source_type(kind).config.model_json_schema()


@pytest.mark.parametrize("kind", FIELDS)
def test_the_fields_are_those_that_users_know(kind):
    """Their names, which are required, and their defaults."""
    schema = schema_of(kind)
    wanted = {name.rstrip("*") for name in FIELDS[kind].split()}
    assert wanted <= set(schema["properties"])
    assert set(schema["required"]) == {name[:-1] for name in FIELDS[kind].split() if name.endswith("*")}
    for (of, name), default in DEFAULTS.items():
        assert of != kind or schema["properties"][name]["default"] == default


@pytest.mark.parametrize("kind", [kind.kind for kind in source_types()])
def test_a_configuration_is_a_form(kind):
    """Each field has a title, a help, a group and a place; secrets are write-only; the schema is one."""
    schema = schema_of(kind)
    Draft202012Validator.check_schema(schema)
    models = [(schema, source_type(kind).config)]
    places = [field["x-order"] for field in schema["properties"].values()]
    assert places == list(range(len(places)))
    for document, model in models:
        for name, field in model.model_fields.items():
            shown = document["properties"][field.alias or name]
            assert shown["title"]
            assert shown["description"].endswith((".", "`"))
            assert shown["x-group"] in {"Connection", "Credentials", "Tables", "Files", "Advanced"}
            if is_secret(field):
                assert '"writeOnly": true' in json.dumps(shown)
    assert schema["additionalProperties"] is False


@pytest.mark.parametrize("kind", [kind.kind for kind in source_types()])
def test_what_is_wrong_names_its_field_and_shows_no_secret(kind):
    """Whatever else is wrong, no secret is in the message or in the error's chain."""
    model = source_type(kind).config
    secrets = {field.alias or name: "hunter2-canary" for name, field in model.model_fields.items() if is_secret(field)}
    with pytest.raises(SourceRefused) as refused:
        parse_config(model, {**secrets, "no_such_field": "hunter2-canary"})
    assert refused.value.code == "bad_config"
    assert refused.value.field
    assert "hunter2" not in f"{refused.value} {refused.value.__cause__!r} {refused.value.__context__!r}"


def test_a_secret_is_in_no_repr_and_is_known_from_when_it_is_read():
    """Even what other code says of it later is masked."""
    config = parse_config(
        source_type("postgres").config,
        {"host": "h", "database": "d", "username": "u", "password": "hunter2-canary", "schema": "s"},
    )
    assert "hunter2" not in repr(config) + str(config) + config.model_dump_json()
    assert redact("FATAL: hunter2-canary") == "FATAL: ***"


def test_an_unknown_type_is_refused_with_those_that_there_are():
    """`local` and `catalog` are other names of two of them."""
    with pytest.raises(SourceRefused, match="no source of type 'ftp'") as refused:
        open_source("ftp", {}, SourceContext())
    assert "postgres" in refused.value.hint
    assert source_type("local").kind == "upload"
    assert source_type("catalog").kind == "atlas"


API = {
    "base_url": "https://x.test",
    "endpoints": [{"path": "/a"}],
    "headers": {"X-Trace": "t" * 9, "Authorization": "Bearer abc.def"},
    "auth": {"type": "basic", "username": "u", "password": "p" * 9},
}


def test_secrets_are_taken_out_and_put_back():
    """What is left shows none of them, and both together are what was given."""
    public, secrets = split_secrets(source_type("api").config, API)
    assert secrets == {
        "headers.X-Trace": "t" * 9,
        "headers.Authorization": "Bearer abc.def",
        "auth.password": "p" * 9,
    }
    assert "abc.def" not in json.dumps(public)
    assert "p" * 9 not in json.dumps(public)
    assert join_secrets(public, secrets) == API


@given(st.dictionaries(st.sampled_from(["password", "host", "database", "username"]), st.text(min_size=1)))
def test_splitting_and_joining_are_inverse(config):
    """Whatever is given."""
    public, secrets = split_secrets(source_type("postgres").config, config)
    assert join_secrets(public, secrets) == config
    assert set(secrets) <= {"password"}


def test_an_edit_keeps_changes_or_removes_secrets():
    """Absent and null keep, a text changes, an empty one removes."""
    model, kept = source_type("postgres").config, {"password": "old"}
    assert merge_secrets(model, {"host": "h"}, kept) == ({"host": "h"}, kept)
    assert merge_secrets(model, {"host": "h", "password": None}, kept) == ({"host": "h"}, kept)
    assert merge_secrets(model, {"host": "h", "password": "new"}, kept) == ({"host": "h"}, {"password": "new"})
    assert merge_secrets(model, {"host": "h", "password": ""}, kept) == ({"host": "h"}, {})


@pytest.mark.parametrize(("text", "expected"), [("secret:A", True), ("${A}", True), ("hunter2", False), ("$A", False)])
def test_references_may_be_stored_in_the_clear(text, expected):
    """They say where a secret is, and not which."""
    assert is_reference(text) is expected


def test_a_driver_that_is_missing_is_named_with_the_line_that_installs_it(monkeypatch):
    """Nobody has to find out which package it is."""
    kind = source_type("snowflake")
    gone = type(kind)(**{**kind.__dict__, "libraries": ("no_such_driver_anywhere",)})
    assert "pip install 'filesync-dagster[snowflake]'" in gone.missing
    with pytest.raises(SourceRefused) as refused:
        gone.open({}, SourceContext())
    assert refused.value.code == "driver_missing"
    assert "pip install 'filesync-dagster[snowflake]'" in refused.value.hint
    assert kind.missing is None


def test_secrets_that_are_no_texts_are_refused():
    """A number is no password."""
    with pytest.raises(SourceRefused):
        parse_config(source_type("postgres").config, {"host": "h", "database": "d", "username": "u", "password": 5})
    assert SecretStr("x").get_secret_value() == "x"
