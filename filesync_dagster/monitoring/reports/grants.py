"""Whom permissions let in, told from what each kind of store says of them. Pure.

Only what a store tells of an entry counts: a bucket policy, a sharing setting of the whole domain, or the mode of a
folder further up may allow more, or less.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from filesync_dagster.config import ReportSettings
from filesync_dagster.core.model import Kind

PUBLIC, EXTERNAL, MACHINE = "public", "external", "machine"
REACHES = (PUBLIC, EXTERNAL, MACHINE)
"""How far an entry can be reached: by anyone, by named outsiders, by every user of a machine. The worst first."""

ANYONE = {
    "http://acs.amazonaws.com/groups/global/AllUsers": "anyone",
    "http://acs.amazonaws.com/groups/global/AuthenticatedUsers": "anyone with an AWS account",
}
S3_ACTIONS = {"READ": "read", "WRITE": "write", "WRITE_ACP": "write", "FULL_CONTROL": "write"}
"""What lets somebody in. READ_ACP shows who may, not what there is."""

READERS, NOBODY = frozenset({"reader", "commenter"}), "none"
WORLD_READS, WORLD_WRITES, STICKY = 0o004, 0o002, 0o1000
MENTIONED = 5


@dataclass(frozen=True)
class Exposure:
    """The furthest reach of an entry: who is let in by that, and what they may do."""

    reach: str
    who: str
    may: str  # read | write


@dataclass(frozen=True, order=True)
class Grant:
    """One way in."""

    rank: int  # of the reach
    who: str
    writes: bool


def exposure(permissions: str, kind: str, own: ReportSettings) -> Exposure | None:
    """Return the furthest reach of an entry with these permissions (canonical JSON of a connector), if any."""
    found = sorted(_grants(orjson.loads(permissions), kind, own))
    if not found:
        return None
    furthest = [grant for grant in found if grant.rank == found[0].rank]
    names = list(dict.fromkeys(grant.who for grant in furthest))
    more = f" and {len(names) - MENTIONED} more" if len(names) > MENTIONED else ""
    who = ", ".join(names[:MENTIONED]) + more
    return Exposure(REACHES[found[0].rank], who, "write" if any(grant.writes for grant in furthest) else "read")


def _grants(told: Any, kind: str, own: ReportSettings) -> Iterator[Grant]:
    if isinstance(told, list):
        return _of_people(told, own)
    if isinstance(told, dict) and "grants" in told:
        return _of_objects(told, own)
    if isinstance(told, dict) and "mode" in told:
        return _of_mode(int(told["mode"], 8), kind)
    return iter(())


def _of_people(told: Sequence[Mapping[str, Any]], own: ReportSettings) -> Iterator[Grant]:
    """Google Drive, and Autodesk in the same words."""
    for one in told:
        role = one.get("role")
        if role == NOBODY:
            continue
        writes = role not in READERS
        match one.get("type"):
            case "anyone":
                found = one.get("allowFileDiscovery")
                yield Grant(0, "anyone, by search" if found else "anyone with the link", writes)
            case "company":
                name = one.get("name")
                if name and own.own_companies and name.casefold() not in {c.casefold() for c in own.own_companies}:
                    yield Grant(1, name, writes)
            case _:
                # A domain as a whole, or somebody with an address in it.
                who = one.get("domain") if one.get("type") == "domain" else one.get("emailAddress")
                if who and own.own_domains and not is_own(who.rpartition("@")[2], own.own_domains):
                    yield Grant(1, who, writes)


def is_own(domain: str, ours: Sequence[str]) -> bool:
    """Tell whether a domain is one of ours, or below one.

    >>> is_own("eu.company.com", ["company.com"]), is_own("notcompany.com", ["company.com"])
    (True, False)
    """
    domain = domain.lower().rstrip(".")
    return any(domain == our or domain.endswith("." + our) for our in (name.lower() for name in ours))


def _of_objects(told: Mapping[str, Any], own: ReportSettings) -> Iterator[Grant]:
    """S3: the owner of an object is one of us, unless the settings name our accounts."""
    ours = own.own_accounts or [str(told.get("owner"))]
    for one in told["grants"]:
        grantee, action = one.get("grantee"), S3_ACTIONS.get(one.get("permission"))
        if action is None or not grantee:
            continue
        if grantee in ANYONE:
            yield Grant(0, ANYONE[grantee], action == "write")
        elif not grantee.startswith("http") and grantee not in ours:
            yield Grant(1, f"AWS account {grantee}", action == "write")


def _of_mode(mode: int, kind: str) -> Iterator[Grant]:
    """A folder of a machine: whoever may write to a folder may replace what is in it, if it is not sticky."""
    if kind == Kind.SHORTCUT:  # the mode of a symbolic link says nothing
        return
    writes = bool(mode & WORLD_WRITES) and not (kind == Kind.FOLDER and mode & STICKY)
    if writes or (mode & WORLD_READS and kind != Kind.FOLDER):
        yield Grant(2, "every user of the machine", writes)
