"""Permissions of folders, as the documentation of the service tells them: there is no description to judge by."""

import jsonschema
import pytest

from filesync_dagster.simulators.autodesk.refusals import ApsRefusal
from filesync_dagster.simulators.kit.faults import Fault
from filesync_dagster_tests.simulators.autodesk.conftest import client_of

DOCUMENTED = {
    "type": "array",
    "items": {
        "type": "object",
        "required": ["subjectId", "name", "subjectStatus", "subjectType", "actions", "inheritActions"],
        "additionalProperties": False,
        "properties": {
            "subjectId": {"type": "string", "format": "uuid"},
            "autodeskId": {"type": "string"},
            "name": {"type": "string"},
            "email": {"type": "string"},
            "userType": {"enum": ["PROJECT_ADMIN", "PROJECT_MEMBER"]},
            "subjectStatus": {"enum": ["ACTIVE", "INACTIVE", "PENDING", "DISABLED"]},
            "subjectType": {"enum": ["USER", "COMPANY", "ROLE"]},
            "actions": {"$ref": "#/definitions/actions"},
            "inheritActions": {"$ref": "#/definitions/actions"},
        },
    },
    "definitions": {
        "actions": {
            "type": "array",
            "uniqueItems": True,
            "items": {
                "enum": ["PUBLISH", "PUBLISH_MARKUP", "VIEW", "DOWNLOAD", "COLLABORATE", "EDIT", "CONTROL"],
            },
        }
    },
}


def ask(world, folder=None, project=None, client=None, **query):
    """Ask who may do what with a folder."""
    project = project or world.project.removeprefix("b.")
    path = f"/bim360/docs/v1/projects/{project}/folders/{folder or world.top}/permissions"
    return (client or world.client).get(path, params=query)


def visible_children(world, folder=None):
    """Return the actions of each who was given some, here and above."""
    answer = ask(world, folder).raise_for_status().json()
    return {
        one["name"]: (one["actions"], one["inheritActions"]) for one in answer if one.get("userType") != "PROJECT_ADMIN"
    }


def test_answers_are_as_documented(world):
    """A bare list, as plain JSON, with an administrator who may do everything."""
    world.store.share(world.top, "bob.miller@example.com")
    world.store.share(world.top, "Concrete Inc.", "COMPANY")
    world.store.share(world.top, "Architect", "ROLE", ["VIEW"])

    answer = ask(world)

    jsonschema.validate(answer.json(), DOCUMENTED)
    assert answer.headers["content-type"] == "application/json"
    assert [(one["subjectType"], one["name"]) for one in answer.json()] == [
        ("USER", "Ada Brandt"),
        ("USER", "Bob Miller"),
        ("COMPANY", "Concrete Inc."),
        ("ROLE", "Architect"),
    ]
    assert set(answer.json()[0]["actions"]) >= {"VIEW", "EDIT", "CONTROL"}


def test_sharing_and_taking_back(world):
    """What is given again replaces what was given; what comes from above stays when it is taken back below."""
    below = world.store.folder(world.top, "below")
    world.store.share(world.top, "Architect", "ROLE", ["VIEW"])
    world.store.share(below, "Architect", "ROLE", ["EDIT"])
    world.store.share(below, "Architect", "ROLE", ["PUBLISH", "VIEW"])

    assert visible_children(world, below) == {"Architect": (["PUBLISH", "VIEW"], ["VIEW"])}
    world.store.unshare(below, "Architect", "ROLE")
    assert visible_children(world, below) == {"Architect": ([], ["VIEW"])}
    world.store.unshare(world.top, "Architect", "ROLE")
    assert visible_children(world, below) == {}


def test_a_move_changes_what_is_inherited(world):
    """A folder has what is given above the place where it is."""
    there, mover = world.store.folder(world.top, "there"), world.store.folder(world.top, "mover")
    world.store.share(there, "Architect", "ROLE", ["VIEW"])

    world.store.move(mover, there)

    assert visible_children(world, mover) == {"Architect": ([], ["VIEW"])}


@pytest.mark.parametrize(
    ("who", "how"),
    [
        ("Architect", {}),
        ("bob@example.com", {"kind": "ROLE"}),
        ("Architect", {"kind": "GROUP"}),
        ("bob@example.com", {"actions": ["READ"]}),
        ("bob@example.com", {"actions": []}),
        ("ada.brandt@example.com", {}),
    ],
)
def test_what_cannot_be_given(world, who, how):
    """People have addresses, the others names; actions are Autodesk's; administrators have everything anyway."""
    with pytest.raises(ApsRefusal):
        world.store.share(world.top, who, **how)


def test_what_cannot_be_shared(world):
    """Not the root folder of a project, and not what is deleted; and only what was given can be taken back."""
    gone = world.store.folder(world.top, "gone")
    world.store.hide(gone)

    for folder in (world.project, gone):
        with pytest.raises(ApsRefusal):
            world.store.share(folder, "Architect", "ROLE")
    with pytest.raises(ApsRefusal):
        world.store.unshare(world.top, "Architect", "ROLE")


def test_rollups_tell_of_it_or_do_not(world):
    """As with everything else; Autodesk promises neither."""

    def rollup():
        return world.top_folders()["Project Files"]["lastModifiedTimeRollup"]

    before = rollup()
    world.store.share(world.top, "Architect", "ROLE")
    after = rollup()
    world.store.unrolled.add("permission")
    world.store.unshare(world.top, "Architect", "ROLE")

    assert before < after == rollup()


def test_refusals(world):
    """A parameter that is unknown, an id with its `b.`, what is not there, what may not be seen, the wrong scope."""
    assert ask(world, **{"page[limit]": 10}).json()["errors"][0]["code"] == "BAD_INPUT"
    assert ask(world, project=world.project).status_code == 404
    assert ask(world, folder="urn:none").status_code == 404
    world.store.deny(world.top)
    assert ask(world).status_code == 403
    with client_of(world.simulator, scope="data:write") as client:
        assert ask(world, client=client).json()["errorCode"] == "AUTH-010"
    assert world.client.post("/bim360/docs/v1/projects/x/folders/y/permissions").status_code == 404


def test_faults_and_quotas(world):
    """The fault plan knows the call by its name, and it has a quota of its own."""
    world.plan.add(Fault.DENY, "getFolderPermissions")
    world.plan.add(Fault.SERVER_ERROR, "getFolderPermissions", after=1)
    assert [ask(world).status_code for _ in range(3)] == [403, 503, 200]

    world.simulator.limit({"permissions": 1}, now=lambda: 0.0)
    assert [ask(world).status_code for _ in range(2)] == [200, 429]
    assert world.contents().status_code == 200
    assert world.simulator.counts["getFolderPermissions"] == 5


def test_sharing_over_http(world):
    """A demo shares and takes back through paths of our own."""
    given = {"folder": world.top, "who": "Architect", "kind": "ROLE", "actions": ["VIEW"]}

    shared = world.client.post("/_simulator/share", json=given)

    assert shared.json()["result"] == ask(world).json()[-1]["subjectId"]
    assert world.client.post("/_simulator/share", json={**given, "actions": ["READ"]}).status_code == 400
    taken = {"folder": world.top, "who": "Architect", "kind": "ROLE"}
    assert world.client.post("/_simulator/unshare", json=taken).is_success
    assert world.client.post("/_simulator/unshare", json=taken).status_code == 404
    assert visible_children(world) == {}
