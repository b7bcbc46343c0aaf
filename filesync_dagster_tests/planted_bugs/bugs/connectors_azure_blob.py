"""Bugs in the connector of Azure Blob Storage."""

from filesync_dagster_tests.planted_bugs.bug import Bug

LISTING = "filesync_dagster_tests/connectors/azure_blob/test_listing.py"

DESTINATION = "filesync_dagster_tests/connectors/azure_blob/test_destination.py"

BUGS = (
    Bug(
        "what somebody else wrote to a container is replaced",
        "connectors/azure_blob/destination.py",
        "return {**kind, **_condition(sending.expected), **_metadata(sending)}",
        "return {**kind, **_metadata(sending)}",
        DESTINATION,
        "not_replaced",
    ),
    Bug(
        "what somebody else wrote to a container is deleted",
        "connectors/azure_blob/destination.py",
        """condition = {} if version is None else {"if-match": f'"{version}"'}""",
        "condition: dict[str, str] = {}",
        DESTINATION,
        "not_deleted",
    ),
    Bug(
        "the first page is taken for all of a container",
        "connectors/azure_blob/answers.py",
        'token = answer.text("NextMarker")',
        "token = None",
        LISTING,
        "older_service",
    ),
    Bug(
        "an empty page is taken for the end of a container",
        "connectors/azure_blob/answers.py",
        "truncated=token is not None",
        "truncated=bool(rows) and token is not None",
        LISTING,
        "no_name_is_missing and empty",
    ),
    Bug(
        "a name that XML cannot have is taken as it is written",
        "connectors/azure_blob/answers.py",
        'unquote_to_bytes(text) if element.get("Encoded") == "true" else text.encode()',
        "text.encode()",
        LISTING,
        "names_are_exact",
    ),
    Bug(
        "a service that refuses to begin at a name fails the listing",
        "connectors/azure_blob/container.py",
        'raise Unprovable(f"{where} does not begin a listing at a name.") from None',
        "raise",
        LISTING,
        "ranges_of_a_large_container and refuses",
    ),
    Bug(
        "names in another order than that of their bytes fail the listing",
        "connectors/object_store/listing.py",
        "yield from list_objects(store.without_order(), None, (), workers)",
        "raise",
        LISTING,
        "order_of_their_own",
    ),
)
