"""The walls hold: what a contract of setup.cfg forbids is planted in every module that it is about, and caught."""

import ast
import copy
import sys
from itertools import cycle
from pathlib import Path

import grimp
import pytest
from importlinter.application.use_cases import _register_contract_types, read_user_options
from importlinter.configuration import configure
from importlinter.domain.contract import registry

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "filesync_dagster"
PRIVATE_DAGSTER = ("orchestration/instance/",)
"""Where Dagster's private modules may be imported."""


@pytest.fixture(scope="module")
def contracts():
    """Return setup.cfg's contracts, by their ids."""
    configure()
    options = read_user_options(str(ROOT / "setup.cfg"))
    _register_contract_types(options)
    return {
        given["id"]: registry.get_contract_class(given["type"])(given["name"], options.session_options, given)
        for given in options.contracts_options
    }


@pytest.fixture(scope="module")
def graph():
    """Return who imports whom."""
    return grimp.build_graph("filesync_dagster", include_external_packages=True, cache_dir=None)


@pytest.fixture(scope="module")
def modules(graph):
    """Return the modules of the package, by their paths in it: `sync.run`."""
    prefix = "filesync_dagster."
    return sorted(name.removeprefix(prefix) for name in graph.modules if name.startswith(prefix))


@pytest.fixture(scope="module")
def survivors(contracts, graph):
    """Return what plants imports in a graph and tells which of them a contract does not notice."""

    def plant(contract, imports):
        planted = copy.deepcopy(graph)
        for importer, imported in imports:
            for name in (importer, imported):
                if name not in planted.modules:
                    planted.add_module(name, is_squashed=True)
            planted.add_import(importer=importer, imported=imported)
        return contracts[contract].check(planted, verbose=False)

    def left(contract, importers, imported):
        """Return the modules in which an import is not noticed: each has one of those that are forbidden to it."""
        names = [f"filesync_dagster.{importer}" if importer else "filesync_dagster" for importer in importers]
        imports = list(zip(names, cycle(imported), strict=False))
        named = set(direct_imports(plant(contract, imports).metadata))
        return [one for one in imports if one not in named and plant(contract, [one]).kept]

    return left


def direct_imports(report):
    """Yield the imports that a broken contract calls forbidden by themselves, not for where they lead to."""
    for found in report.get("invalid_chains", []):
        yield from ((chain[0]["importer"], chain[0]["imported"]) for chain in found["chains"] if len(chain) == 1)
    for found in report.get("invalid_dependencies", []):
        for route in found["routes"]:
            if len(route["chain"]) == 1:
                yield route["chain"][0]["importer"], route["chain"][0]["imported"]


def inside(module, *rooms):
    """Tell whether a module is one of these, or below one."""
    return any(module == room or module.startswith(f"{room}.") for room in rooms)


def test_all_contracts_are_kept(contracts, graph):
    """As they are now. (`make lint` says it in more words.)."""
    checks = {name: contract.check(copy.deepcopy(graph), verbose=False) for name, contract in contracts.items()}

    assert [name for name, check in checks.items() if not check.kept] == []


@pytest.mark.parametrize(("contract", "container"), [("layers", ""), ("sync", "sync.")])
def test_no_module_imports_upwards(survivors, contracts, modules, contract, container):
    """Whatever stands above a module's room cannot be imported there."""
    layers = contracts[contract].layers
    floors = [sorted(f"{container}{tail.name}" for tail in layer.module_tails) for layer in layers]
    missed = []
    for below, floor in enumerate(floors):
        above = [f"filesync_dagster.{room}" for upper in floors[:below] for room in upper]
        if not above:
            continue
        importers = [module for module in modules if inside(module, *floor)]
        assert importers, floor
        missed += survivors(contract, importers, above)

    assert missed == []


def test_every_room_has_its_floor(contracts, graph):
    """A room that no floor names breaks the contract: there is no way around by a module that nobody thought of."""
    planted = copy.deepcopy(graph)
    planted.add_module("filesync_dagster.utils")

    assert not contracts["layers"].check(planted, verbose=False).kept


