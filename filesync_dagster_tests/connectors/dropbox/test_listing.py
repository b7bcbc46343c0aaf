"""What a listing finds, and what it says that it does not."""

import pytest

from filesync_dagster.connectors.rest.errors import BadRequest
from filesync_dagster.core.errors import AccessDenied, AuthenticationFailed, NotFound, SourceError
from filesync_dagster.core.model import Meter
from filesync_dagster.simulators.kit.faults import Fault
from filesync_dagster.simulators.kit.wire import InProcess
from filesync_dagster.testing.rows import files, many, populate, rows


def test_paths_are_made_of_the_names_of_folders(place, opened):
    """Dropbox's own are in lower case, but for the last name."""
    populate(place, {"Über Uns/Pläne/Haus A.PDF": b"x"})
    found = {row["path"] for row in rows(place, opened(place))}
    assert found == {"Über Uns", "Über Uns/Pläne", "Über Uns/Pläne/Haus A.PDF"}


@pytest.mark.parametrize(
    ("kind", "expected"), [("file", "file"), ("paper", "document"), ("web", "shortcut"), ("symlink", "shortcut")]
)
def test_what_has_no_bytes_has_no_size(place, opened, kind, expected):
    """Nor a hash; it is a row all the same."""
    name = "a.web" if kind == "web" else "a"
    place.store.create(name, kind=kind, content=b"abc", target="/elsewhere" if kind == "symlink" else None)
    [row] = rows(place, opened(place))
    assert row["kind"] == expected
    assert (row["size"], row["content_hash"] is not None) == ((3, True) if kind == "file" else (None, False))
    assert row["version"]


def test_a_listing_that_is_reset_begins_anew(place, opened):
    """In the same sync, and nothing is missing."""
    populate(place, many(40))
    source = opened(place)
    place.plan.add(Fault.EXPIRE_PAGE, after=1)
    assert len(files(place, source)) == 40


def test_what_a_recursive_list_leaves_out_is_listed_by_itself(namespace, opened):
    """Folders that are mounted in a namespace, and those that are mounted in them."""
    namespace.write("deep/a.txt", b"1")
    inner = namespace.store.create("Inner", namespace.parent, kind="folder")
    namespace.store.share_folder(inner)
    namespace.store.create("b.txt", inner)
    found = {row["path"] for row in rows(namespace, opened(namespace))}
    assert found == {"deep", "deep/a.txt", "Inner", "Inner/b.txt"}


def test_what_is_left_out_and_not_followed_is_a_gap(place, opened):
    """It is listed all the same, and named."""
    place.store.omits_namespaces = True
    shared = place.store.create("Shared", kind="folder")
    place.store.share_folder(shared)
    place.store.create("a.txt", shared)
    found = list(opened(place).list("dropbox"))
    assert "a.txt" in {name for page in found for name in page.batch["name"].to_pylist()}
    [gap] = [gap for page in found for gap in page.gaps]
    assert gap.path == "shared"
    assert "does not tell what changes there" in gap.reason


def test_without_the_right_to_ask_for_shared_folders_they_are_a_gap(namespace, opened):
    """Nobody can follow what changes there."""
    namespace.write("a.txt", b"1")
    namespace.plan.add(Fault.DENY, "sharing/list_folders", times=-1, reason="missing_scope")
    found = list(opened(namespace).list(opened(namespace).scopes()[0]))
    assert {gap.path for page in found for gap in page.gaps} == {"mounted"}


def test_an_empty_shared_folder_is_no_gap(place, opened):
    """There is nothing in it that could be left out."""
    place.store.share_folder(place.store.create("Shared", kind="folder"))
    assert [row["path"] for row in rows(place, opened(place))] == ["Shared"]


@pytest.mark.parametrize(("fault", "status"), [(Fault.REFUSE, 404), (Fault.REFUSE, 422)])
def test_only_dropboxs_own_word_says_that_something_is_gone(place, opened, fault, status):
    """A proxy's 404, or a root that is refused, removes nothing that is looked up."""
    made = place.write("a.txt", b"1")
    source = opened(place)
    place.plan.add(fault, "files/get_metadata", status=status, times=-1)
    with pytest.raises(SourceError):
        list(source.lookup([made], "dropbox"))


def test_the_headers_say_who_asks_and_from_where(place, opened):
    """A team's app in the name of a member, at a root."""
    seen = []
    place.store.members = {"dbmid:ada"}

    class Wire(InProcess):
        def handle_request(self, request):
            seen.append(request.headers)
            return super().handle_request(request)

    place.wire = Wire(place.simulator)
    with pytest.raises(NotFound) as refused:
        opened(place, select_user="dbmid:ada", namespace_id="77").check()
    assert seen[-1]["dropbox-api-select-user"] == "dbmid:ada"
    assert seen[-1]["dropbox-api-path-root"] == '{".tag": "namespace_id", "namespace_id": "77"}'
    assert "namespace_id" in refused.value.hint
    with pytest.raises(AccessDenied, match="invalid_select_user"):
        opened(place, select_user="dbmid:bob").check()


def test_what_dropbox_says_in_plain_text(place, opened):
    """A team's app that names nobody, an app that has one root: the message has Dropbox's words, the hint ours."""
    place.store.members = {"dbmid:ada"}
    with pytest.raises(BadRequest, match="entire Dropbox Business team") as refused:
        opened(place).check()
    assert "select_user" in refused.value.hint
    place.store.members, place.store.is_app_folder = set(), True
    with pytest.raises(BadRequest, match="Path-Root"):
        list(opened(place, namespace_id="7").list("namespace:7"))


def test_an_access_token_alone(place, opened):
    """It works until it does not: nothing can renew it."""
    place.write("a.txt", b"1")
    token = place.simulator.access_token()
    nobody = {"app_key": None, "app_secret": None, "refresh_token": None}
    source = opened(place, access_token=token, **nobody)
    assert list(files(place, source)) == ["a.txt"]
    place.simulator.issuer.expire_all()
    with pytest.raises(AuthenticationFailed) as refused:
        list(source.list("dropbox"))
    assert token not in str(refused.value)


def test_a_throttle_is_waited_out_as_the_body_says(place, opened):
    """Dropbox tells the seconds there, and not always in a header."""
    place.write("a.txt", b"1")
    place.plan.add(Fault.THROTTLE, "files/list_folder", seconds=7)
    meter, waits = Meter(), []
    source = opened(place, meter=meter)
    tenant = source._api.calls.calls.tenant
    pause = tenant.pause
    tenant.pause = lambda seconds, reason: (waits.append(seconds), pause(0, reason))
    source._api.calls.calls.policy = source._api.calls.calls.policy.__class__()
    assert list(files(place, source)) == ["a.txt"]
    assert waits == [7.0]


def test_members_of_shared_folders(place, opened):
    """Of each shared folder once; everything else is the account's own."""
    place.store.create("mine")
    team = place.store.create("Team", kind="folder")
    place.store.share_folder(team)
    place.store.share(team, "bob@example.com", "writer")
    place.store.create("theirs", team)
    found = {row["path"]: row["permissions"] for row in rows(place, opened(place, include_permissions=True))}
    assert "bob@example.com" in found["Team"]
    assert found["Team"] == found["Team/theirs"]
    assert "bob" not in found["mine"]
    assert '"role":"owner"' in found["mine"]
