"""Whatever asks a foreign host keeps to the same bounds: a host that drips, or sends without end, holds nobody."""

import gzip
from contextlib import closing

import boto3
import httpx
import pytest
from botocore.config import Config

from filesync_dagster.connectors.autodesk import AutodeskDetails, open_autodesk
from filesync_dagster.connectors.aws.errors import botocore_border
from filesync_dagster.connectors.google_drive import GoogleDriveDetails, open_google_drive
from filesync_dagster.connectors.rest.retry import RetryPolicy
from filesync_dagster.connectors.s3 import S3Details
from filesync_dagster.connectors.s3.source import S3Source
from filesync_dagster.core.aws import send_through
from filesync_dagster.core.errors import DagsterUnreachable, FilesyncError, ProtocolViolation, TemporarilyDown
from filesync_dagster.core.http import BoundedClient
from filesync_dagster.core.model import Meter
from filesync_dagster.orchestration.client import DagsterClient
from filesync_dagster_tests import odd_hosts
from filesync_dagster_tests.odd_hosts import odd_host

ONCE = RetryPolicy(attempts=1)
READ_SECONDS = 0.5
KEYS = {"access_key_id": "AKIAFILESYNC", "secret_access_key": "hunter2hunter2"}


def s3(address):
    """Return a source of a bucket."""
    details = S3Details(bucket="eng", endpoint_url=address, region="us-east-1", read_timeout=READ_SECONDS, **KEYS)
    return S3Source(details, Meter(), policy=ONCE)


def list_bucket(address):
    """List a bucket: our own requests."""
    with closing(s3(address)) as source:
        list(source.list(""))


def ask_boto3(address):
    """Ask what a bucket is: boto3's requests."""
    with closing(s3(address)) as source:
        source._administration.versioning_status()


def receive_from_sqs(address):
    """Ask a queue."""
    keys = {"aws_access_key_id": "k", "aws_secret_access_key": "s", "region_name": "us-east-1"}
    client = boto3.client("sqs", endpoint_url=address, config=Config(retries={"total_max_attempts": 1}), **keys)
    with BoundedClient(timeout=READ_SECONDS) as http, botocore_border("The queue"):
        send_through(http, client)
        client.receive_message(QueueUrl=f"{address}/1/q")


def list_drive(address):
    """Ask Google's token service, and so Drive."""
    user = {"client_id": "c", "client_secret": "s", "refresh_token": "r"}
    details = GoogleDriveDetails(base_url=address, token_uri=f"{address}/token", read_timeout=READ_SECONDS, **user)
    with closing(open_google_drive(details, Meter(), prune=None, policy=ONCE)) as source:
        source.check()


def list_autodesk(address):
    """Ask Autodesk's token service."""
    app = {"client_id": "c", "client_secret": "s", "hub_id": "b.h", "project_ids": ["b.p"]}
    details = AutodeskDetails(base_url=address, read_timeout=READ_SECONDS, **app)
    with closing(open_autodesk(details, Meter(), prune=None, policy=ONCE)) as source:
        source.check()


def ask_dagster(address):
    """Ask Dagster's web server."""
    with DagsterClient(address, None, timeout=READ_SECONDS) as client:
        client.daemon_health()


ASK = [list_bucket, ask_boto3, receive_from_sqs, list_drive, list_autodesk, ask_dagster]


@pytest.mark.parametrize("ask", ASK)
@pytest.mark.parametrize("answer", [odd_hosts.dripped_headers, odd_hosts.dripped_body, odd_hosts.bomb])
def test_no_answer_is_without_end(ask, answer):
    """It is an error of ours, with a sentence."""
    with odd_host(answer) as port, pytest.raises((TemporarilyDown, ProtocolViolation, DagsterUnreachable)) as caught:
        ask(f"http://127.0.0.1:{port}")

    assert isinstance(caught.value, FilesyncError)
    assert "70,000,000" not in str(caught.value)


def web_page(connection):
    """Answer as the login page of a network does."""
    body = gzip.compress(b"<!doctype html>\n<html><title>Welcome to the Airport</title></html>")
    head = "HTTP/1.1 200 OK\r\ncontent-type: text/html\r\ncontent-encoding: gzip\r\n"
    connection.sendall(f"{head}content-length: {len(body)}\r\n\r\n".encode() + body)


def login_redirect(connection):
    """Send people to the login page."""
    connection.sendall(b"HTTP/1.1 302 Found\r\nlocation: http://portal.example/login\r\ncontent-length: 0\r\n\r\n")


@pytest.mark.parametrize("ask", [list_drive, list_autodesk])
@pytest.mark.parametrize("answer", [web_page, login_redirect])
def test_the_login_page_of_a_network_is_named(ask, answer):
    """Nobody has to guess why a store sends HTML, or sends people elsewhere."""
    with odd_host(answer) as port, pytest.raises(FilesyncError, match="sign-in page of a network"):
        ask(f"http://127.0.0.1:{port}")


def test_a_key_with_dots_is_asked_for_as_it_was_signed():
    """`a/../b` is a key like any other: the address that boto3 signed is the one that is sent."""
    asked = []

    def answer(connection):
        connection.sendall(b"HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n")

    def record(request):
        asked.append(request.extensions["target"])

    with odd_host(answer) as port, BoundedClient(event_hooks={"request": [record]}) as http:
        client = boto3.client(
            "s3",
            aws_access_key_id="k",
            aws_secret_access_key="s",
            region_name="us-east-1",
            endpoint_url=f"http://127.0.0.1:{port}",
            config=Config(s3={"addressing_style": "path"}, retries={"total_max_attempts": 1}),
        )
        send_through(http, client)
        with pytest.raises(client.exceptions.ClientError):
            client.get_object_acl(Bucket="eng", Key="a/../b c")

    assert asked == [b"/eng/a/../b%20c?acl"]
    assert httpx.URL("http://x/eng/a/../b").path == "/eng/b"  # what httpx would have made of it
