"""What a user may say about a folder of an SFTP server."""

import re
from typing import Self

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator, model_validator

from filesync_dagster.connectors.rest.details import Seconds

FINGERPRINT = re.compile(r"SHA256:[A-Za-z0-9+/]{43}=?")
PUBLIC_KEY = re.compile(r"(ssh|ecdsa|sk)-[\w@.-]+ [A-Za-z0-9+/=]+( .*)?")


class SftpDetails(BaseModel):
    """`endpoint_details` of an endpoint of type sftp."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    host: str = Field(min_length=1, pattern=r"^[^\s/@]+$", description="Name or address of the server.")
    port: int = Field(default=22, ge=1, le=65_535, description="Its port.")
    username: str = Field(min_length=1, description="Name of the account.")
    password: SecretStr | None = Field(default=None, min_length=1, description="Password of the account.")
    private_key_file: str | None = Field(
        default=None, min_length=1, description="File with the account's private key, in OpenSSH's format or PEM."
    )
    private_key: SecretStr | None = Field(default=None, min_length=1, description="The private key itself.")
    passphrase: SecretStr | None = Field(default=None, description="What the private key is encrypted with.")
    path: str = Field(
        default=".", min_length=1, description="The folder: from the root with a slash, else below where a login lands."
    )
    host_key: str | None = Field(
        default=None,
        description="The server's key, so that nobody can pass for it: `ssh-ed25519 AAAA…` as in known_hosts, or its "
        "fingerprint `SHA256:…`; several on lines of their own. Default: what known_hosts says.",
    )
    known_hosts: str | None = Field(
        default=None, min_length=1, description="File of keys of servers. Default: `~/.ssh/known_hosts`."
    )
    list_workers: int = Field(
        default=8, ge=1, le=64, description="Folders read at once, over one connection. 1 reads without threads."
    )
    page_size: int = Field(default=5_000, ge=1, le=100_000, description="Entries per page.")
    connect_timeout: Seconds = Field(default=20.0, description="Seconds to wait for a connection and the login.")
    read_timeout: Seconds = Field(default=60.0, description="Seconds to wait for an answer.")

    @field_validator("host_key")
    @classmethod
    def _is_a_key(cls, value: str | None) -> str | None:
        lines = [line.strip() for line in (value or "").splitlines() if line.strip()]
        if any(not FINGERPRINT.fullmatch(line) and not PUBLIC_KEY.fullmatch(line) for line in lines):
            raise ValueError("a host key is `ssh-ed25519 AAAA…` as in known_hosts, or its fingerprint `SHA256:…`")
        return "\n".join(lines) or None

    @field_validator("path")
    @classmethod
    def _has_no_nul(cls, value: str) -> str:
        if "\x00" in value:
            raise ValueError("a path cannot contain a NUL character")
        return value

    @model_validator(mode="after")
    def _agree(self) -> Self:
        if self.private_key is not None and self.private_key_file is not None:
            raise ValueError("private_key excludes private_key_file")
        if self.password is None and self.private_key is None and self.private_key_file is None:
            raise ValueError("give a password, private_key_file or private_key")
        if self.host_key is not None and self.known_hosts is not None:
            raise ValueError("host_key excludes known_hosts")
        return self
