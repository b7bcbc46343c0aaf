"""Which kinds of store there are: where each connector is, imported when an endpoint has its type.

Stores of other packages register by the entry point group `filesync_dagster.connectors`: the name is the type, the
object a `Connector`. Installed packages are looked through when a type is none of ours, or when all are asked for.
"""

from collections.abc import Iterator, Mapping, MutableMapping
from dataclasses import dataclass
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from typing import Final

from filesync_dagster.connectors.base import Connector
from filesync_dagster.core.errors import ConfigError
from filesync_dagster.core.extras import require_extra

ENTRY_POINT_GROUP = "filesync_dagster.connectors"


@dataclass(frozen=True, slots=True)
class ConnectorModule:
    """A module that has a CONNECTOR, and the extra that brings the libraries which it needs."""

    module: str
    extra: str = ""
    libraries: tuple[str, ...] = ()  # packages that the extra brings
    lists: bool = True  # False: no endpoint can be of it, so it is not offered as one

    def load(self, kind: str) -> Connector:
        """Import the connector. Raises MissingExtra, which names the extra."""
        for library in self.libraries:
            require_extra(library, self.extra, f"The type {kind}")
        found: Connector = import_module(self.module).CONNECTOR
        return found


MODULES: Final[Mapping[str, ConnectorModule]] = {
    "autodesk": ConnectorModule("filesync_dagster.connectors.autodesk"),
    "azure_blob": ConnectorModule("filesync_dagster.connectors.azure_blob"),
    "box": ConnectorModule("filesync_dagster.connectors.box"),
    "dropbox": ConnectorModule("filesync_dagster.connectors.dropbox"),
    "file_manager": ConnectorModule("filesync_dagster.connectors.file_manager", lists=False),
    "gcs": ConnectorModule("filesync_dagster.connectors.gcs"),
    "google_drive": ConnectorModule("filesync_dagster.connectors.google_drive"),
    "local": ConnectorModule("filesync_dagster.connectors.local"),
    "onedrive": ConnectorModule("filesync_dagster.connectors.microsoft.onedrive"),
    "s3": ConnectorModule("filesync_dagster.connectors.s3"),
    "sftp": ConnectorModule("filesync_dagster.connectors.sftp", extra="sftp", libraries=("asyncssh",)),
    "sharepoint": ConnectorModule("filesync_dagster.connectors.microsoft.sharepoint"),
}


class ConnectorRegistry(MutableMapping[str, Connector]):
    """The connectors by type. Looking one up imports it; asking whether there is one does not."""

    def __init__(self, modules: Mapping[str, ConnectorModule]) -> None:
        self._modules = modules
        self._loaded: dict[str, Connector] = {}
        self._plugins: dict[str, EntryPoint] | None = None

    def __getitem__(self, kind: str) -> Connector:
        """Return a connector. Raises KeyError for an unknown type, ConfigError when it cannot be loaded."""
        if kind not in self._loaded:
            self._loaded[kind] = self._load(kind)
        return self._loaded[kind]

    def __setitem__(self, kind: str, connector: Connector) -> None:
        self._loaded[kind] = connector

    def __delitem__(self, kind: str) -> None:
        del self._loaded[kind]

    def __contains__(self, kind: object) -> bool:
        return kind in self._loaded or kind in self._modules or kind in self._find_plugins()

    def __iter__(self) -> Iterator[str]:
        return iter(dict.fromkeys([*self._modules, *self._loaded, *self._find_plugins()]))

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def endpoint_types(self) -> list[str]:
        """Return the types that an endpoint can have, without loading one."""
        return sorted(kind for kind in self if kind not in self._modules or self._modules[kind].lists)

    def _load(self, kind: str) -> Connector:
        if kind in self._modules:
            return self._modules[kind].load(kind)
        return _load_plugin(self._find_plugins()[kind])

    def _find_plugins(self) -> dict[str, EntryPoint]:
        if self._plugins is None:
            self._plugins = {found.name: found for found in entry_points(group=ENTRY_POINT_GROUP)}
        return self._plugins


def _load_plugin(plugin: EntryPoint) -> Connector:
    package = plugin.dist.name if plugin.dist is not None else plugin.module
    hint = "Update or remove the package."
    try:
        found = plugin.load()
    except Exception as exc:
        why = f"{type(exc).__name__}: {str(exc).rstrip('.')}"
        raise ConfigError(
            [f"The type {plugin.name} of the package {package} cannot be loaded: {why}."], hint=hint
        ) from exc
    if not isinstance(found, Connector):
        raise ConfigError(
            [f"The type {plugin.name} of the package {package} is no Connector: {plugin.value}."], hint=hint
        )
    return found


CONNECTORS: Final = ConnectorRegistry(MODULES)
