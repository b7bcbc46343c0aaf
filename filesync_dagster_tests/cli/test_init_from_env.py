"""`filesync init --from-env`: what the S3 sync service is told by its environment, as a configuration."""

import pytest
import yaml

VARIABLES = {
    "CUSTOMER_S3_ENDPOINT": "http://127.0.0.1:9000",
    "CUSTOMER_S3_BUCKET": "their-files",
    "CUSTOMER_S3_ACCESS_KEY": "AKIAOFTHECUSTOMER",
    "CUSTOMER_S3_SECRET_KEY": "a-key-that-nobody-may-see",
    "MOCK_API_URL": "http://127.0.0.1:8001/",
}


@pytest.fixture
def init(shell):
    """Write the configuration of an environment; return it as it is and as it is read."""

    def write(**variables):
        shell.variables |= {**VARIABLES, **variables}
        result = shell.run("init", "--from-env", "--force")
        assert result.exit_code == 0, result.output
        valid = shell.run("validate")
        assert valid.exit_code == 0, valid.output
        return shell.config.read_text(), yaml.safe_load(shell.config.read_text())

    return write


def test_a_bucket_and_a_file_manager(init):
    """No value is written, secret or not, and it is valid as it is."""
    text, document = init()
    assert not [value for value in VARIABLES.values() if value in text]
    [endpoint], [replication], [queue] = document["endpoints"], document["replications"], document["queues"]
    assert endpoint["endpoint_details"] == {
        "bucket": "${CUSTOMER_S3_BUCKET}",
        "endpoint_url": "${CUSTOMER_S3_ENDPOINT}",
        "access_key_id": "${CUSTOMER_S3_ACCESS_KEY}",
        "secret_access_key": "${CUSTOMER_S3_SECRET_KEY}",
    }
    assert endpoint["schedule_config"] == {"interval_minutes": 5}
    assert (replication["name"], replication["source"]) == ("customer_s3_to_file_manager", "customer_s3")
    details = {"base_url": "${MOCK_API_URL}", "report": True}
    assert replication["destination"] == {"type": "file_manager", "endpoint_details": details}
    assert queue == {
        "name": "file_manager_events", "type": "file_manager", "base_url": "${MOCK_API_URL}",
        "endpoints": ["customer_s3"],
    }  # fmt: skip


def test_what_else_the_environment_says(init, tmp_path):
    """Its interval, its database, another address, a token."""
    more = {
        "SYNC_INTERVAL": "600",
        "DATABASE_PATH": str(tmp_path / "seed.db"),
        "FILE_MANAGER_TOKEN": "t0ken-of-the-test",
    }
    text, document = init(**more, FILE_MANAGER_API_URL="https://files.example.com")
    assert document["endpoints"][0]["schedule_config"] == {"interval_minutes": 10}
    assert document["settings"] == {"database_url": "sqlite:///${DATABASE_PATH}"}
    details = document["replications"][0]["destination"]["endpoint_details"]
    assert (details["base_url"], details["token"]) == ("${FILE_MANAGER_API_URL}", "${FILE_MANAGER_TOKEN}")
    assert "t0ken-of-the-test" not in text


@pytest.mark.parametrize(
    ("name", "value"), [("CUSTOMER_S3_BUCKET", ""), ("MOCK_API_URL", ""), ("SYNC_INTERVAL", "often")]
)
def test_what_is_missing_is_told(shell, name, value):
    """And nothing is written."""
    shell.config.unlink()
    shell.variables |= {**VARIABLES, name: value}
    result = shell.run("init", "--from-env")
    assert result.exit_code == 1
    assert name in result.stderr
    assert not shell.config.exists()
