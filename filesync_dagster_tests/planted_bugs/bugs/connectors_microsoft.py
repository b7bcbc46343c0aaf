"""Bugs in the connector for SharePoint and OneDrive."""

from filesync_dagster_tests.planted_bugs.bug import Bug

LISTING = "filesync_dagster_tests/connectors/microsoft/test_listing.py"
CHANGES = "filesync_dagster_tests/connectors/microsoft/test_changes.py"
CONTENT = "filesync_dagster_tests/connectors/microsoft/test_content.py"
CONTRACT = "filesync_dagster_tests/connectors/test_contract.py"

BUGS = (
    Bug(
        "a delta that Graph does not go on with begins with now",
        "connectors/microsoft/changes.py",
        'raise CursorLost(f"The changes cannot be gone on with: {error.message}", hint=FULL_SYNC) from error',
        "return api.delta(scope.drive_id, api.latest(scope.drive_id))",
        CHANGES,
        "too_old",
    ),
    Bug(
        "only the first page of a drive is read",
        "connectors/microsoft/listing.py",
        "link = chain.advance(page.following, ids_in(page.entries)) or END",
        "link = END",
        LISTING,
        "children_come_before or another_host",
    ),
    Bug(
        "an empty page of a drive is taken for the last one",
        "connectors/microsoft/listing.py",
        "link = chain.advance(page.following, ids_in(page.entries)) or END",
        "link = (page.entries and chain.advance(page.following, ids_in(page.entries))) or END",
        LISTING,
        "empty_pages",
    ),
    Bug(
        "of an item that comes twice the first is believed",
        "connectors/microsoft/listing.py",
        'latest = {entry["id"]: entry for entry in found if has_id(entry)}',
        'latest = {entry["id"]: entry for entry in reversed(found) if has_id(entry)}',
        LISTING,
        "comes_twice",
    ),
    Bug(
        "a tombstone outweighs what is told after it",
        "connectors/microsoft/changes.py",
        'page.removed[entry["id"]] = moment',
        'page.removed[entry["id"]] = 1 << 40',
        CHANGES,
        "last_word",
    ),
    Bug(
        "the eTag is taken for the version of a content",
        "connectors/microsoft/rows.py",
        'return (text_of(entry.get("cTag")) if ctag else None) or text_of(entry.get("eTag"))',
        'return text_of(entry.get("eTag"))',
        LISTING,
        "no_version",
    ),
    Bug(
        "a notebook is a folder with files in it",
        "connectors/microsoft/rows.py",
        "return Kind.DOCUMENT",
        "return Kind.FOLDER",
        LISTING,
        "notebook",
    ),
    Bug(
        "a link is followed wherever it leads, with the token",
        "connectors/microsoft/api.py",
        """return f"{self._base}{parts.path}" + (f"?{parts.query}" if parts.query else "")""",
        "return link",
        LISTING,
        "another_host",
    ),
    Bug(
        "a folder that is refused is taken for an empty one",
        "connectors/microsoft/listing.py",
        "page = api.children(scope.drive_id, branch.folder, branch.token, stopped)",
        "try:\n            page = api.children(scope.drive_id, branch.folder, branch.token, stopped)\n"
        "        except Exception:\n            return FolderPage([], [], None)",
        LISTING,
        "folder_that_is_refused",
    ),
    Bug(
        "the token goes where a content is",
        "connectors/microsoft/content.py",
        'headers = {"accept-encoding": "identity", ',
        'headers = {**self.calls.headers(), "accept-encoding": "identity", ',
        CONTENT,
        "no_token",
    ),
    Bug(
        "a link of a delta is kept without its parameters",
        "connectors/microsoft/changes.py",
        '{**_about(scope), "link": link}',
        '{**_about(scope), "link": link.partition("&state")[0]}',
        CHANGES,
        "kept_whole",
    ),
    Bug(
        "libraries that were added are not noticed",
        "connectors/microsoft/changes.py",
        "if set(links) != set(layout.names):",
        "if not set(links) <= set(layout.names):",
        CHANGES,
        "other_libraries",
    ),
)
