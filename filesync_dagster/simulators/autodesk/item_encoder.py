"""Items as the text that they are sent as, kept for a while: listings are read again and again."""

from typing import Any

import orjson

from filesync_dagster.simulators.autodesk.documents import Documents, Resource
from filesync_dagster.simulators.autodesk.entries import AutodeskItem

KEPT = 8192


class EncodedResource(dict[str, Any]):
    """A resource of which only the identity and the tip are at hand; all of it is in its text."""

    def __init__(self, resource: Resource) -> None:
        tip = resource["relationships"].get("tip", {})
        super().__init__(type=resource["type"], id=resource["id"], relationships={"tip": tip})
        self.text = orjson.Fragment(orjson.dumps(resource))


class Encoder:
    """Keeps the texts of the items that were written last, each for as long as the item is what it was."""

    def __init__(self) -> None:
        self._kept: dict[str, tuple[tuple[object, ...], EncodedResource, EncodedResource]] = {}

    def item(self, documents: Documents, item: AutodeskItem) -> tuple[EncodedResource, EncodedResource]:
        """Return an item and its tip version."""
        tip = item.tip
        state = (
            documents.base,
            item.parent,
            item.modified,
            item.hidden,
            item.reserved,
            tip.number,
            tip.name,
            tip.modified,
        )
        kept = self._kept.get(item.id)
        if kept is None or kept[0] != state:
            if len(self._kept) >= KEPT:
                del self._kept[next(iter(self._kept))]
            kept = (state, EncodedResource(documents.item(item)), EncodedResource(documents.tip(item)))
            self._kept[item.id] = kept
        return kept[1:]


def encode(document: Resource) -> bytes:
    """Return a document, parts of which may be encoded already, as it is sent."""
    return orjson.dumps(document, default=_text, option=orjson.OPT_PASSTHROUGH_SUBCLASS)


def _text(part: object) -> orjson.Fragment:
    if isinstance(part, EncodedResource):
        return part.text
    raise TypeError(type(part))
