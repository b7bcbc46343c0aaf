"""Connectors: one folder for each kind of store, all behind the protocols of `base`; `registry` finds them.

`rest` is the kit that stores over HTTP share, `object_store` and `aws` are kits on it. May import core; stores never
import each other, the configuration or the environment. A new store is a folder here and a line in the registry, or a
package with an entry point.
"""

from filesync_dagster.connectors.base import (
    Connector,
    ExplainableSource,
    HistoricalSource,
    IncrementalSource,
    LookupSource,
    Prune,
    Source,
)
from filesync_dagster.connectors.registry import CONNECTORS

__all__ = [
    "CONNECTORS",
    "Connector",
    "ExplainableSource",
    "HistoricalSource",
    "IncrementalSource",
    "LookupSource",
    "Prune",
    "Source",
]
