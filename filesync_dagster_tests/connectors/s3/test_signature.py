"""Our signatures are those of botocore."""

from datetime import UTC, datetime
from hashlib import sha256

from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.compat import get_current_datetime
from botocore.credentials import ReadOnlyCredentials
from hypothesis import given
from hypothesis import strategies as st

from filesync_dagster.connectors.s3.signature import SignedRequest, Signer

SEGMENTS = st.text(st.characters(categories=["L", "N", "P", "S", "Zs"]), max_size=8)
QUERIES = ("", "versionId=3%2FL4kqtJ%20x", "partNumber=1&versionId=null")
HOSTS = ("https://eng.s3.eu-west-1.amazonaws.com", "http://127.0.0.1:9000/base/eng", "https://s3.example.com:443/eng")


@given(
    st.lists(SEGMENTS, min_size=1, max_size=4),
    st.sampled_from(HOSTS),
    st.sampled_from(QUERIES),
    st.sampled_from([None, "token/with+signs=="]),
    st.sampled_from([{}, {"x-amz-request-payer": "requester", "x-amz-expected-bucket-owner": " 1  2 "}]),
    st.binary(max_size=8),
)
def test_signatures_are_those_of_botocore(segments, host, query, token, headers, body):
    """Whatever the key, the host, the query, the headers and the body."""
    from urllib.parse import quote

    url = f"{host}/{quote('/'.join(segments), safe='-_.~/')}"
    credentials = ReadOnlyCredentials("AKIAFILESYNC", "secret/with+signs", token)
    request = AWSRequest("PUT", f"{url}?{query}" if query else url, headers=dict(headers), data=body)
    S3SigV4Auth(credentials, "s3", "eu-west-1").add_auth(request)
    at = datetime.strptime(request.context["timestamp"], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC).timestamp()

    signed = SignedRequest("PUT", url, query, headers, sha256(body).hexdigest())
    ours = Signer().headers(signed, credentials, "eu-west-1", at)

    theirs = {name.lower(): value for name, value in request.headers.items()}
    assert ours["authorization"] == theirs["authorization"]
    assert ours | headers == theirs | headers


def test_the_key_of_another_day_or_person_is_another():
    """What is kept is kept for one."""
    signer = Signer()
    request = SignedRequest("GET", "https://s3.example.com/eng/a", "", {})
    now = get_current_datetime().timestamp()

    signed = {
        signer.headers(request, ReadOnlyCredentials("A", secret, None), region, at)["authorization"].rpartition("=")[2]
        for secret in ("s", "t") for region in ("r", "q") for at in (now, now + 86_400)
    }  # fmt: skip

    assert len(signed) == 8
