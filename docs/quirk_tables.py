"""The page about stores that speak S3, which `build` writes from the quirks that are known of them."""

from collections.abc import Callable, Iterator
from dataclasses import fields
from typing import Any, Final

from store_tables import word

from filesync_dagster.connectors.s3.quirks import QUIRKS, Quirks

QUIRK_WORDS: Final = {
    "list_version": (
        "lists by",
        (
        "`V2` is `ListObjectsV2` with a token; `V1` the older `ListObjects` with a marker, for stores that lack the newer or "
        "have it only in parts. Find out: `aws s3api list-objects-v2 --max-keys 1` answers a `NextContinuationToken`, and with it "
        "(`--continuation-token`) the next key."
        ),
    ),
    "plus_is_space": (
        "`+` in keys",
        (
        "What `+` stands for in keys that the store writes URL-encoded. What a page shows is believed before this: a page with "
        "`%20`, or with characters that no form has, is one in which `+` is a plus. Find out: put an object `a+b c` and look "
        "at `aws s3api list-objects-v2 --encoding-type url`."
        ),
    ),
    "ordered": (
        "order of keys",
        (
        "Whether keys come in the order of their UTF-8 bytes. Only then can a listing be cut into ranges that are listed side "
        "by side, and single keys be asked for. What a page shows is checked: a store that says so and breaks it is an error, not "
        "a gap in an inventory; `provider: unordered` then lists it by its tokens, one page after the other."
        ),
    ),
    "start_after": (
        "begins after a key",
        (
        "Whether a listing can begin after any key (`start-after`, or `marker` with V1). Ranges need that; whether a store did so "
        "shows in the first key of its answer."
        ),
    ),
    "etag_is_md5": (
        "ETag",
        (
        "Whether an ETag of 32 hexadecimal digits is the MD5 of the content. Then it is a content hash, which pairs renames "
        "and proves contents that are read. An ETag of an upload in parts (`…-7`) never is. Find out: put a file with "
        "`aws s3api put-object` and compare its `ETag` with `md5sum`."
        ),
    ),
    "atomic_reads": (
        "reads",
        (
        "Whether one answer to a GET is of one version whatever happens meanwhile. Elsewhere a content that no hash proves is "
        "confirmed by one more HEAD at its end."
        ),
    ),
    "transcodes": (
        "unpacks",
        (
        "Whether the store unpacks objects stored with `Content-Encoding: gzip` for whoever does not accept them packed. filesync "
        "then says that it accepts them, and reads the bytes as they are stored."
        ),
    ),
    "conditional_writes": (
        "writes on a condition",
        (
        "Whether PUT heeds `If-Match` and `If-None-Match`. Elsewhere a destination looks just before it writes, which leaves "
        "a moment in which somebody else's object could be written over."
        ),
    ),
    "virtual_hosts": (
        "bucket in the host",
        (
        "Whether `bucket.host` is an address of the bucket. Then `addressing_style: auto` uses it at the vendor's own hosts; "
        "elsewhere it is `host/bucket`."
        ),
    ),
}  # fmt: skip
"""How the page names each quirk, and what it says of it."""

QUIRK_VALUES: Final[dict[str, Callable[[Any], str]]] = {
    "list_version": lambda version: f"V{version}",
    "plus_is_space": lambda is_space: "a space" if is_space else "a plus",
    "ordered": lambda ordered: "UTF-8" if ordered else "none",
    "etag_is_md5": lambda is_md5: "MD5" if is_md5 else "opaque",
    "atomic_reads": lambda atomic: "of one version" if atomic else "confirmed",
}

COMPATIBLES: Final = """\
# Stores that speak S3

{written_by}

Type `s3` lists AWS and every store that speaks its protocol. They differ in small things, which are data: one row of
`connectors/s3/quirks.py` for each provider. An address is recognised by its host; name the provider where it is not, as behind
a host of your own:

```text
endpoint_details: {{bucket: eng, endpoint_url: "https://objects.example.com", provider: ceph}}
```

A store that is not here is `generic`: everything standard is tried. Nothing that completeness hangs on is believed of any store,
be it here or not: that keys come in order, that a range began where it should, that a page is not the last are seen in
the answers themselves, and what contradicts them is an error that says to set `provider`.

## Providers

{providers}

## The quirks

{words}

## When a store is not in the table

1. `filesync test NAME` lists one page and says what the credentials may do.
2. `filesync sync NAME`. An error that ends with "set `provider`" names what the store answered: a listing that is out of order
   asks for `unordered`, one that does not go on after its first page for a provider that lists by V1 (`ceph`).
3. Compare once with a list of your own: `filesync files NAME --format csv`, and the store's own console or `rclone lsf -R`.

The rows come from the vendors' compatibility pages and from the provider table of rclone; a wrong one is worth a report.
"""


def compatibles_page(written_by: str) -> str:
    """Return docs/s3-compatibles.md."""
    return COMPATIBLES.format(
        written_by=written_by,
        providers="\n".join(provider_rows()),
        words="\n".join(f"- **{title}** (`{name}`). {words}" for name, (title, words) in QUIRK_WORDS.items()),
    )


def provider_rows() -> Iterator[str]:
    """Yield the table of providers."""
    titles = [QUIRK_WORDS[field.name][0] for field in fields(Quirks) if field.name != "hosts"]
    yield f"| provider | known by its host | {' | '.join(titles)} |"
    yield f"|---|---{'|---' * len(titles)}|"
    for name, quirks in QUIRKS.items():
        hosts = ", ".join(f"`*{host}`" for host in quirks.hosts)
        cells = [
            quirk_cell(field.name, getattr(quirks, field.name)) for field in fields(Quirks) if field.name != "hosts"
        ]
        yield f"| `{name}` | {hosts} | {' | '.join(cells)} |"


def quirk_cell(name: str, value: Any) -> str:
    """Return a quirk in words; what is as everywhere is told as well, for a table is read by its columns."""
    return QUIRK_VALUES.get(name, word)(value)
