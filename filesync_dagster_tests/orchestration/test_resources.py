"""The resource: secrets come through dagster-aws, and only when something asks for one."""

import boto3
import pytest

from filesync_dagster.orchestration.resources import FilesyncResource


@pytest.mark.filterwarnings("ignore:Class `SecretsManagerResource` is currently in beta")
def test_secrets_are_read_with_dagster_aws(project, moto_s3, monkeypatch):
    """A `secret:` reference is fetched from the Secrets Manager that the resource names."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", moto_s3.access_key_id)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", moto_s3.secret_access_key)
    bucket = moto_s3.bucket()
    moto_s3.client().put_object(Bucket=bucket, Key="a", Body=b"a")
    manager = boto3.client("secretsmanager", region_name="us-east-1", endpoint_url=moto_s3.endpoint_url)
    manager.create_secret(Name="orchestration/s3", SecretString='{"id": "AKIASECRET", "key": "hush"}')
    details = moto_s3.details(
        bucket, access_key_id="secret:orchestration/s3#id", secret_access_key="secret:orchestration/s3#key"
    )
    made = project({"name": "a", "type": "s3", "endpoint_details": details})
    resource = FilesyncResource(
        config_path=str(made.config), secrets_region="us-east-1", secrets_endpoint_url=moto_s3.endpoint_url
    )
    with resource.open() as filesync:
        result = filesync.sync("a")
    assert (result.error, result.files_total) == (None, 1)
