"""Who may do what with folders."""

import uuid
from collections.abc import Sequence
from typing import Any

from filesync_dagster.simulators.autodesk.entries import AutodeskFolder, Subject
from filesync_dagster.simulators.autodesk.refusals import bad_input
from filesync_dagster.simulators.autodesk.tree import PEOPLE, Tree

KINDS = ("USER", "COMPANY", "ROLE")
ACTIONS = ("PUBLISH", "PUBLISH_MARKUP", "VIEW", "DOWNLOAD", "COLLABORATE", "EDIT", "CONTROL")
VIEW_AND_DOWNLOAD = ("VIEW", "DOWNLOAD", "COLLABORATE")

Permission = dict[str, Any]


def permissions(tree: Tree, folder: AutodeskFolder) -> list[Permission]:
    """Return who may do what with a folder: the administrator, and who was given something here or above."""
    [_, *above] = tree.above(folder.id)
    subjects = dict.fromkeys([administrator(), *(who for at in (*reversed(above), folder) for who in at.grants)])
    found = []
    for subject in subjects:
        own = ACTIONS if subject.is_admin else folder.grants.get(subject, ())
        inherited = {action for at in above for action in at.grants.get(subject, ())}
        found.append(_permission(subject, own, [action for action in ACTIONS if action in inherited]))
    return found


def administrator() -> Subject:
    """Return who administers every project."""
    person = PEOPLE[0]
    email = f"{person.name.lower().replace(' ', '.')}@example.com"
    return Subject(_id("USER", email), "USER", person.name, email, person.id, is_admin=True)


def subject_of(who: str, kind: str) -> Subject:
    """Return somebody by an address, or a company or role by its name. Raises Refusal."""
    if kind not in KINDS or not who or (kind == "USER") != ("@" in who):
        raise bad_input(f"{who!r} is no {kind}.")
    if kind != "USER":
        return Subject(_id(kind, who), kind, who)
    if who == administrator().email:
        raise bad_input("The permissions of project administrators cannot be changed.")
    name = who.partition("@")[0].replace(".", " ").title()
    return Subject(_id(kind, who), kind, name, who, _id("autodesk", who).replace("-", "").upper()[:12])


def actions_of(given: Sequence[str]) -> tuple[str, ...]:
    """Return actions, each once. Raises Refusal for what is none."""
    if not given or not set(given) <= set(ACTIONS):
        raise bad_input(f"The actions must be some of {', '.join(ACTIONS)}.")
    return tuple(action for action in ACTIONS if action in given)


def _permission(subject: Subject, own: Sequence[str], inherited: Sequence[str]) -> Permission:
    told: Permission = {"subjectId": subject.id, "name": subject.name}
    if subject.kind == "USER":
        told |= {
            "autodeskId": subject.autodesk_id,
            "email": subject.email,
            "userType": "PROJECT_ADMIN" if subject.is_admin else "PROJECT_MEMBER",
        }
    return told | {
        "subjectStatus": "ACTIVE",
        "subjectType": subject.kind,
        "actions": list(own),
        "inheritActions": list(inherited),
    }


def _id(kind: str, who: str) -> str:
    """Return an id that is always the same, so that nothing else depends on the order of things."""
    return str(uuid.uuid5(uuid.NAMESPACE_URL, f"{kind}:{who}"))
