"""Pages of a listing: which entries are on one, where the next one is, and what faults do to them."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar
from urllib.parse import quote

from filesync_dagster.simulators.autodesk.questions import Question

Entry = TypeVar("Entry")


@dataclass
class Cuts:
    """Pages that were served short: what they left out comes first on the page after them.

    The cuts of a listing are forgotten when its first page is asked for again.
    """

    _cuts: dict[str, dict[int, int]] = field(default_factory=dict)

    def of(self, listing: str, number: int) -> dict[int, int]:
        """Return by how many entries each page of a listing was shorter than its limit."""
        if number == 0:
            self._cuts.pop(listing, None)
        return self._cuts.get(listing, {})

    def cut(self, listing: str, number: int, shorter: int) -> None:
        """Remember that a page was shorter than its limit."""
        self._cuts.setdefault(listing, {})[number] = shorter


def page(entries: Sequence[Entry], question: Question, cuts: dict[int, int]) -> tuple[Sequence[Entry], bool]:
    """Return the entries of a page by their positions now, and whether there are more after it."""
    start = question.number * question.limit - sum(cut for number, cut in cuts.items() if number < question.number)
    end = start + question.limit - cuts.get(question.number, 0)
    return entries[start:end], len(entries) > end


def links(url: str, query: Sequence[tuple[str, str]], question: Question, *, more: bool) -> dict[str, Any]:
    """Return the links of a page. Only a page without `next` is the last one."""

    def to(number: int) -> dict[str, str]:
        others = [(name, value) for name, value in query if name != "page[number]"]
        pairs = [("page[number]", str(number)), *others]
        return {"href": f"{url}?{'&'.join(f'{quote(name)}={quote(value)}' for name, value in pairs)}"}

    found = {"self": to(question.number)}
    if question.number:
        found |= {"first": to(0), "prev": to(question.number - 1)}
    if more:
        found["next"] = to(question.number + 1)
    return found
