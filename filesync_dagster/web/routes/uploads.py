"""Uploads: a file in a form, or in pieces by the protocol tus, which goes on where it was cut."""

from typing import Annotated, ClassVar

from anyio.to_thread import run_sync
from fastapi import APIRouter, Depends, Path, Query, Request, Response, Security

from filesync_dagster.api import Filesync
from filesync_dagster.tables.uploads import UploadError, tus
from filesync_dagster.web.generation_requests import note
from filesync_dagster.web.messages import Problem, ReadingChoices, UploadOut, UploadQuery, Uploads
from filesync_dagster.web.requests import TOKEN, NoStoreResponse, ReadRoute, WriteRoute, principal_of_route, site_of
from filesync_dagster.web.routes.answers import problems
from filesync_dagster.web.site import Site
from filesync_dagster.web.uploads import (
    in_threads,
    lend_store,
    read_upload,
    read_upload_again,
    receive_form,
    upload_out,
    write_body,
)

SITE = Depends(site_of)
BASE = "/api/uploads"
Id = Annotated[str, Path(pattern="^[0-9a-f]{32}$", description="The upload's `upload_id`.")]
FORM = {
    "type": "object",
    "required": ["file"],
    "properties": {"file": {"type": "string", "format": "binary", "description": "The file."}},
}


class UploadRoute(WriteRoute):
    """A route whose body is a file, or a piece of one."""

    media_types: ClassVar[frozenset[str]] = frozenset({"multipart/form-data", tus.PIECE_TYPE})


reads = APIRouter(route_class=ReadRoute, dependencies=[Security(TOKEN)])
writes = APIRouter(route_class=UploadRoute, dependencies=[Security(TOKEN)])
choices = APIRouter(route_class=WriteRoute, dependencies=[Security(TOKEN)])
protocol = APIRouter(route_class=UploadRoute, include_in_schema=False)
"""tus, which has a description of its own."""
public = APIRouter(include_in_schema=False)


async def on_upload_error(request: Request, error: Exception) -> Response:
    """Answer what is not taken, in the words of tus where it is asked in them."""
    assert isinstance(error, UploadError)
    headers = {"Tus-Resumable": tus.VERSION} if "tus-resumable" in request.headers else {}
    if error.code == "protocol":
        headers["Tus-Version"] = tus.VERSION
    problem = Problem(error=error.message, hint=error.hint, code=error.code, field=error.field)
    return NoStoreResponse(problem.model_dump(mode="json"), error.status, headers)


@writes.post(
    "/api/upload/file",
    status_code=201,
    summary="Send a file",
    description="One file in the field `file` of a form. It is written to the disk as it comes, judged by what is in "
    "it, and looked at by the virus scanner where one is required. `path` is what a source of type `upload` calls it. "
    "`tables` says what is in it when reading took less than two seconds, else its state is `reading`. 422 with the "
    "line and the reason when it cannot be read: it is kept, for /api/uploads/{upload_id}/reading.",
    response_description="Taken.",
    responses=problems(400, 401, 403, 413, 415, 422, 503, 507),
    openapi_extra={"requestBody": {"required": True, "content": {"multipart/form-data": {"schema": FORM}}}},
)
async def upload_file(request: Request, site: Site = SITE) -> UploadOut:
    """Take the file of a form."""
    async with in_threads(lend_store(site)) as store:
        record = await receive_form(request, store, _owner(request))
    return await run_sync(read_upload, site, record.id)


@reads.get(
    BASE,
    summary="Files that were sent",
    description="The newest first, those that are still coming and those that were refused among them.",
    response_description="Done.",
    responses=problems(400, 401, 503),
)
def list_uploads(query: Annotated[UploadQuery, Query()], site: Site = SITE) -> Uploads:
    """Tell of uploads."""
    with site.current.acquire() as filesync:
        found = filesync.runtime.metadata.uploads.newest(query.limit)
        return Uploads(uploads=[upload_out(record, site) for record in found])


@reads.get(
    BASE + "/{upload_id}",
    summary="One file that was sent",
    description="How far it is, whether it was taken, and what is in it.",
    response_description="Done.",
    responses=problems(400, 401, 404, 410, 503),
)
def show_upload(upload_id: Id, site: Site = SITE) -> UploadOut:
    """Tell of an upload."""
    with lend_store(site) as store:
        return upload_out(store.get(upload_id), site)


@choices.put(
    BASE + "/{upload_id}/reading",
    summary="Say how a file is read",
    description="Its delimiter, encoding, header row, sheet, types of columns; what is left out is found out. It is "
    "read at once: 422 where it cannot be read so, and then it is as it was. Sources that name it read it so, too.",
    response_description="It was read, or its state is `reading`.",
    responses=problems(400, 401, 403, 404, 409, 410, 413, 415, 422, 503),
)
def choose_reading(request: Request, upload_id: Id, order: ReadingChoices, site: Site = SITE) -> UploadOut:
    """Read an upload in another way."""
    found = read_upload_again(site, upload_id, order)
    with site.current.acquire() as filesync:
        note(filesync, request, "upload.reading_chosen", upload_id, **order.model_dump(exclude_none=True))
    return found


@writes.delete(
    BASE + "/{upload_id}",
    status_code=204,
    summary="Remove a file that was sent",
    description="Or one that is still coming: nothing of it is left. 409 while a generation needs it.",
    response_description="Removed.",
    responses=problems(400, 401, 403, 404, 409, 423, 503),
)
def delete_upload(upload_id: Id, site: Site = SITE) -> Response:
    """Remove an upload."""
    with site.current.acquire() as filesync:
        _require_unused(filesync, upload_id)
    with lend_store(site) as store:
        store.remove(upload_id)
    return Response(status_code=204, headers={"Tus-Resumable": tus.VERSION})


@public.options(BASE)
def tus_options(site: Site = SITE) -> Response:
    """Tell which protocol is spoken."""
    with lend_store(site) as store:
        return _answer(tus.options(store))


@protocol.post(BASE)
def tus_create(request: Request, site: Site = SITE) -> Response:
    """Begin an upload."""
    with lend_store(site) as store:
        return _answer(tus.create(store, request.headers, _owner(request), BASE))


@protocol.head(BASE + "/{upload_id}")
def tus_head(request: Request, upload_id: Id, site: Site = SITE) -> Response:
    """Tell how far an upload is."""
    with lend_store(site) as store:
        return _answer(tus.head(store, upload_id, request.headers))


@protocol.patch(BASE + "/{upload_id}")
async def tus_patch(request: Request, upload_id: Id, site: Site = SITE) -> Response:
    """Take a piece."""
    offset, checksum = tus.piece(request.headers)
    async with in_threads(lend_store(site)) as store:
        async with in_threads(store.write(upload_id, offset, checksum)) as writer:
            await write_body(request, writer)
        return _answer(await run_sync(tus.answer_piece, store, upload_id))


def _answer(answer: tus.TusAnswer) -> Response:
    return Response(status_code=answer.status, headers=answer.with_version())


def _owner(request: Request) -> str:
    """Return whose an upload is: there are a token and the sessions that it opened, and no names of people."""
    return principal_of_route(request).via


def _require_unused(filesync: Filesync, upload_id: str) -> None:
    metadata = filesync.runtime.metadata
    found = metadata.uploads.find(upload_id)
    names = {f"upload:{upload_id}"} | ({f"upload:{found.stored_name}"} if found else set())
    if names & metadata.sessions.inputs(unfinished=True):
        raise UploadError("A generation needs this file.", code="in_use")
