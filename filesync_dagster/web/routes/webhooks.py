"""The routes that take notifications of stores and of people: each asks for a sync.

Dropbox and Microsoft Graph first ask whether somebody is there who expects them: what they send is sent back.
"""

from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request, Response, Security
from fastapi.responses import PlainTextResponse

from filesync_dagster.config import Endpoint
from filesync_dagster.core.errors import UnknownEndpoint
from filesync_dagster.web import rest
from filesync_dagster.web.messages import Hint, Problem
from filesync_dagster.web.requests import (
    AUTODESK_SIGNATURE,
    BOX_SIGNATURE,
    DRIVE_TOKEN,
    DROPBOX_SIGNATURE,
    TOKEN,
    RequestRefusal,
)
from filesync_dagster.web.routes.answers import problems
from filesync_dagster.web.routes.endpoints import SITE, Name
from filesync_dagster.web.site import Site
from filesync_dagster.web.webhooks import SOURCE, Notification, Unreadable, bearer, interpret

SCHEMES = (TOKEN, AUTODESK_SIGNATURE, BOX_SIGNATURE, DRIVE_TOKEN, DROPBOX_SIGNATURE)

router = APIRouter()

CHALLENGE_MAX_CHARACTERS = 2_048
"""Of what is sent back to whoever asks: Dropbox sends some forty, Graph some hundred."""

Challenge = Query(max_length=CHALLENGE_MAX_CHARACTERS, description="What is sent back.")
TEXT = {"text/plain": {"schema": {"type": "string"}}}

NO_SECRET = Problem(
    error="Nobody may notify this endpoint.", hint="Set webhook.secret in endpoints.yaml, or FILESYNC_API_TOKEN."
)
WRONG_SECRET = Problem(error="The secret of the endpoint, or the signature by it, is missing or wrong.")


async def read_notification(request: Request) -> Notification:
    """Return what a store sent, as it sent it: signatures are of the bytes."""
    return Notification(request.headers, await request.body())


@router.get(
    "/webhooks/{name}",
    summary="Tell a store that notifications are expected here",
    description="Dropbox asks this when a webhook is added to an app. Nothing is said of the endpoint.",
    response_model=None,
    responses={200: {"description": "What was sent.", "content": TEXT}, **problems(400)},
)
def webhook_challenge(name: Name, challenge: Annotated[str, Challenge]) -> PlainTextResponse:
    """Send back what was sent, whatever the name: strangers learn none."""
    return _echo(challenge)


@router.post(
    "/webhooks/{name}",
    dependencies=[Security(scheme) for scheme in SCHEMES],
    summary="Tell that something changed",
    description="For notifications of MinIO and S3, Google Drive, Autodesk, Box, Dropbox and Microsoft Graph, and for "
    "people. Asks for a sync, which Dagster launches. Who sends it proves to know the secret of the endpoint, or the "
    "token of the API. With `validationToken`, as Graph asks before it subscribes, that is sent back and nothing done.",
    response_description="Done.",
    response_model=Hint,
    responses={
        200: {"content": TEXT},
        202: {"model": Hint, "description": "Accepted: it will be done."},
        **problems(400, 401, 403, 404, 409, 413, 503),
    },
    openapi_extra={"requestBody": {"content": {"application/json": {"schema": {"type": "object"}}}, "required": False}},
)
def webhook(
    name: Name,
    response: Response,
    notification: Annotated[Notification, Depends(read_notification)],
    validation: Annotated[str | None, Query(alias="validationToken", max_length=CHALLENGE_MAX_CHARACTERS)] = None,
    site: Site = SITE,
) -> Hint | PlainTextResponse:
    """Ask for a sync if who notifies may, and something changed."""
    if validation is not None:
        return _echo(validation)
    endpoint = rest.endpoint_of(site, name)
    if not site.knows(bearer(notification.headers)):
        _recognise(site, endpoint, notification)
    if endpoint is None:
        raise UnknownEndpoint(f"There is no endpoint {name!r}.", hint="Look at /endpoints.")
    try:
        full, hint = interpret(notification, endpoint)
    except Unreadable as error:
        raise RequestRefusal(400, Problem(error=str(error))) from error
    response.status_code = 202 if hint.queued else 200
    if hint.queued and not rest.hint(site, name, SOURCE, full=full):
        return Hint(queued=True, reason="A sync is asked for already.")
    return hint


def _echo(text: str) -> PlainTextResponse:
    """Return a text that no browser takes for more than that."""
    headers = {"x-content-type-options": "nosniff", "content-security-policy": "default-src 'none'"}
    return PlainTextResponse(text, headers=headers)


def _recognise(site: Site, endpoint: Endpoint | None, notification: Notification) -> None:
    """Raise RequestRefusal when who notifies does not know the endpoint's secret; ServiceError when nobody can tell.

    A name that does not exist is refused in the same way: strangers learn no names.
    """
    secret = site.current.webhook_secret(endpoint) if endpoint else None
    if secret is None and site.token is None:
        raise RequestRefusal(403, NO_SECRET)
    if endpoint and secret and not notification.is_from_who_knows(secret):
        secret = site.current.webhook_secret(endpoint, doubted=True)
    if not secret or not notification.is_from_who_knows(secret):
        raise RequestRefusal(401, WRONG_SECRET)
