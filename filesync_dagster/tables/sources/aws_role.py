"""Credentials of a role that an access key may assume: one signed request to the token service of AWS."""

from typing import TYPE_CHECKING, Final
from urllib.parse import urlencode

from pydantic import SecretStr

from filesync_dagster.core.redaction import note_secret
from filesync_dagster.tables.sources.base import SourceContext
from filesync_dagster.tables.sources.deadline import SourceDeadline
from filesync_dagster.tables.sources.refusals import refusal
from filesync_dagster.tables.sources.wire import guarded_client

if TYPE_CHECKING:
    from filesync_dagster.tables.sources.s3 import S3Config

LIFETIME_SECONDS: Final = 3600
PARTS: Final = {"AccessKeyId": "access_key_id", "SecretAccessKey": "secret_access_key", "SessionToken": "session_token"}


def assume_role(config: "S3Config", context: SourceContext, deadline: SourceDeadline) -> dict[str, SecretStr | None]:
    """Return the credentials of the role. Raises SourceRefused."""
    from botocore.auth import SigV4Auth
    from botocore.awsrequest import AWSRequest
    from botocore.credentials import Credentials
    from lxml import etree

    assert config.access_key_id is not None
    assert config.secret_access_key is not None
    url = config.endpoint_url or f"https://sts.{config.region}.amazonaws.com"
    form = {
        "Action": "AssumeRole",
        "Version": "2011-06-15",
        "RoleArn": config.role_arn or "",
        "RoleSessionName": "filesync",
        "DurationSeconds": str(LIFETIME_SECONDS),
    }
    body = urlencode(form).encode()
    token = config.session_token.get_secret_value() if config.session_token else None
    given = Credentials(config.access_key_id.get_secret_value(), config.secret_access_key.get_secret_value(), token)
    request = AWSRequest(
        "POST", f"{url.rstrip('/')}/", data=body, headers={"content-type": "application/x-www-form-urlencoded"}
    )
    SigV4Auth(given, "sts", config.region).add_auth(request)
    what = f"The token service for the role {config.role_arn}"
    with guarded_client(context.guard, "role_arn", deadline, what) as client:
        answer = client.post(f"{url.rstrip('/')}/", content=body, headers=dict(request.headers.items()))
    if answer.status_code in {401, 403}:
        raise refusal("auth", what, field="role_arn", cause=answer.text)
    try:
        root = etree.fromstring(answer.content, etree.XMLParser(resolve_entities=False, no_network=True))
        texts = {etree.QName(node).localname: node.text or "" for node in root.iter("{*}*")}
        found = {ours: texts[theirs] for theirs, ours in PARTS.items()}
    except (etree.XMLSyntaxError, KeyError):
        raise refusal("protocol", what, field="role_arn", cause=answer.text) from None
    for value in found.values():
        note_secret(value)
    return {name: SecretStr(value) for name, value in found.items()}
