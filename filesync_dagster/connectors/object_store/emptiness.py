"""Why a listing of an object store finds nothing."""

from filesync_dagster.connectors.object_store.chain import first_keys, follow_tokens
from filesync_dagster.connectors.object_store.store import ObjectStore, bytes_of, text_of
from filesync_dagster.core.suggestions import nothing_below


def explain_emptiness(store: ObjectStore, what: str) -> str | None:
    """Tell a misspelt prefix by what is beside it; None when there is something. `what`: "The bucket eng"."""
    begun, _ = first_keys(follow_tokens(store, store.page(limit=1)))  # the first pages may be empty
    if begun.keys:
        return None
    prefix = store.prefix
    if not prefix:
        return f"{what} has no object."
    parent = ""
    for segment in prefix.split("/"):
        beside = [text_of(one) for one in store.folders(parent, bytes_of(parent))]
        wanted = f"{parent}{segment}/"
        if wanted not in beside:
            return nothing_below(prefix, wanted, beside)
        parent = wanted
    return nothing_below(prefix, prefix, ())
