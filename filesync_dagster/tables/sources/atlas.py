"""A catalogue that speaks the API of Apache Atlas (Microsoft Purview does): schemas of tables, and no rows.

Descriptions come with them, and classifications, which say how sensitive a column is.
"""

import base64
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import replace
from typing import Annotated, Any, ClassVar, Final

from pydantic import Field, model_validator

from filesync_dagster.core.errors import LimitReached, SourceRefused
from filesync_dagster.core.redaction import note_secret
from filesync_dagster.tables.model import Origin, TableColumn, TableSchema
from filesync_dagster.tables.sources.addresses import url_parts
from filesync_dagster.tables.sources.api.rows import parse_answer
from filesync_dagster.tables.sources.base import (
    BATCH_ROWS,
    Bookmark,
    FoundTable,
    SourceContext,
    SourceReport,
    TableRows,
    VisibleTable,
)
from filesync_dagster.tables.sources.deadline import SourceDeadline, within
from filesync_dagster.tables.sources.http_calls import READ_POLICY, TEST_POLICY, HttpCalls
from filesync_dagster.tables.sources.refusals import refusal
from filesync_dagster.tables.sources.settings import (
    ADVANCED,
    CONNECTION,
    CREDENTIALS,
    TABLES,
    Name,
    OptionalSecret,
    OptionalText,
    SourceConfig,
    Text,
    setting,
)
from filesync_dagster.tables.sources.sql_types import arrow_type_of

PAGE_ENTITIES_COUNT: Final = 100
BULK_ENTITIES_COUNT: Final = 50
PURVIEW_SCOPE: Final = "https://purview.azure.net/.default"
AUTHORITY_URL: Final = "https://login.microsoftonline.com"
ANSWER_SECONDS: Final = 60.0
SEARCH_ANSWER: Final = frozenset({"entities", "queryType", "searchParameters"})
"""Of these an answer to a search has one, also when it found nothing."""

FIELDS: Final = {"auth": "client_secret", "forbidden": "client_id", "not_found": "endpoint_url"}


class AtlasConfig(SourceConfig):
    """The configuration of a source of type atlas."""

    endpoint_url: Text = setting(
        title="Address",
        group=CONNECTION,
        help="`https://atlas.example.com:21443`, `https://ACCOUNT.purview.azure.com/catalog`.",
    )
    tenant_id: OptionalText = setting(
        None,
        title="Tenant",
        group=CREDENTIALS,
        help="Of Purview: the directory of an app registration.",
        pattern=r"^[\w.-]+$",
    )
    client_id: OptionalText = setting(None, title="Client", group=CREDENTIALS, help="Its application (client) id.")
    client_secret: OptionalSecret = setting(None, title="Client secret", group=CREDENTIALS, help="A secret of it.")
    username: OptionalText = setting(None, title="User", group=CREDENTIALS, help="Of Atlas: who asks.")
    password: OptionalSecret = setting(None, title="Password", group=CREDENTIALS, help="Of the user.")
    type_names: Annotated[tuple[Name, ...], Field(min_length=1, max_length=100)] = setting(
        ("rdbms_table", "hive_table"), title="Types", group=TABLES, help="Types of entities that are tables."
    )
    query: OptionalText = setting(None, title="Search", group=TABLES, help="Words that tables must match. Empty: all.")
    authority_url: Text = setting(
        AUTHORITY_URL, title="Token service", group=ADVANCED, help="Of Purview: where tokens come from."
    )

    @model_validator(mode="after")
    def _says_who_asks(self) -> "AtlasConfig":
        app = [self.tenant_id, self.client_id, self.client_secret]
        if any(app) and not all(app):
            raise ValueError("tenant_id, client_id and client_secret go together")
        if any(app) and self.username is not None:
            raise ValueError("give a service principal or a user, not both")
        if not any(app) and (self.username is None or self.password is None):
            raise ValueError("give tenant_id, client_id and client_secret; or username and password")
        return self


