"""Deletes from an environment what filesync never opens: about a quarter of a gigabyte.

`python deploy/slim.py` works on the environment of the interpreter that runs it: the image's, and that of `make demo`.
It is for an environment that runs filesync and nothing else. Reinstalling a library brings back what was deleted of it.
"""

import shutil
import sysconfig
from pathlib import Path

UNUSED = {
    "descriptions of Google's other APIs": (
        "googleapiclient/discovery_cache/documents/*.json",
        {"drive.v3.json", "pubsub.v1.json", "storage.v1.json"},  # the last two for `make test` after `make demo`
    ),
    "tests of libraries": ("*/**/tests", set()),
    "source maps of Dagster's web pages": ("dagster_webserver/**/*.map", set()),
    "headers and sources of what is compiled": ("*/**/*.[ch]", set()),
    "sources in Cython": ("*/**/*.p[xy][xd]", set()),
    "Arrow's headers": ("pyarrow/include", set()),
    "Arrow Flight": ("pyarrow/*flight*", set()),
    "Arrow's own client of S3 (ours is boto3)": ("pyarrow/*s3*", set()),
    "descriptions of AWS's other services": (
        "botocore/data/*/",
        {
            "ec2",
            "ecs",
            "iam",
            "kms",
            "logs",
            "s3",
            "s3control",
            "secretsmanager",
            "sns",
            "sqs",
            "sso",
            "sso-oidc",
            "sts",
        },
    ),
}
"""What is deleted below site-packages, and the names that stay."""


def main() -> None:
    """Delete it, and say how much it was."""
    site = Path(sysconfig.get_path("purelib"))
    freed = sum(
        _delete(path) for glob, kept in UNUSED.values() for path in list(site.glob(glob)) if path.name not in kept
    )
    print(f"{freed / 1e6:.0f} MB of libraries that filesync does not use were deleted.")


def _delete(path: Path) -> int:
    """Delete a file or a folder; return its bytes."""
    if not path.is_dir():
        size = path.stat().st_size
        path.unlink()
        return size
    size = sum(file.stat().st_size for file in path.rglob("*") if file.is_file() and not file.is_symlink())
    shutil.rmtree(path)
    return size


if __name__ == "__main__":
    main()
