import subprocess
import sys

import pytest

from filesync_dagster.connectors import CONNECTORS
from filesync_dagster.connectors.registry import MODULES, ConnectorModule, ConnectorRegistry
from filesync_dagster.core.errors import MissingExtra


def test_each_store_is_what_it_says():
    """Every module has a connector with a title, details and a location that its details have."""
    assert list(MODULES) == sorted(MODULES)
    for kind in MODULES:
        connector = CONNECTORS[kind]
        assert connector.title
        assert set(connector.location) | set(connector.paths) <= set(connector.details.model_fields)


def test_a_store_is_imported_when_it_is_used():
    """Whoever has local folders only pays for no client library."""
    code = (
        "import sys\n"
        "from filesync_dagster.connectors import CONNECTORS\n"
        "from filesync_dagster.core.model import Meter\n"
        "local = CONNECTORS['local']\n"
        "local.open(local.details(path='/'), Meter()).close()\n"
        "assert 's3' in CONNECTORS\n"
        "heavy = {'httpx', 'boto3', 'botocore', 'google', 'googleapiclient', 'tenacity', 'lxml'} & set(sys.modules)\n"
        "stores = {n for n in sys.modules if n.startswith('filesync_dagster.connectors.') and '.local' not in n}\n"
        "print(sorted(heavy), sorted(stores))\n"
    )
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    light = [f"filesync_dagster.connectors.{name}" for name in ("base", "destination", "registry")]
    assert answer.stdout.strip() == f"[] {light}"


def test_an_extra_that_is_missing():
    """One sentence says what to install; the type is known all the same."""
    modules = {"box": ConnectorModule("filesync_dagster.connectors.box", "box", ("no_such_library",))}
    registry = ConnectorRegistry(modules)

    assert "box" in registry
    with pytest.raises(MissingExtra, match=r"pip install 'filesync-dagster\[box\]'"):
        registry["box"]


def test_unknown_types():
    """They are unknown without an import."""
    registry = ConnectorRegistry({})

    assert "nothing" not in registry
    assert list(registry) == []
    with pytest.raises(KeyError):
        registry["nothing"]