def test_only_orchestration_knows_dagster(survivors, modules):
    """Neither Dagster nor its libraries are imported anywhere else, not even by a module that no list names."""
    others = ["", *(module for module in modules if not inside(module, "orchestration"))]

    assert survivors("dagster", others, ["dagster", "dagster_aws", "dagster_postgres"]) == []


def test_the_command_line_starts_without_dagster(survivors, modules):
    """Nor does what it imports import it."""
    starts = [module for module in modules if inside(module, "cli", "web")]

    assert survivors("fast_start", [*starts, "orchestration.client", "sync.run", "api"], ["dagster"]) == []


def test_only_the_database_speaks_sql(survivors, modules):
    """SQLAlchemy and Alembic stay where the tables are."""
    allowed = ("storage.database", "orchestration.instance")
    others = ["", *(module for module in modules if not inside(module, *allowed))]

    assert survivors("sql", others, ["sqlalchemy", "alembic"]) == []


def test_connectors_do_not_know_each_other(survivors, modules):
    """A store imports the kit, and no other store."""
    stores = ["autodesk", "box", "google_drive", "local", "s3"]
    for store in stores:
        own = [module for module in modules if inside(module, f"connectors.{store}")]
        others = [f"filesync_dagster.connectors.{other}" for other in stores if other != store]
        assert own
        assert survivors("connectors", own, others) == []


def test_the_diff_is_pure(survivors, modules):
    """It knows DuckDB and the model, nothing that is stored or connected."""
    own = [module for module in modules if inside(module, "sync.diff")]
    forbidden = ["filesync_dagster.storage.snapshots", "filesync_dagster.connectors.base", "httpx", "sqlalchemy"]

    assert survivors("diff", own, forbidden) == []


def test_only_the_command_line_knows_the_simulators(survivors, modules):
    """The product does not need what stands in for a vendor."""
    others = [module for module in modules if not inside(module, "cli", "simulators", "testing")]

    assert survivors("simulators", others, ["filesync_dagster.simulators.kit.faults"]) == []


def imports(path):
    """Yield the modules that a file imports, wherever in it."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and not node.level:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def is_private_dagster(name):
    """Tell whether a module is one of Dagster's that it promises nobody."""
    first, *rest = name.split(".")
    return first.startswith("dagster") and any(part.startswith("_") for part in rest)


def test_dagsters_private_modules_are_used_in_one_place():
    """A new version of Dagster can break nothing outside of orchestration/instance."""
    found = [
        f"{inside_package}: {name}"
        for path in PACKAGE.rglob("*.py")
        if not (inside_package := str(path.relative_to(PACKAGE))).startswith(PRIVATE_DAGSTER)
        for name in imports(path)
        if is_private_dagster(name)
    ]

    assert found == []


@pytest.mark.parametrize("name", ["dagster._core.storage", "dagster_shared._record"])
def test_a_private_module_is_noticed(name):
    """Its name begins with an underscore somewhere below Dagster's own."""
    assert is_private_dagster(name)


def test_the_diff_imports_duckdb_and_nothing_else_that_is_foreign():
    """What is not listed here is forbidden there."""
    foreign = {
        name.partition(".")[0]
        for path in (PACKAGE / "sync" / "diff").glob("*.py")
        for name in imports(path)
        if name.partition(".")[0] not in sys.stdlib_module_names
    }

    assert foreign <= {"duckdb", "filesync_dagster", "pyarrow"}


def test_nothing_lies_loose_at_the_door():
    """A newcomer finds rooms at the package's root, and three modules."""
    loose = {path.name for path in PACKAGE.glob("*.py")}
    rooms = {path.parent.name for path in PACKAGE.glob("*/__init__.py")}

    assert loose == {"__init__.py", "api.py", "definitions.py"}
    assert len(loose | rooms) <= 19, sorted(loose | rooms)


def test_the_tests_follow_the_tree():
    """Each room has its tests in the room of the same name."""
    rooms = {path.parent.name for path in PACKAGE.glob("*/__init__.py")} - {"components", "testing"}
    tests = {path.parent.name for path in (ROOT / "filesync_dagster_tests").glob("*/__init__.py")} - {"planted_bugs"}

    assert rooms == tests
