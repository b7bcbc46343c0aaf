"""Who may do what with folders: people, companies and roles of a project, and its administrator."""

import uuid
from collections.abc import Iterator, Sequence
from typing import Any

from filesync_dagster.simulators.autodesk.entries import PEOPLE, AutodeskEntry
from filesync_dagster.simulators.autodesk.refusals import bad_input
from filesync_dagster.simulators.kit.people import AccessGrant, person_name

KINDS = ("USER", "COMPANY", "ROLE")
ACTIONS = ("PUBLISH", "PUBLISH_MARKUP", "VIEW", "DOWNLOAD", "COLLABORATE", "EDIT", "CONTROL")
VIEW_AND_DOWNLOAD = ("VIEW", "DOWNLOAD", "COLLABORATE")
ADMINISTRATOR = "ada.brandt@example.com"  # of every project

Permission = dict[str, Any]


def subject_id(who: str, kind: str) -> str:
    """Return the id of an address, a company or a role that permissions can be given to. Raises Refusal."""
    if kind not in KINDS or not who or (kind == "USER") != ("@" in who):
        raise bad_input(f"{who!r} is no {kind}.")
    if who == ADMINISTRATOR:
        raise bad_input("The permissions of project administrators cannot be changed.")
    return _id(kind, who)


def grant_on_folder(who: str, kind: str, given: Sequence[str]) -> AccessGrant:
    """Return permissions for an address, or for a company or role by its name, each action once. Raises Refusal."""
    if not given or not set(given) <= set(ACTIONS):
        raise bad_input(f"The actions must be some of {', '.join(ACTIONS)}.")
    actions = tuple(action for action in ACTIONS if action in given)
    address, name = (who, person_name(who)) if kind == "USER" else (None, who)
    return AccessGrant(_id(kind, who), "", kind, address, name=name, actions=actions)


def permissions(folder: AutodeskEntry) -> Iterator[Permission]:
    """Yield who may do what with a folder: the administrator, and who was given something here or above."""
    own = {**(folder.grants or {})}
    above = [grant for at in reversed([*folder.above()][1:]) for grant in (at.grants or {}).values()]
    administrator = grant_on_folder(ADMINISTRATOR, "USER", ACTIONS)
    subjects = {grant.id: grant for grant in (administrator, *above, *own.values())}
    own[administrator.id] = administrator
    for subject in subjects.values():
        inherited = {action for grant in above if grant.id == subject.id for action in grant.actions}
        yield {
            **_described(subject),
            "actions": list(own[subject.id].actions) if subject.id in own else [],
            "inheritActions": [action for action in ACTIONS if action in inherited],
        }


def _described(subject: AccessGrant) -> Permission:
    described: Permission = {"subjectId": subject.id, "name": subject.name}
    if subject.email == ADMINISTRATOR:
        described |= {"autodeskId": PEOPLE[0].id, "email": subject.email, "userType": "PROJECT_ADMIN"}
    elif subject.email:
        autodesk_id = _id("autodesk", subject.email).replace("-", "").upper()[:12]
        described |= {"autodeskId": autodesk_id, "email": subject.email, "userType": "PROJECT_MEMBER"}
    return described | {"subjectStatus": "ACTIVE", "subjectType": subject.type}


def _id(kind: str, who: str) -> str:
    """Return an id that is always the same, so that nothing else depends on the order of things."""
    return str(uuid.uuid5(uuid.NAMESPACE_URL, f"{kind}:{who}"))
