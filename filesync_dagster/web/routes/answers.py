"""What the description says of answers that are no success."""

from typing import Any

from filesync_dagster.web.messages import Problem

DESCRIPTIONS = {
    400: "The request was not understood.",
    401: "The token or the signature is missing or wrong.",
    403: "Nobody may: there is no token; or you may not, or it did not come from a page of the console.",
    404: "There is nothing of this name.",
    409: "It cannot be done as things are.",
    413: "The body is too large.",
    415: "The body is not of the kind that it should be.",
    410: "It has expired.",
    412: "It was changed since it was read.",
    422: "It was understood, and the source or the file does not give what was asked.",
    421: "A browser was led here by a name that is not in settings.serve.hosts.",
    423: "Somebody else is sending it.",
    429: "Too often: `Retry-After` says in how many seconds again.",
    503: "The database or Dagster is not to be had.",
    507: "There is no room for it.",
}


def problems(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Return the answers with these statuses, each a Problem."""
    return {status: {"model": Problem, "description": DESCRIPTIONS[status]} for status in sorted(statuses)}


def _problem_schema(description: str) -> dict[str, Any]:
    schema = {"$ref": "#/components/schemas/Problem"}
    return {"description": description, "content": {"application/json": {"schema": schema}}}


ADMISSION = {status: _problem_schema(DESCRIPTIONS[status]) for status in (403, 421)}
"""What everybody may be answered of whom it is asked who they are."""
