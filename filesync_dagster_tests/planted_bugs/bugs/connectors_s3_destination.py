"""Bugs in the destination of buckets."""

from filesync_dagster_tests.planted_bugs.bug import Bug

CONTRACT = "filesync_dagster_tests/connectors/test_destination_contract.py"
S3 = "filesync_dagster_tests/connectors/s3/test_destination.py"

BUGS = (
    Bug(
        "what was noted of parts is trusted instead of ListParts",
        "connectors/s3/multipart.py",
        "        self._require_parts(upload, resume, parts)\n",
        "",
        S3,
        "half_of_the_parts and moto",
    ),
    Bug(
        "a store that ignores conditions is trusted",
        "connectors/s3/destination.py",
        "if upload.expected is not None and not self._quirks.conditional_writes:",
        "if False:",
        CONTRACT,
        "TestS3 and rclone and stranger_in_the_way",
    ),
    Bug(
        "an object is deleted whatever its version is",
        "connectors/s3/destination.py",
        "if deletion.expected == NOTHING or not is_expected(found, deletion.expected):",
        "if deletion.expected == NOTHING:",
        CONTRACT,
        "TestS3 and rclone and own_end",
    ),
    Bug(
        "an error that comes with 200 is taken for success",
        "connectors/s3/objects.py",
        "                if attempt == tries or not told.retryable:\n                    raise told from error",
        "                return XmlAnswer(etree.fromstring('<x><UploadId>1</UploadId></x>')), answer",
        S3,
        "sent_again and rclone",
    ),
    Bug(
        "an object is published before its content is proved",
        "connectors/s3/destination.py",
        "            if len(held) > SINGLE_MAX_BYTES:\n",
        "            self._objects.ask('PUT', self._key(upload.path), None, None, RequestBody.of(bytes(held)))\n"
        "            if len(held) > SINGLE_MAX_BYTES:\n",
        CONTRACT,
        "TestS3 and rclone and wrong_content",
    ),
    Bug(
        "the other side of a copy is not looked at",
        "connectors/s3/server_copy.py",
        "        if self._etag(self._objects, key) != source.etag:",
        "        if False:",
        S3,
        "other_side and rclone",
    ),
    Bug(
        "an answer without an ETag removes what was there before",
        "connectors/s3/proof.py",
        "        if etag is None or found is None or found.version != etag:\n",
        "        if found is None:\n",
        CONTRACT,
        "TestS3 and rclone and fault_while_writing and error_in_body",
    ),
)
