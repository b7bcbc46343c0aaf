"""Endpoints with random files of every kind of store, as stored snapshots, and reports over them."""

import json
import random
from datetime import UTC, datetime, timedelta
from hashlib import md5, sha256

import pyarrow as pa
import pyarrow.parquet as pq

from filesync_dagster.config import ReportSettings
from filesync_dagster.core.model import canonical_json
from filesync_dagster.core.schemas import build_batch
from filesync_dagster.monitoring.reports.plan import MACROS, Terms
from filesync_dagster.monitoring.reports.snapshot_set import Held, relate
from filesync_dagster.monitoring.reports.writer import PLANS
from filesync_dagster.storage.snapshots import connect

DAY_END = datetime(2026, 11, 22, tzinfo=UTC)
OWN = ReportSettings(
    own_domains=["company.com"], own_companies=["Nordlicht"], own_accounts=["us"], stale_after_days=400
)
NAMES = (
    "a.dwg",
    "B.PDF",
    ".hidden",
    "no extension",
    "x.tar.gz",
    "photo.JPG",
    "a.much-too-long-to-be-one",
    "é.ü",
    "v.1 ",
)
PEOPLE = ("ann@company.com", "bob@eu.company.com", "eve@evil.org", "mal@notcompany.com")
ALL_USERS = "http://acs.amazonaws.com/groups/global/AllUsers"


