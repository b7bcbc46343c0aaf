"""What a user may say about a file manager."""

from typing import Annotated

from pydantic import AfterValidator, BaseModel, ByteSize, ConfigDict, Field, SecretStr

from filesync_dagster.connectors.rest.details import Seconds, address_like

Address = Annotated[str, AfterValidator(address_like("https://files.example.com:8001"))]


class FileManagerDetails(BaseModel):
    """`endpoint_details` of a destination of type file_manager."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    base_url: Address = Field(description="Address of the server, such as https://files.example.com:8001.")
    token: SecretStr | None = Field(
        default=None, description="Sent as `Authorization: Bearer …`. Left out: nothing is sent."
    )
    max_file_size: ByteSize | None = Field(
        default=None, ge=1, description="Larger files are not sent, such as `5GB`. Left out: all are."
    )
    leading_slash: bool = Field(default=False, description="Send paths with a slash before them.")
    report: bool = Field(default=False, description="Tell the server after each run what came of it.")
    verify_tls: bool = Field(default=True, description="Check the certificate of the server.")
    ca_bundle: str | None = Field(default=None, description="File of certificate authorities to trust.")
    connect_timeout: Seconds = Field(default=10.0, description="Seconds to wait for a connection.")
    read_timeout: Seconds = Field(
        default=120.0, description="Seconds to wait for an answer, once all was sent; a server may have to move a file."
    )
