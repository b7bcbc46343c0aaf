"""What the description says of answers that are no success."""

from typing import Any

from filesync_dagster.web.messages import Problem

DESCRIPTIONS = {
    400: "The request was not understood.",
    401: "The token or the signature is missing or wrong.",
    403: "Nobody may: there is no token.",
    404: "There is nothing of this name.",
    409: "It cannot be done as things are.",
    413: "The body is too large.",
    415: "The body is not JSON.",
    503: "The database or Dagster is not to be had.",
}


def problems(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Return the answers with these statuses, each a Problem."""
    return {status: {"model": Problem, "description": DESCRIPTIONS[status]} for status in sorted(statuses)}
