"""How the stores that speak S3 differ, as data.

Sources: the vendors' compatibility pages and the provider table of rclone (MIT). A store that is not here is `generic`:
everything standard is tried, and what matters for completeness is probed before it is relied on.
"""

from dataclasses import dataclass
from urllib.parse import urlsplit


@dataclass(frozen=True, slots=True)
class Quirks:
    """Facts about one kind of store."""

    hosts: tuple[str, ...] = ()  # ends of host names that give it away
    list_version: int = 2  # 1: ListObjects with a marker
    url_encoding: bool = True  # listings can be asked for with encoding-type=url
    plus_is_space: bool = True  # … in which "+" is a space (form encoding, as AWS does it)
    ordered: bool = True  # keys come in the order of their UTF-8 bytes
    start_after: bool | None = None  # a listing can begin after any key; None: probe it
    etag_is_md5: bool = True  # an ETag of 32 hex digits is the MD5 of the content (not with KMS: docs/reports.md)
    virtual_hosts: bool = False  # the bucket may be part of the host name


QUIRKS: dict[str, Quirks] = {
    "aws": Quirks(hosts=(".amazonaws.com", ".amazonaws.com.cn"), start_after=True, virtual_hosts=True),
    "minio": Quirks(start_after=True),
    "r2": Quirks(hosts=(".r2.cloudflarestorage.com",), start_after=True),
    "wasabi": Quirks(hosts=(".wasabisys.com",), start_after=True),
    "b2": Quirks(hosts=(".backblazeb2.com",), start_after=True),
    "do_spaces": Quirks(hosts=(".digitaloceanspaces.com",), start_after=True),
    "idrive_e2": Quirks(hosts=(".idrivee2.com", ".e2.cloudstorage.com")),
    "storj": Quirks(hosts=(".storjshare.io",), etag_is_md5=False),
    "gcs": Quirks(hosts=(".storage.googleapis.com",)),
    "ceph": Quirks(list_version=1, url_encoding=False),
    "alibaba": Quirks(hosts=(".aliyuncs.com",), virtual_hosts=True),
    "tencent": Quirks(hosts=(".myqcloud.com",), list_version=1, virtual_hosts=True),
    "netease": Quirks(hosts=(".nos-eastchina1.126.net",), list_version=1, url_encoding=False),
    "ibm": Quirks(hosts=(".cloud-object-storage.appdomain.cloud",), list_version=1, url_encoding=False),
    "scaleway": Quirks(hosts=(".scw.cloud",), start_after=True),
    "linode": Quirks(hosts=(".linodeobjects.com",)),
    "dreamhost": Quirks(hosts=(".dreamhost.com",), list_version=1, url_encoding=False),
    "seaweedfs": Quirks(etag_is_md5=False),
    "rclone": Quirks(start_after=True),
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
