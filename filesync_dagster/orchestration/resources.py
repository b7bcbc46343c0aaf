"""The Python API as a Dagster resource."""

from typing import TYPE_CHECKING, Any

import dagster as dg
from pydantic import Field

if TYPE_CHECKING:
    from filesync_dagster.api import Filesync


class FilesyncResource(dg.ConfigurableResource):  # type: ignore[type-arg]  # Dagster's own examples leave it out
    """Opens filesync for a run. `secret:` references are read with dagster-aws' SecretsManagerResource."""

    config_path: str = Field(default="", description="endpoints.yaml; FILESYNC_CONFIG when left out.")
    home: str = Field(default="", description="Where state is kept; FILESYNC_HOME when left out.")
    installation: str = Field(default="", description="By which this code proves whose it is to the command line.")
    secrets_region: str | None = Field(default=None, description="AWS region of the secrets.")
    secrets_profile: str | None = Field(default=None, description="AWS profile that may read the secrets.")
    secrets_endpoint_url: str | None = Field(default=None, description="Another address of Secrets Manager.")

    def open(self) -> "Filesync":
        """Return filesync, to be used as a context manager; with the last good configuration if need be.

        Raises ConfigError when there is none.
        """
        from filesync_dagster.api import Filesync
        from filesync_dagster.core.secrets import secrets_manager

        return Filesync.open(
            self.config_path or None,
            home=self.home or None,
            secrets=secrets_manager(self.secrets_client),
            last_good=True,
        )

    def secrets_client(self) -> Any:
        """Return the boto3 client that reads `secret:` references. Override it to use another account or vault."""
        from dagster_aws.secretsmanager import SecretsManagerResource

        return SecretsManagerResource(
            region_name=self.secrets_region,
            profile_name=self.secrets_profile,
            endpoint_url=self.secrets_endpoint_url,
        ).get_client()
