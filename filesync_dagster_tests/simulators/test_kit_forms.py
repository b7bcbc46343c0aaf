"""Forms that are read as they come, written by two clients, cut anywhere."""

import io
from itertools import pairwise

import httpx
import pytest
import requests
from hypothesis import example, given
from hypothesis import strategies as st

from filesync_dagster.simulators.kit.forms import BrokenForm, form_reader

NAMES = st.text(st.characters(exclude_categories=("Cs",)), max_size=8)
CONTENTS = st.binary(max_size=60) | st.sampled_from([b"\r\n--", b"\r\n--x\r\n", b"--", b"\r", b"\r\n\r\n", b""])


def by_requests(fields, content, filename):
    """Return the headers and the body that one client sends."""
    sent = requests.Request(
        "POST", "http://x/", data=fields, files=None if content is None else {"file": (filename, io.BytesIO(content))}
    ).prepare()
    return sent.headers.get("content-type", ""), sent.body.encode() if isinstance(sent.body, str) else sent.body or b""


def by_httpx(fields, content, filename):
    """Return those that another client sends."""
    files = None if content is None else {"file": (filename, content)}
    sent = httpx.Request("POST", "http://x/", data=fields, files=files)
    return sent.headers.get("content-type", ""), sent.read()


def read(kind, body, cuts=()):
    """Read a form that comes in pieces; return its fields and its files."""
    files = []

    def open_file(part):
        files.append((part.name, part.filename, io.BytesIO()))
        return files[-1][2]

    reader = form_reader(kind, open_file)
    edges = [0, *sorted(cut % (len(body) + 1) for cut in cuts), len(body)]
    for start, end in pairwise(edges):
        reader.feed(body[start:end])
    reader.finish()
    return reader.fields, [(name, filename, file.getvalue()) for name, filename, file in files]


@pytest.mark.parametrize("client", [by_requests, by_httpx])
@given(st.dictionaries(NAMES.filter(bool), NAMES, max_size=4), st.none() | CONTENTS, st.lists(st.integers(0, 10_000)))
@example({"a": "\r\n--"}, b"\r\n--", [1, 2, 3])
def test_what_a_client_sends_is_what_is_read(client, fields, content, cuts):
    """Wherever it is cut. The clients write quotes and ends of lines in names differently, so names are plain."""
    fields = {f"f{number}": value for number, value in enumerate(fields.values())}
    kind, body = client(fields, content, "x.bin")
    found, files = read(kind, body, cuts)
    assert found == fields
    assert files == ([] if content is None else [("file", "x.bin", content)])


@given(CONTENTS, st.integers(0, 10_000))
def test_a_form_that_ends_early_is_broken(content, end):
    """Wherever it ends before its last line."""
    kind, body = by_requests({"a": "1"}, content, "x")
    body = body[: end % (len(body) - 4)]  # the last line is "--" and its end
    with pytest.raises(BrokenForm):
        read(kind, body)


@pytest.mark.parametrize(
    "body",
    [
        b"--b\r\n\r\nno header\r\n--b--",
        b"--b\r\nContent-Disposition: form-data\r\n\r\nno name\r\n--b--",
        b"--b\r\n" + b"X: y\r\n" * 4000,
        b'--b\r\nContent-Disposition: form-data; name="a"\r\n\r\n' + b"x" * 1_100_000 + b"\r\n--b--",
        b'--b\r\nContent-Disposition: form-data; name="a"\r\n\r\n\r\n' * 1001 + b"--b--",
    ],
)  # fmt: skip
def test_what_is_no_form_is_refused(body):
    """And what is too large."""
    with pytest.raises(BrokenForm):
        read("multipart/form-data; boundary=b", body)


def test_what_comes_before_and_after_does_not_matter():
    """As RFC 2046 has it; and a form without a boundary is none."""
    body = b'hello\r\n--b\r\nContent-Disposition: form-data; name="a"\r\n\r\n1\r\n--b--\r\nbye'
    assert read('multipart/form-data; boundary="b"', body) == ({"a": "1"}, [])
    with pytest.raises(BrokenForm):
        read("multipart/form-data", body)
    assert read("application/json", b"{}") == ({}, [])
