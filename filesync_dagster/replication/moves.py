"""The order of moves: none lands on a file that has yet to go its way. Pure: no I/O."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from filesync_dagster.connectors.destination import ASIDE_SUFFIX


@dataclass(frozen=True, slots=True)
class PlannedMove:
    """A file that gets another path at the destination."""

    external_id: str
    path: str
    new_path: str


def order_moves(moves: Iterable[PlannedMove]) -> Iterator[PlannedMove]:
    """Yield moves so that each finds its place free; in a circle, one of them goes by way of a name of its own.

    >>> [f"{m.path}>{m.new_path}" for m in order_moves([PlannedMove("1", "a", "b"), PlannedMove("2", "b", "c")])]
    ['b>c', 'a>b']
    >>> swap = order_moves([PlannedMove("1", "a", "b"), PlannedMove("2", "b", "a")])
    >>> [(m.path[:1], m.new_path[:1]) for m in swap]
    [('a', 'a'), ('b', 'a'), ('a', 'b')]
    """
    waiting = {move.path: move for move in moves}
    while waiting:
        _, first = next(iter(waiting.items()))
        yield from _chain(first, waiting)


def _chain(first: PlannedMove, waiting: dict[str, PlannedMove]) -> Iterator[PlannedMove]:
    """Yield a move with those that have to go before it, last first."""
    chain = [first]
    while (following := waiting.get(chain[-1].new_path)) is not None and following is not first:
        chain.append(following)
    for move in chain:
        del waiting[move.path]
    if following is first:
        aside = f"{first.path}.{len(chain)}{ASIDE_SUFFIX}"
        yield PlannedMove(first.external_id, first.path, aside)
        yield from reversed(chain[1:])
        yield PlannedMove(first.external_id, aside, first.new_path)
    else:
        yield from reversed(chain)


def moved_below(path: str, renames: Mapping[str, str]) -> str:
    """Return where a path is after folders were renamed, one after the other.

    >>> moved_below("a/b/c", {"a": "x", "x/b": "y"})
    'y/c'
    """
    for old, new in renames.items():
        if path == old or path.startswith(f"{old}/"):
            path = new + path[len(old) :]
    return path
