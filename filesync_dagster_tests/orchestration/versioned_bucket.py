"""A versioned bucket with a past: moto's own server, in this process, so that the times of its versions can be set."""

from contextlib import contextmanager
from datetime import UTC, datetime, time, timedelta

from moto.s3.models import s3_backends
from moto.server import ThreadedMotoServer

from filesync_dagster_tests.servers import S3Server

ACCOUNT = "123456789012"


@contextmanager
def moto_in_process():
    """Run moto's server in a thread."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    try:
        yield S3Server(f"http://{host}:{port}")
    finally:
        server.stop()


def bucket_with_a_past(server, name, days):
    """Make a bucket that changed at noon (UTC) of each day; return {day: {key: content}} as it was in the evenings.

    Every day adds a file, overwrites one, and from the fourth on deletes one.
    """
    client = server.client()
    client.create_bucket(Bucket=name)
    client.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})
    bucket = s3_backends[ACCOUNT]["aws"].buckets[name]
    bucket.creation_date = _naive(days[0], 0) - timedelta(days=1)
    now, states = {}, {}
    for i, day in enumerate(days):
        now |= {f"drawings/plan {i}.dwg": b"x" * (10 + i), "contracts/main.pdf": b"v" * (100 + i)}
        for key in (f"drawings/plan {i}.dwg", "contracts/main.pdf"):
            client.put_object(Bucket=name, Key=key, Body=now[key])
        if i >= 3:
            key = f"drawings/plan {i - 3}.dwg"
            del now[key]
            client.delete_object(Bucket=name, Key=key)
        for key in bucket.keys:
            for version in bucket.keys.getlist(key):
                if getattr(version, "_filesync_day", None) is None:
                    version._filesync_day = day
                    version.last_modified = _naive(day, 12)
        states[day] = dict(now)
    return states


def _naive(day, hour):
    return datetime.combine(day, time(hour), UTC).replace(tzinfo=None)  # as moto keeps them
