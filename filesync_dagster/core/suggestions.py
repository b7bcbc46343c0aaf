"""What somebody may have meant who named a place where nothing is."""

from collections.abc import Iterable
from difflib import get_close_matches


def did_you_mean(wanted: str, known: Iterable[str]) -> str:
    """Return the known name that is nearest to what was wanted, in brackets; nothing when none is near.

    >>> did_you_mean("drawngs/", ["drawings/", "models/"]), did_you_mean("x", ["drawings/"])
    (' (did you mean drawings/?)', '')
    """
    near = get_close_matches(wanted, sorted(known), n=1)
    return f" (did you mean {near[0]}?)" if near and near[0] != wanted else ""


def nothing_below(place: str, wanted: str, known: Iterable[str]) -> str:
    """Return the sentence about a place without entries, of which the part `wanted` is not among what is known.

    >>> nothing_below("drawngs/2026/", "drawngs/", ["drawings/", "models/"])
    'Nothing is below drawngs/2026/ (did you mean drawings/?).'
    """
    return f"Nothing is below {place}{did_you_mean(wanted, known)}."
