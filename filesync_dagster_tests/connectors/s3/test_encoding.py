"""How keys are written: URL-encoded or not, whatever a store says about it."""

from urllib.parse import quote, quote_plus, unquote_to_bytes

import httpx
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from filesync_dagster.connectors.s3.answers import KeyEncoding, listing_of
from filesync_dagster_tests.connectors.s3.fake_store import ERROR, FakeStore, listed_ids


def page(keys, write, encoding="<EncodingType>url</EncodingType>"):
    """Return the XML of a page whose keys are written in a way."""
    rows = "".join(f"<Contents><Key>{write(key)}</Key></Contents>" for key in keys)
    return f"<ListBucketResult>{encoding}<IsTruncated>false</IsTruncated>{rows}</ListBucketResult>"


def as_xml(key):
    """Return a key as it is, but for what XML itself needs."""
    return "".join(f"&#{ord(c)};" if c in "<>&\r" else c for c in key)


def read(body, encoding=None):
    """Return the keys of a page."""
    found = listing_of(body.encode(), encoding or KeyEncoding(plus_is_space=True), "Bucket eng")
    return [key.decode() for key in found.keys]


KEYS = st.lists(st.text(st.characters(blacklist_categories=["Cs"]), min_size=1, max_size=8), max_size=8)


@given(KEYS)
@example(["a+b.txt", "a b.txt", "a%20b.txt", "\x00\x01\r\n\t"])
def test_keys_that_are_encoded_like_a_form(keys):
    """As AWS does it: any character, and a plus is a space."""
    assert read(page(keys, lambda key: quote_plus(key, safe="/*"))) == keys


@given(KEYS)
@example(["a+b.txt", "a b.txt"])
def test_keys_that_are_encoded_like_a_path(keys):
    """As some do it: a plus is a plus where one page has shown so."""
    encoding = KeyEncoding(plus_is_space=True)
    write = lambda key: quote(key, safe="/+:@$&=!*'(),;~")  # noqa: E731
    assert read(page(["shown so"], write), encoding) == ["shown so"]

    assert [key.replace("&amp;", "&") for key in read(page(keys, lambda key: as_xml(write(key))), encoding)] == keys


@pytest.mark.parametrize(
    "proof", ["a b", "größe", "100%", "50% off", "%zz", 'quo"te', "back\\slash", "[1]", "{x}", "pipe|"]
)
def test_a_page_proves_that_keys_are_not_encoded(proof):
    """No encoder leaves such a character: then nothing in the store is encoded, though it says so."""
    keys = ["a+b.txt", "c%20d", proof]
    encoding = KeyEncoding(plus_is_space=True)

    assert read(page(keys, as_xml), encoding) == keys
    assert read(page(["e+f.txt", "g%41"], as_xml), encoding) == ["e+f.txt", "g%41"]


@settings(max_examples=50)
@given(KEYS)
def test_keys_of_a_store_that_does_not_encode(keys):
    """It does not say so, and they are as they are, even with characters that XML does not have."""
    keys = [key.replace("\ufffe", "").replace("\uffff", "") or "x" for key in keys]

    assert read(page(keys, as_xml, "")) == keys
    written = [key for key in keys if "\x00" not in key]
    assert read(page(written, lambda key: "".join(f"&#x{ord(c):x};" for c in key), "")) == written


@pytest.mark.parametrize("provider", ["ceph", "ibm", "netease", "dreamhost", "aws"])
def test_every_store_is_asked_to_encode(provider):
    """Keys may have control characters in all of them."""
    store = FakeStore(["a\x01b", "a+b", "a b"])
    source, _ = store.source(provider=provider)

    assert listed_ids(source) == ["a\x01b", "a b", "a+b"]
    assert {query["encoding-type"] for query in store.queries} == {"url"}
    source.close()


def test_a_store_that_refuses_to_encode_is_asked_without():
    """Once; then it is known."""

    def fault(number, query, answer):
        if "encoding-type" in query:
            return httpx.Response(400, text=ERROR.format("InvalidArgument"))
        keys = [unquote_to_bytes(text.replace("+", " ")).decode() for text in _written(answer)]
        return httpx.Response(200, text=answer.replace("<EncodingType>url</EncodingType>", "")) if keys else None

    def _written(answer):
        return [part.partition("</Key>")[0] for part in answer.split("<Key>")[1:]]

    store = FakeStore([f"k{number:03}" for number in range(30)], fault, page_size=10)
    source, _ = store.source(list_workers=1)

    assert listed_ids(source) == [f"k{number:03}" for number in range(30)]
    assert sum("encoding-type" in query for query in store.queries) == 1
    source.close()
