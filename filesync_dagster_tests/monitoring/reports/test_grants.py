"""Whom permissions let in: of each kind of store, by hand."""

import json

import pytest

from filesync_dagster.config import ReportSettings
from filesync_dagster.monitoring.reports.grants import exposure

OWN = ReportSettings(own_domains=["company.com"], own_companies=["Nordlicht AG"], own_accounts=["us", "our-backup"])
NO_SETTINGS = ReportSettings()
ALL = "http://acs.amazonaws.com/groups/global/AllUsers"
ANY_ACCOUNT = "http://acs.amazonaws.com/groups/global/AuthenticatedUsers"
LOGS = "http://acs.amazonaws.com/groups/s3/LogDelivery"


def told(permissions, own=OWN, kind="file"):
    """Return (reach, who, may), None when nobody is let in."""
    found = exposure(json.dumps(permissions), kind, own)
    return found and (found.reach, found.who, found.may)


def user(address, role="reader", kind="user"):
    """Return a grant of Google Drive or Autodesk."""
    return {"id": address, "type": kind, "role": role, "emailAddress": address}


@pytest.mark.parametrize(
    ("grants", "expected"),
    [
        ([], None),
        ([user("ann@company.com", "owner"), user("bob@eu.Company.com", "writer")], None),
        ([user("eve@evil.org")], ("external", "eve@evil.org", "read")),
        (
            [user("eve@evil.org"), user("all@evil.org", "commenter", "group")],
            ("external", "all@evil.org, eve@evil.org", "read"),
        ),
        (
            [user("eve@evil.org"), user("mal@notcompany.com", "writer")],
            ("external", "eve@evil.org, mal@notcompany.com", "write"),
        ),
        ([user("eve@company.com.evil.org", "owner")], ("external", "eve@company.com.evil.org", "write")),
        ([{"id": "x", "type": "user", "role": "reader"}], None),  # an account that was deleted
        ([{"id": "x", "type": "domain", "role": "reader", "domain": "company.com"}], None),
        ([{"id": "x", "type": "domain", "role": "writer", "domain": "evil.org"}], ("external", "evil.org", "write")),
        ([{"id": "x", "type": "anyone", "role": "reader"}], ("public", "anyone with the link", "read")),
        (
            [{"id": "x", "type": "anyone", "role": "writer", "allowFileDiscovery": True}, user("eve@evil.org")],
            ("public", "anyone, by search", "write"),
        ),
        # What an outsider may write does not make what the public may read worse than it is.
        (
            [{"id": "x", "type": "anyone", "role": "reader"}, user("eve@evil.org", "writer")],
            ("public", "anyone with the link", "read"),
        ),
        (
            [user(f"{i}@evil.org") for i in range(7)],
            ("external", ", ".join(f"{i}@evil.org" for i in range(5)) + " and 2 more", "read"),
        ),
    ],
)
def test_google_drive(grants, expected):
    """Anyone, other domains, and people with addresses in them."""
    assert told(grants) == expected


@pytest.mark.parametrize(
    ("grants", "expected"),
    [
        ([{"id": "1", "type": "company", "role": "writer", "name": "NORDLICHT AG"}], None),
        ([{"id": "1", "type": "company", "role": "reader", "name": "Builders"}], ("external", "Builders", "read")),
        ([{"id": "1", "type": "role", "role": "writer", "name": "Architect"}], None),
        ([user("eve@evil.org", "uploader")], ("external", "eve@evil.org", "write")),
        ([user("eve@evil.org", "none")], None),
    ],
)
def test_autodesk(grants, expected):
    """Companies by their names, people by their addresses; a role of the project is nobody in particular."""
    assert told(grants) == expected


@pytest.mark.parametrize(
    ("grantee", "action", "own", "expected"),
    [
        (ALL, "READ", OWN, ("public", "anyone", "read")),
        (ALL, "FULL_CONTROL", OWN, ("public", "anyone", "write")),
        (ALL, "READ_ACP", OWN, None),
        (ALL, "WRITE_ACP", OWN, ("public", "anyone", "write")),
        (ANY_ACCOUNT, "READ", OWN, ("public", "anyone with an AWS account", "read")),
        (LOGS, "WRITE", OWN, None),
        (None, "READ", OWN, None),
        ("us", "FULL_CONTROL", OWN, None),
        ("our-backup", "READ", OWN, None),
        ("them", "READ", OWN, ("external", "AWS account them", "read")),
        ("them", "READ", NO_SETTINGS, ("external", "AWS account them", "read")),
        ("us", "READ", NO_SETTINGS, None),
        ("our-backup", "READ", NO_SETTINGS, ("external", "AWS account our-backup", "read")),
    ],
)
def test_s3(grantee, action, own, expected):
    """The whole world, other accounts."""
    assert told({"owner": "us", "grants": [{"grantee": grantee, "permission": action}]}, own) == expected


def test_an_object_of_another_account_is_theirs():
    """Where the settings say which accounts are ours, the owner need not be one of us."""
    acl = {"owner": "them", "grants": [{"grantee": "them", "permission": "FULL_CONTROL"}]}
    assert told(acl) == ("external", "AWS account them", "write")
    assert told(acl, NO_SETTINGS) is None


@pytest.mark.parametrize(
    ("mode", "kind", "may"),
    [
        ("0640", "file", None),
        ("0644", "file", "read"),
        ("0666", "file", "write"),
        ("0602", "file", "write"),
        ("0755", "folder", None),
        ("0777", "folder", "write"),
        ("1777", "folder", None),  # sticky: nobody may replace what is somebody else's
        ("0777", "shortcut", None),
    ],
)
def test_local(mode, kind, may):
    """Files that every user may read or write, folders in which every user may replace files."""
    found = told({"gid": 0, "mode": mode, "uid": 0}, kind=kind)
    assert found == (may and ("machine", "every user of the machine", may))


@pytest.mark.parametrize("permissions", [{}, [], {"something": "new"}, "text", None, 7])
def test_what_is_not_known_lets_nobody_in(permissions):
    """A store that tells in other words is not guessed at."""
    assert told(permissions) is None


def test_nobody_is_an_outsider_until_the_settings_say_who_is_inside():
    """By their addresses, that is."""
    grants = [user("eve@evil.org"), {"id": "1", "type": "company", "role": "reader", "name": "Builders"}]
    assert told(grants, NO_SETTINGS) is None
