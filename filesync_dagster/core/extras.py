"""Libraries that only some users need: extras of the package, imported when they are used."""

from importlib import import_module
from importlib.util import find_spec
from types import ModuleType

from filesync_dagster.core.errors import MissingExtra


def require_extra(package: str, extra: str, purpose: str) -> None:
    """Raise MissingExtra where a package is not installed, without the time that it takes to import it."""
    try:
        found = find_spec(package)
    except ValueError:  # somebody has put something in its place
        found = None
    if found is None:
        raise _missing(package, extra, purpose)


def import_from_extra(module: str, extra: str, purpose: str) -> ModuleType:
    """Import a module that the extra of the package brings. Raises MissingExtra, which names it.

    `purpose`: what needs the module, as the beginning of a sentence: "A RabbitMQ queue".
    """
    try:
        return import_module(module)
    except ModuleNotFoundError as error:
        if error.name is None or error.name.partition(".")[0] != module.partition(".")[0]:
            raise  # it is installed, and lacks something itself
        raise _missing(module.partition(".")[0], extra, purpose) from error


def _missing(package: str, extra: str, purpose: str) -> MissingExtra:
    return MissingExtra(
        f"{purpose} needs the Python package {package}, which is not installed.",
        hint=f"Install filesync with the extra: pip install 'filesync-dagster[{extra}]'.",
    )
