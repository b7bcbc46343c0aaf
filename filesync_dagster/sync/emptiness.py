"""A listing that finds no file: seldom what somebody meant, and never an error."""

from contextlib import suppress

from filesync_dagster.connectors import ExplainableSource
from filesync_dagster.core.errors import SourceError
from filesync_dagster.sync.context import SyncContext
from filesync_dagster.sync.listing import Listing

EXPECTED = "If that is meant, set `expect_empty: true`."


def remark_emptiness(context: SyncContext, listing: Listing, files: int) -> None:
    """Have the result warn that a complete listing found no file, and say why that may be."""
    if files or listing.gaps or context.endpoint.expect_empty:
        return
    context.attempt.meter.remarks["no file"] = f"{_explain(context, listing)} {EXPECTED}"


def _explain(context: SyncContext, listing: Listing) -> str:
    if isinstance(context.source, ExplainableSource):
        with suppress(SourceError):  # the listing itself was complete
            if reason := context.source.explain_emptiness():
                return reason
    if not context.endpoint.filters.is_default:
        return "The filters select no file of what is there."
    return "There are folders, and no file in them." if listing.rows else "Nothing is there."
