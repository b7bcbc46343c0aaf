"""Fixtures that more than one part of the tests shares."""

from filesync_dagster_tests.servers import moto_s3, postgres_server, postgres_url, s3_server  # noqa: F401 - fixtures
