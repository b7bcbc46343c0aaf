"""An inventory that is kept up to date from changes, as a sync does it."""

from filesync_dagster_tests.connectors.autodesk.site import placed, rows


class Inventory:
    """What is known of an endpoint: kept up to date from deltas as a sync does."""

    def __init__(self, source):
        self.source = source
        self.cursor = source.cursor()
        self.rows = rows([page for scope in source.scopes() for page in source.list(scope)])
        self.unread = []
        self.read = set()

    def follow(self):
        """Take the changes; what a folder that was read no longer has is looked up, and what is gone goes."""
        deltas = list(self.source.changes(self.cursor))
        self.cursor = deltas[-1].cursor
        self.unread = [gap for delta in deltas for gap in delta.gaps]
        self.read = {folder for delta in deltas for folder in delta.read}
        told = rows(deltas)
        missing = [row for row in self.rows.values() if (row["parent_id"] or "") in self.read]
        absent = {row["external_id"]: row for row in missing if row["external_id"] not in told}
        for scope in self.source.scopes():
            ids = [id_ for id_, row in absent.items() if row["scope"] == scope]
            found = rows(self.source.lookup(ids, scope))
            told |= found
            for id_ in set(ids) - set(found):
                del self.rows[id_]
        new = [row for row in told.values() if row["kind"] == "folder" and row["external_id"] not in self.rows]
        self.rows |= told
        for row in new:
            self.rows |= rows(self.source.below(row["external_id"], row["scope"]))

    @property
    def sizes(self):
        """The sizes of files by path; what lies in no folder of the endpoint is left out."""
        return {path: row["size"] for path, row in placed(self.rows).items() if row["kind"] != "folder"}
