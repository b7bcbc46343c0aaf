"""A small catalogue with the API of Apache Atlas, built from its published model."""

import base64
import uuid


def guid_of(text):
    """Return the guid of an entity."""
    return str(uuid.uuid5(uuid.NAMESPACE_URL, text))


class AtlasFake:
    """Answers what a source asks. `users`: names with passwords; `apps`: clients with secrets, for Purview's way."""

    def __init__(self, users=None, apps=None):
        self.users = users or {}
        self.apps = apps or {}
        self.entities = {}
        self.repeats = False
        self.pages = []

    def add_table(self, type_name, name, columns, *, status="ACTIVE", **attributes):
        """Add a table with columns: (name, type, comment, classifications, attributes of the column)."""
        table = guid_of(f"{type_name} {name}")
        links = []
        for position, (column, kind, comment, classes, extra) in enumerate(columns):
            guid = guid_of(f"{type_name} {name} {column}")
            typed = {"data_type": kind} if type_name == "rdbms_table" else {"type": kind, "position": position}
            self.entities[guid] = {
                "guid": guid, "typeName": type_name.replace("table", "column"), "status": "ACTIVE",
                "attributes": {"name": column, "comment": comment, **typed, **extra},
                "classifications": [{"typeName": one} for one in classes],
            }  # fmt: skip
            links.append({"guid": guid, "typeName": type_name, "displayText": column, "relationshipStatus": "ACTIVE"})
        classes = attributes.pop("classifications", ())
        self.entities[table] = {
            "guid": table, "typeName": type_name, "status": status, "_is_table": True,
            "attributes": {"name": name, "qualifiedName": f"db.{name}@cl", **attributes},
            "classifications": [{"typeName": one} for one in classes],
            "relationshipAttributes": {"columns": links},
        }  # fmt: skip
        return table

    def answer(self, asked):  # noqa: PLR0911 - one for each path
        """Return the answer to a request."""
        if asked.path.endswith("/oauth2/v2.0/token"):
            form = asked.form
            if self.apps.get(form["client_id"]) != form["client_secret"]:
                return 400, {}, {"error": "invalid_client"}
            return 200, {}, {"access_token": "atlas-token-canary", "expires_in": 3600, "token_type": "Bearer"}
        if not self._is_known(asked.headers.get("authorization", "")):
            return 401, {}, {}
        if asked.path == "/api/atlas/admin/version":
            return 200, {}, {"Version": "2.3.0", "Name": "apache-atlas"}
        if asked.path == "/api/atlas/v2/search/basic" and asked.method == "POST":
            return 200, {}, self._search(asked.json)
        if asked.path == "/api/atlas/v2/entity/bulk":
            return 200, {}, self._bulk(asked.query["guid"])
        return 404, {}, {"errorCode": "ATLAS-404-00-001"}

    def _is_known(self, header):
        kind, _, text = header.partition(" ")
        if kind == "Bearer":
            return text == "atlas-token-canary"
        name, _, password = base64.b64decode(text).decode().partition(":")
        return self.users.get(name) == password

    def _search(self, body):
        self.pages.append((body["typeName"], body["offset"]))
        found = [
            entity
            for entity in self.entities.values()
            if entity.get("_is_table")
            and entity["typeName"] == body["typeName"]
            and not (body["excludeDeletedEntities"] and entity["status"] == "DELETED")
            and body.get("query", "").lower() in entity["attributes"]["name"].lower()
        ]
        start = 0 if self.repeats else body["offset"]
        page = found[start : start + body["limit"]]
        headers = [{name: e[name] for name in ("guid", "typeName", "attributes", "status")} for e in page]
        return {"queryType": "BASIC", "entities": headers} if headers else {"queryType": "BASIC"}

    def _bulk(self, guids):
        entities = [self.entities[guid] for guid in guids]
        columns = [link["guid"] for entity in entities for link in entity["relationshipAttributes"]["columns"]]
        return {"entities": entities, "referredEntities": {guid: self.entities[guid] for guid in columns}}
