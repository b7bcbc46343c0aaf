"""The type of what `define_asset_job` returns, for which Dagster has no public name."""

from dagster._core.definitions.unresolved_asset_job_definition import UnresolvedAssetJobDefinition

AssetJob = UnresolvedAssetJobDefinition
"""A job of some assets, before Dagster knows all assets."""
