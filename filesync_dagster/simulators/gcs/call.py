"""One call: its bucket and object, and what it is conditional on."""

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote

from filesync_dagster.simulators.gcs.resources import object_resource, select_fields
from filesync_dagster.simulators.gcs.store import GcsStore, StoredBucket, StoredObject
from filesync_dagster.simulators.kit.refusals import Refusal
from filesync_dagster.simulators.kit.service import ServiceCall
from filesync_dagster.simulators.kit.wire import Request

NOT_MODIFIED, PRECONDITION_FAILED = 304, 412
PATH = re.compile(
    r"(?P<kind>/(?:upload|download))?/storage/v1/b(?:/(?P<bucket>[^/]+))?(?:/(?P<list>o)(?:/(?P<object>.+))?)?",
    re.DOTALL,
)
PUBSUB_PATH = re.compile(r"/v1/(?P<resource>projects/[^/]+/(?P<group>topics|subscriptions)/[^/:]+)(?::(?P<verb>\w+))?")
NOTIFICATIONS_PATH = re.compile(r"/storage/v1/b/(?P<bucket>[^/]+)/notificationConfigs")
COPIES = ("/rewriteTo/b/", "/copyTo/b/")


def ids_of(request: Request) -> dict[str, str] | None:
    """Return what a path names: kind, bucket, list, object, and to where that is copied. Paths come decoded."""
    found = PATH.fullmatch(request.path)
    if found is None:
        return None
    ids = {name: value or "" for name, value in found.groupdict().items()}
    for copy in COPIES if request.method == "POST" else ():
        if copy in ids["object"]:
            ids["object"], _, target = ids["object"].partition(copy)
            ids["target_bucket"], _, ids["target"] = target.partition("/o/")
            ids["copy"] = copy
    return ids


class GcsCall(ServiceCall[GcsStore]):
    """A call of an operation."""

    @property
    def bucket(self) -> StoredBucket:
        """The bucket that it is about. Raises Refusal."""
        return self.store.bucket(self.ids["bucket"])

    def object(self) -> StoredObject:
        """Return the generation that it is about, if its conditions hold. Raises Refusal."""
        name = self.ids["object"]
        wanted = self.request.parameter("generation")
        if self.request.parameter("softDeleted").lower() == "true":
            found = next((o for o in self.bucket.soft if o.name == name and str(o.generation) == wanted), None)
        elif wanted:
            generations = self.bucket.objects.get(name, [])
            found = next((o for o in generations if str(o.generation) == wanted), None)
        else:
            found = self.bucket.live(name)
        if found is None:
            raise Refusal(404, "notFound", f"No such object: {self.bucket.name}/{name}")
        self.require_conditions(found)
        return found

    def require_conditions(self, found: StoredObject | None, prefix: str = "if") -> None:
        """Raise Refusal when what is there is not what the call is conditional on."""
        for condition, value in (
            ("GenerationMatch", found.generation if found else 0),
            ("MetagenerationMatch", found.metageneration if found else 0),
        ):
            wanted = self.request.parameter(f"{prefix}{condition}")
            if wanted and wanted != str(value):
                raise Refusal(
                    PRECONDITION_FAILED,
                    "conditionNotMet",
                    "At least one of the pre-conditions you specified did not hold.",
                )
        unwanted = self.request.parameter(f"{prefix}GenerationNotMatch")
        if unwanted and found is not None and unwanted == str(found.generation):
            raise Refusal(NOT_MODIFIED, "notModified", "Not Modified")

    @property
    def origin(self) -> str:
        """Where the service was asked, as links in its answers begin."""
        host = self.request.headers.get("host", "storage.googleapis.com")
        return f"{'http' if host.startswith(('127.0.0.1', 'localhost')) else 'https'}://{host}"

    def resource(self, found: StoredObject, bucket: str, *, acl: bool = False) -> dict[str, Any]:
        """Return the description of an object."""
        return object_resource(found, bucket, acl=acl, origin=self.origin)

    def answer(self, document: Any) -> Any:
        """Return what `fields` asks for of a document."""
        return select_fields(document, self.request.parameter("fields"))


def target_object(ids: Mapping[str, str]) -> tuple[str, str]:
    """Return where an object is copied to."""
    return unquote(ids["target_bucket"]), ids["target"]
