"""How the stores that speak S3 differ, as data.

Sources: the vendors' compatibility pages and the provider table of rclone (MIT). A store that is not here is `generic`:
everything standard is tried. What matters for completeness is believed of no store: it shows in what is read.
"""

from dataclasses import dataclass
from urllib.parse import urlsplit


@dataclass(frozen=True, slots=True)
class Quirks:
    """Facts about one kind of store."""

    hosts: tuple[str, ...] = ()  # ends of host names that give it away
    list_version: int = 2  # 1: ListObjects with a marker
    plus_is_space: bool = True  # in URL-encoded keys (form encoding, as AWS does it), unless an answer shows otherwise
    ordered: bool = True  # keys come in the order of their UTF-8 bytes
    start_after: bool = True  # a listing may be asked to begin after any key: whether it did shows in what it has
    etag_is_md5: bool = True  # an ETag of 32 hex digits is the MD5 of the content (not with KMS: docs/reports.md)
    atomic_reads: bool = False  # an answer is of one version, whatever happens while it is read
    transcodes: bool = False  # unpacks what is stored packed for whoever does not accept it so
    conditional_writes: bool = False  # `If-Match` and `If-None-Match` of PUT are heeded, by the vendor's documentation
    virtual_hosts: bool = False  # the bucket may be part of the host name


QUIRKS: dict[str, Quirks] = {
    "aws": Quirks(
        hosts=(".amazonaws.com", ".amazonaws.com.cn"), atomic_reads=True, conditional_writes=True, virtual_hosts=True
    ),
    "minio": Quirks(),
    "r2": Quirks(hosts=(".r2.cloudflarestorage.com",), conditional_writes=True),
    "wasabi": Quirks(hosts=(".wasabisys.com",)),
    "b2": Quirks(hosts=(".backblazeb2.com",)),
    "do_spaces": Quirks(hosts=(".digitaloceanspaces.com",)),
    "idrive_e2": Quirks(hosts=(".idrivee2.com", ".e2.cloudstorage.com")),
    "storj": Quirks(hosts=(".storjshare.io",), etag_is_md5=False),
    "gcs": Quirks(hosts=(".storage.googleapis.com",), transcodes=True),
    "ceph": Quirks(list_version=1),
    "alibaba": Quirks(hosts=(".aliyuncs.com",), virtual_hosts=True),
    "tencent": Quirks(hosts=(".myqcloud.com",), list_version=1, virtual_hosts=True),
    "netease": Quirks(hosts=(".nos-eastchina1.126.net",), list_version=1),
    "ibm": Quirks(hosts=(".cloud-object-storage.appdomain.cloud",), list_version=1),
    "scaleway": Quirks(hosts=(".scw.cloud",)),
    "linode": Quirks(hosts=(".linodeobjects.com",)),
    "dreamhost": Quirks(hosts=(".dreamhost.com",), list_version=1),
    "seaweedfs": Quirks(etag_is_md5=False),
    "rclone": Quirks(),
    "unordered": Quirks(ordered=False, start_after=False),
    "generic": Quirks(),
}
"""What is known of each provider. `unordered` is for stores that promise no order: always listed serially."""


def quirks_for(provider: str | None, endpoint_url: str | None) -> Quirks:
    """Return the row of a named provider, else of the host in the address, else `generic`; no address is AWS."""
    if provider is not None:
        return QUIRKS[provider]
    if endpoint_url is None:
        return QUIRKS["aws"]
    host = "." + (urlsplit(endpoint_url).hostname or "")
    return next((row for row in QUIRKS.values() if any(host.endswith(end) for end in row.hosts)), QUIRKS["generic"])