class AtlasSource:
    """See `TableSource`; `read` is refused, for there are no rows."""

    kind: ClassVar[str] = "atlas"
    Config: ClassVar[type[AtlasConfig]] = AtlasConfig

    def __init__(self, config: AtlasConfig, context: SourceContext) -> None:
        url_parts(config.endpoint_url, "endpoint_url")
        url_parts(config.authority_url, "authority_url")
        self._config = config
        self._context = context
        self._what = f"The catalogue at {config.endpoint_url}"
        self._base = f"{config.endpoint_url.rstrip('/')}/api/atlas"

    def test(self, deadline: SourceDeadline) -> SourceReport:
        """Ask for the version, and for one table of each type."""
        started = time.monotonic()
        with closing(self._calls(max(deadline.left, 0.1), is_test=True)) as calls:

            def ask() -> tuple[str, list[VisibleTable]]:
                headers = self._authorization(calls, deadline)
                version = self._version(calls, headers, deadline)
                found = [self._search(calls, headers, name, 0, 1, deadline) for name in self._config.type_names]
                return version, [VisibleTable(_name_of(entity)) for page in found for entity in page]

            version, tables = within(deadline, ask, self._what)
        return SourceReport(f"Atlas {version}".strip(), (time.monotonic() - started) * 1000, tuple(tables))

    def discover(self, deadline: SourceDeadline) -> Sequence[FoundTable]:
        """Search for tables, then ask for their columns, some at a time."""
        with closing(self._calls(ANSWER_SECONDS)) as calls:
            headers = self._authorization(calls, deadline)
            found = {
                entity["guid"]: None
                for name in self._config.type_names
                for entity in self._entities(calls, headers, name, deadline)
            }
            guids = list(found)
            tables: list[FoundTable] = []
            for start in range(0, len(guids), BULK_ENTITIES_COUNT):
                tables += self._described(calls, headers, guids[start : start + BULK_ENTITIES_COUNT], deadline)
        return tuple(_with_unique_names(tables))

    def read(
        self,
        table: FoundTable,
        *,
        columns: Sequence[str] | None = None,
        limit: int | None = None,
        since: Bookmark | None = None,
        batch_rows: int = BATCH_ROWS,
    ) -> TableRows:
        """Refuse."""
        raise refusal(
            "unsupported",
            self._what,
            message=f"{self._what} has the schema of {table.name} and not its rows.",
            hint="Generate from the schema alone, or add the database itself as a source.",
        )

    def close(self) -> None:
        """Do nothing: connections are closed with each question."""

    def _calls(self, seconds: float, *, is_test: bool = False) -> HttpCalls:
        fields = FIELDS if self._config.username is None else {**FIELDS, "auth": "password", "forbidden": "username"}
        policy = TEST_POLICY if is_test else READ_POLICY
        return HttpCalls(
            self._context.guard, self._what, field="endpoint_url", fields=fields, policy=policy, seconds=seconds
        )

    def _authorization(self, calls: HttpCalls, deadline: SourceDeadline) -> dict[str, str]:
        config = self._config
        if config.username is not None and config.password is not None:
            pair = f"{config.username}:{config.password.get_secret_value()}"
            return {"authorization": f"Basic {base64.b64encode(pair.encode()).decode()}"}
        assert config.client_secret is not None
        form = {
            "grant_type": "client_credentials",
            "client_id": config.client_id or "",
            "client_secret": config.client_secret.get_secret_value(),
            "scope": PURVIEW_SCOPE,
        }
        url = f"{config.authority_url.rstrip('/')}/{config.tenant_id}/oauth2/v2.0/token"
        try:
            answer = parse_answer(calls.ask("POST", url, deadline, form=form).content, self._what)
        except SourceRefused as error:
            if error.code in {"protocol", "auth", "bad_config"}:  # a token service answers 400 to a wrong secret
                raise refusal("auth", self._what, field="client_secret", cause=error) from None
            raise
        token = answer.get("access_token") if isinstance(answer, dict) else None
        if not isinstance(token, str) or not token or not token.isascii() or "\n" in token:
            raise refusal("protocol", self._what, field="authority_url")
        note_secret(token)
        return {"authorization": f"Bearer {token}"}

    def _version(self, calls: HttpCalls, headers: Mapping[str, str], deadline: SourceDeadline) -> str:
        try:
            found = self._object(calls.ask("GET", f"{self._base}/admin/version", deadline, headers=headers).content)
        except SourceRefused as error:
            if error.code in {"not_found", "forbidden"}:  # Purview has none
                return ""
            raise
        return str(found.get("Version", ""))[:40]

    def _entities(
        self, calls: HttpCalls, headers: Mapping[str, str], type_name: str, deadline: SourceDeadline
    ) -> Iterator[Mapping[str, Any]]:
        """Yield all entities of a type, each once. Raises SourceRefused when pages repeat."""
        seen: set[str] = set()
        offset = 0
        while page := self._search(calls, headers, type_name, offset, PAGE_ENTITIES_COUNT, deadline):
            new = [entity for entity in page if entity["guid"] not in seen]
            if not new:
                raise refusal(
                    "protocol", self._what, message=f"{self._what} repeats itself: no page of it is the last."
                )
            seen.update(entity["guid"] for entity in new)
            if len(seen) > self._context.limits.tables:
                raise LimitReached(
                    f"{self._what} has more than {self._context.limits.tables:,} tables of type {type_name}.",
                    hint="Search for some of them.",
                    code="limit",
                    field="query",
                )
            yield from new
            offset += len(page)

    def _search(  # noqa: PLR0917 - what a search has
        self,
        calls: HttpCalls,
        headers: Mapping[str, str],
        type_name: str,
        offset: int,
        limit: int,
        deadline: SourceDeadline,
    ) -> list[Mapping[str, Any]]:
        body = {"typeName": type_name, "excludeDeletedEntities": True, "limit": limit, "offset": offset}
        if self._config.query:
            body["query"] = self._config.query
        answer = self._object(
            calls.ask("POST", f"{self._base}/v2/search/basic", deadline, headers=headers, body=body).content
        )
        if not answer.keys() & SEARCH_ANSWER:  # absent is not empty: something else may have answered
            raise refusal("protocol", self._what, field="endpoint_url")
        found = answer.get("entities") or []
        good = isinstance(found, list) and all(
            isinstance(one, dict) and isinstance(one.get("guid"), str) for one in found
        )
        if not good:
            raise refusal("protocol", self._what, field="endpoint_url")
        return found

    def _described(
        self, calls: HttpCalls, headers: Mapping[str, str], guids: Sequence[str], deadline: SourceDeadline
    ) -> list[FoundTable]:
        params = {"guid": list(guids), "minExtInfo": "true"}
        url = f"{self._base}/v2/entity/bulk"
        answer = self._object(calls.ask("GET", url, deadline, headers=headers, params=params).content)
        entities, referred = answer.get("entities"), answer.get("referredEntities") or {}
        if not isinstance(entities, list) or not isinstance(referred, dict):
            raise refusal("protocol", self._what, field="endpoint_url")
        told = {entity.get("guid") for entity in entities if isinstance(entity, dict)}
        if missing := [guid for guid in guids if guid not in told]:
            raise refusal("protocol", self._what, cause=f"{len(missing)} entities did not come")
        return [_table_of(entity, referred, self._context.name) for entity in entities]

    def _object(self, body: bytes) -> dict[str, Any]:
        found = parse_answer(body, self._what)
        if not isinstance(found, dict):
            raise refusal("protocol", self._what, field="endpoint_url")
        return found


