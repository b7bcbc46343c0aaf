"""What a user may say about a data source: models whose JSON Schema is the console's form.

Every field has a title, a help and a group; their order is that of the model (`x-order`, `x-group`). Secrets are
`SecretStr`: `writeOnly` in the schema, and never in a repr or an error.
"""

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Final, TypeVar, get_args

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, SecretStr, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails, PydanticUndefined

from filesync_dagster.core.errors import SourceRefused
from filesync_dagster.core.redaction import note_secret

CONNECTION: Final = "Connection"
CREDENTIALS: Final = "Credentials"
TABLES: Final = "Tables"
FILES: Final = "Files"
ADVANCED: Final = "Advanced"
GROUPS: Final = (CONNECTION, CREDENTIALS, FILES, TABLES, ADVANCED)
"""In the order in which a form has them."""

NAME_MAX_LETTERS: Final = 1_000
NAMES_MAX_COUNT: Final = 10_000
LINES_MAX_LETTERS: Final = 200_000


def _plain_text(value: str) -> str:
    if any(ord(letter) < 32 or ord(letter) == 127 for letter in value):  # noqa: PLR2004 - ASCII's control characters
        raise ValueError("has a line break or another control character inside")
    return value


def _known_secret(value: SecretStr) -> SecretStr:
    note_secret(value.get_secret_value())
    return value


def _none_if_empty(value: object) -> object:
    return None if value in ("", {}, []) else value


Text = Annotated[str, Field(min_length=1, max_length=NAME_MAX_LETTERS), AfterValidator(_plain_text)]
"""A text on one line."""

Name = Annotated[str, Field(min_length=1, max_length=NAME_MAX_LETTERS)]
"""The name of a table, a column or a file, as its source has it."""

Secret = Annotated[SecretStr, AfterValidator(_known_secret)]
"""A text that is shown to nobody, from when it is read."""

OptionalSecret = Annotated[Secret | None, BeforeValidator(_none_if_empty)]
OptionalText = Annotated[Text | None, BeforeValidator(_none_if_empty)]
OptionalLines = Annotated[str | None, Field(max_length=LINES_MAX_LETTERS), BeforeValidator(_none_if_empty)]
"""A text that may have lines, such as a certificate."""

RowLimit = Annotated[int, Field(ge=0)]
"""Rows of each table; 0 is no limit."""

Model = TypeVar("Model", bound=BaseModel)


def setting(default: Any = PydanticUndefined, *, title: str, help: str, group: str, **others: Any) -> Any:  # noqa: A002 - what a form calls it
    """Return a field of a form. Without a default it is required."""
    extra = {"x-group": group, **others.pop("json_schema_extra", {})}
    return Field(default, title=title, description=help, json_schema_extra=extra, **others)


def _as_form(schema: dict[str, Any]) -> None:
    """Order the fields by their groups, and show one that may be empty as what it is else: forms have no null."""
    fields = schema.get("properties", {})
    ranked = sorted(fields, key=lambda name: GROUPS.index(fields[name].get("x-group", ADVANCED)))
    schema["properties"] = {name: fields[name] for name in ranked}
    for number, field in enumerate(schema["properties"].values()):
        field["x-order"] = number
        options = [option for option in field.get("anyOf", ()) if option.get("type") != "null"]
        if len(options) == 1:
            del field["anyOf"]
            field.update(options[0])
        if field.get("default", "") is None:
            del field["default"]


class SourceConfig(BaseModel):
    """What every configuration of a data source has in common. Complete and checked once it is made."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, hide_input_in_errors=True, json_schema_extra=_as_form, validate_default=False
    )


class SourceSettings(SourceConfig):
    """A part of a configuration that has fields of its own."""


def parse_config(model: type[Model], given: Mapping[str, Any]) -> Model:
    """Return a checked configuration. Raises SourceRefused (`bad_config`), which names the first field to correct."""
    note_given_secrets(model, given)
    try:
        return model.model_validate(dict(given))
    except ValidationError as error:
        problems = error.errors(include_url=False, include_context=False, include_input=False)
        first = problems[0]
        sentences = "; ".join(_sentence(problem) for problem in problems[:5])
    raise SourceRefused(f"The configuration is not complete: {sentences}.", code="bad_config", field=_path(first))


def note_given_secrets(model: type[BaseModel], given: object) -> None:
    """Let no text show what is given for a secret, be the configuration right or not."""
    if not isinstance(given, Mapping):
        return
    for name, field in model.model_fields.items():
        value = given.get(name)
        if is_secret(field) and isinstance(value, str):
            note_secret(value)
        elif is_secret(field) and isinstance(value, Mapping):
            for part in value.values():
                note_secret(part if isinstance(part, str) else None)
        elif (inner := inner_model(field)) is not None:
            note_given_secrets(inner, value)


def is_secret(field: FieldInfo) -> bool:
    """Tell whether a field, or each value of a mapping, is a secret."""
    return SecretStr in _types_in(field.annotation)


def inner_model(field: FieldInfo) -> type[BaseModel] | None:
    """Return the model of a field that has fields of its own, None for any other."""
    return next((one for one in _types_in(field.annotation) if issubclass(one, BaseModel)), None)


def _types_in(annotation: Any) -> Iterator[type]:
    """Yield the classes that an annotation is made of."""
    if isinstance(annotation, type) and not get_args(annotation):
        yield annotation
    for part in get_args(annotation):
        yield from _types_in(part)


def _path(problem: ErrorDetails) -> str:
    return ".".join(str(part) for part in problem["loc"]) or "config"


def _sentence(problem: ErrorDetails) -> str:
    said = problem["msg"].removeprefix("Value error, ")
    said = {"missing": "is missing", "extra_forbidden": "is not known"}.get(problem["type"], said)
    return f"{_path(problem)}: {said[:200]}" if problem["loc"] else said[:200]
