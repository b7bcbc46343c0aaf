"""Contents: Box answers with an address at another host, which is for whoever has it and wants no token."""

from filesync_dagster.simulators.box.call import BoxCall, not_found
from filesync_dagster.simulators.kit.content import answer_content
from filesync_dagster.simulators.kit.refusals import Refusal
from filesync_dagster.simulators.kit.tokens import random_token
from filesync_dagster.simulators.kit.wire import Answer

DOWNLOAD = "download"
LINK_PATH = "/d/1/"
LOCAL = "127.0.0.1"


def locate_content(call: BoxCall) -> Answer:
    """Answer where the content of a version of a file is."""
    item = call.item("file")
    wanted = call.request.parameter("version", item.version_id)
    revision = next((one for one in item.contents if f"{item.number}{one:04}" == wanted), None)
    if revision is None:
        if not item.contents:
            raise Refusal(501, "not_implemented", "The simulator keeps no content of files that were made in bulk.")
        raise not_found("file_version")
    signature = random_token("b1!", 24)
    call.store.links[signature] = item.id, revision
    return Answer(302, b"", {"location": f"{_download_host(call)}{LINK_PATH}{signature}/download"})


def send_content(call: BoxCall) -> Answer:
    """Answer with a content."""
    if "authorization" in call.request.headers:
        raise Refusal(400, "bad_request", "A token was sent to where none belongs.")
    item_id, revision = call.store.links.get(call.ids["id"], ("", 0))
    item = call.store.entries.get(item_id)
    if item is None:
        raise Refusal(403, "forbidden", "The address has expired.")
    answer = answer_content(call.request, item.contents[revision], {"content-type": "application/octet-stream"})
    return answer or Answer(416, b"", {"content-range": f"bytes */{len(item.contents[revision])}"})


def _download_host(call: BoxCall) -> str:
    """Return the origin of downloads. On this machine it is the same server under another name."""
    host = call.request.headers.get("host", "api.box.com")
    return f"http://{host.replace(LOCAL, 'localhost')}" if host.startswith(LOCAL) else f"http://dl.{host}"