def _attributes(entity: Mapping[str, Any]) -> Mapping[str, Any]:
    found = entity.get("attributes")
    return found if isinstance(found, dict) else {}


def _text(entity: Mapping[str, Any], *names: str) -> str | None:
    """Return the first of some attributes that says something."""
    attributes = _attributes(entity)
    return next((str(attributes[name])[:4000] for name in names if attributes.get(name)), None)


def _name_of(entity: Mapping[str, Any]) -> str:
    return _text(entity, "name", "displayName", "qualifiedName") or str(entity["guid"])


def _classifications(entity: Mapping[str, Any]) -> tuple[str, ...]:
    found = entity.get("classifications") or []
    names = [one.get("typeName") for one in found if isinstance(one, dict)]
    return tuple(dict.fromkeys(str(name) for name in names if name))


def _table_of(entity: Mapping[str, Any], referred: Mapping[str, Any], source: str) -> FoundTable:
    related = entity.get("relationshipAttributes")
    links = (related.get("columns") if isinstance(related, dict) else None) or _attributes(entity).get("columns") or []
    columns = [
        referred[link["guid"]]
        for link in links
        if isinstance(link, dict) and link.get("guid") in referred and link.get("relationshipStatus") != "DELETED"
    ]
    columns = [column for column in columns if column.get("status", "ACTIVE") == "ACTIVE"]
    columns.sort(key=_position)  # stable: those without a position stay as they are
    inherited = _classifications(entity)
    found = tuple(_column_of(column, position, inherited) for position, column in enumerate(columns))
    keys = tuple(_name_of(column) for column in columns if _attributes(column).get("isPrimaryKey") is True)
    schema = TableSchema(
        _name_of(entity),
        source,
        found,
        keys,
        Origin.DECLARED if keys else None,
        description=_text(entity, "userDescription", "description", "comment"),
    )
    return FoundTable(schema, origin=(_text(entity, "qualifiedName") or str(entity["guid"]),), kind="schema")


def _position(column: Mapping[str, Any]) -> int:
    found = _attributes(column).get("position")
    return found if isinstance(found, int) else 0


def _column_of(column: Mapping[str, Any], position: int, inherited: tuple[str, ...]) -> TableColumn:
    sql_type = _text(column, "data_type", "type", "dataType")
    return TableColumn(
        _name_of(column),
        arrow_type_of(sql_type),
        position,
        nullable=_attributes(column).get("isNullable") is not False,
        sql_type=sql_type,
        description=_text(column, "userDescription", "description", "comment"),
        sensitivity=tuple(dict.fromkeys((*_classifications(column), *inherited))),
    )


def _with_unique_names(tables: Sequence[FoundTable]) -> Iterator[FoundTable]:
    taken: set[str] = set()
    for table in tables:
        name, number = table.name, 1
        while name in taken:
            number += 1
            name = f"{table.name}_{number}"
        taken.add(name)
        yield replace(table, schema=replace(table.schema, name=name))