class World:
    """Rows of endpoints: {endpoint: (type, place, rows)}."""

    def __init__(self, seed, rows=150):
        self.dice = random.Random(seed)
        self.endpoints = {
            "drive": ("google_drive", "drive", [self.drive(i) for i in range(rows)]),
            "bucket": ("s3", "bucket", [self.s3(i) for i in range(rows)]),
            "bucket_again": ("s3", "bucket", []),
            "other_bucket": ("s3", "other", [self.s3(i) for i in range(rows)]),
            "share": ("local", "/mnt/share", [self.local(i) for i in range(rows)]),
            "acc": ("autodesk", "autodesk", [self.autodesk(i) for i in range(rows)]),
            # The same folders, as another account may see them.
            "acc_again": ("autodesk", "autodesk", [self.autodesk(i) for i in range(rows)]),
        }
        # A second endpoint over a part of the same bucket sees the same objects.
        self.endpoints["bucket_again"][2].extend(dict(row) for row in self.endpoints["bucket"][2][: rows // 3])

    def some(self, *choices):
        """Return one of the choices."""
        return self.dice.choice(choices)

    def moment(self):
        """Return a moment around the limits of the ages, or None."""
        days = self.some(-3, 0, 0.5, 29.9, 30, 89, 90, 364.99, 365, 400, 729, 730, 1824, 1825, 4000)
        return self.some(None, DAY_END - timedelta(days=days))

    def entry(self, external_id, kind="file", **columns):
        """Return a row with columns that every store may have."""
        name = self.some(*NAMES)
        return {
            "external_id": external_id,
            "scope": "",
            "parent_id": None,
            "name": name,
            "path": f"{self.some('a', 'b')}/{external_id}/{name}",
            "kind": kind,
            "size": None if kind in ("folder", "document") else self.some(None, 0, 1, 10, 2_000_000_000),
            "mime_type": self.some(None, "application/pdf", "image/jpeg"),
            "modified_at": self.moment(),
            "created_at": self.moment(),
            "owner": self.some(None, *PEOPLE),
            "content_hash": None,
            "permissions": None,
            "link": self.some(None, f"https://store/{external_id}"),
            "metadata": None,
            "trashed": self.dice.random() < 0.1,
            **columns,
        }

    def hashed(self, row, *kinds):
        """Give a file a hash of content that others may have, too."""
        if row["kind"] == "file" and self.dice.random() < 0.8:
            content = f"{self.dice.randrange(25)}-{row['size']}".encode()
            digest = md5(content).hexdigest()
            row["content_hash"] = {
                "md5": f"md5:{digest}",
                "sha256": f"sha256:{sha256(content).hexdigest()}",
                "multipart": f"etag:{digest}-7",
                "opaque": f"etag:{self.dice.randrange(3)}",
            }[self.some(*kinds)]
            if self.dice.random() < 0.1:  # a hash that two contents share, or a store that errs
                row["size"] = 11
            if row["content_hash"].startswith("sha256:") and row["external_id"].startswith("d"):
                row["metadata"] = self.some(None, canonical_json({"md5": digest, "drive_id": "x"}))
        return row

    def drive(self, i):
        """Return an entry of Google Drive."""
        row = self.entry(f"d{i}", self.some("file", "file", "folder", "document", "shortcut"))
        if self.dice.random() < 0.8:
            row["permissions"] = canonical_json(
                [self.drive_grant() for _ in range(self.dice.randrange(4))]
                + [{"id": "o", "type": "user", "role": "owner", "emailAddress": "ann@company.com"}]
            )
        return self.hashed(row, "sha256")

    def drive_grant(self):
        """Return one permission of Google Drive."""
        role = self.some("reader", "commenter", "writer")
        return self.some(
            {"id": "a", "type": "anyone", "role": role, "allowFileDiscovery": self.some(True, False)},
            {"id": "d", "type": "domain", "role": role, "domain": self.some("company.com", "evil.org")},
            *({"id": who, "type": self.some("user", "group"), "role": role, "emailAddress": who} for who in PEOPLE),
            {"id": "gone", "type": "user", "role": role},
        )

    def s3(self, i):
        """Return an object of a bucket."""
        row = self.hashed(self.entry(f"key/{i}"), "md5", "multipart", "opaque")
        if self.dice.random() < 0.8:
            grants = [
                {
                    "grantee": self.some("us", "them", ALL_USERS, None),
                    "permission": self.some("READ", "READ_ACP", "WRITE"),
                }
                for _ in range(self.dice.randrange(3))
            ]
            row["permissions"] = canonical_json({"owner": "us", "grants": grants})
        return row

    def local(self, i):
        """Return an entry of a folder."""
        # Hard links: two entries of one inode.
        external_id = self.some(f"{i}-1", f"{i // 2 * 2}-1#{i}", f"path-{i}")
        row = self.hashed(self.entry(external_id, self.some("file", "file", "folder", "shortcut")), "sha256", "md5")
        mode = self.some("0644", "0600", "0666", "0755", "1777", "0777")
        row["permissions"] = canonical_json({"gid": 1, "mode": mode, "uid": 1})
        return row

    def autodesk(self, i):
        """Return an entry of Autodesk: every tenth is a folder, the files in which tell no permissions."""
        if i % 10 == 0:
            who = self.some(*PEOPLE)
            grant = self.some(
                {"id": "1", "type": "user", "role": "reader", "emailAddress": who, "name": who},
                {"id": "2", "type": "company", "role": "writer", "name": self.some("NORDLICHT", "Builders")},
                {"id": "3", "type": "user", "role": "none", "emailAddress": "eve@evil.org"},
            )
            permissions = self.some(None, canonical_json([grant]))
            return self.entry(f"f{i}", "folder", permissions=permissions, trashed=False)
        return self.entry(f"u{i}", parent_id=f"f{i // 10 * 10}")

    def live(self):
        """Yield every live row with its endpoint, its type and its object: what is one, however often it is seen."""
        for endpoint, (kind, place, rows) in self.endpoints.items():
            for row in rows:
                if not row["trashed"]:
                    inode = kind == "local" and not row["external_id"].startswith("path-")
                    found = ("inode", row["external_id"].split("#")[0]) if inode else (place, row["external_id"])
                    yield {**row, "endpoint": endpoint, "object": found}

    def files(self):
        """Return the live rows that are no folders."""
        return [row for row in self.live() if row["kind"] != "folder"]

    def stored(self, folder):
        """Write the snapshots."""
        held = []
        for endpoint, (kind, place, rows) in self.endpoints.items():
            path = folder / f"[{endpoint}]*.parquet"
            columns = {name: [row[name] for row in rows] for name in rows[0]}
            # Two tables, as several row groups.
            pq.write_table(pa.Table.from_batches([build_batch(columns, len(rows))]), path, row_group_size=40)
            held.append(Held(endpoint, kind, place, path))
        return held


def written(name, held, folder, settings=OWN):
    """Return the numbers, the rows and the picture of a report."""
    terms = Terms(settings, round(DAY_END.timestamp()) * 1_000_000)
    plan = PLANS[name]
    con = connect("200MB", folder / "tmp", 2)
    try:
        con.execute(MACROS)
        relate(con, held)
        plan.prepare(con, terms)
        numbers = con.sql(plan.numbers(terms)).to_arrow_table().to_pylist()
        rows = con.sql(plan.rows(terms)).to_arrow_table().to_pylist()
        assert len(numbers) == 1
        return numbers[0], json.loads(json.dumps(rows, default=str)), plan.picture(con, terms)
    finally:
        con.close()
