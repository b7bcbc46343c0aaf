"""The environment of the engine: a venv below FILESYNC_HOME, with pinned versions, there whole or not at all."""

import json
import os
import shutil
import subprocess
import sys
import venv
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final, Literal

from filesync_dagster.core.errors import NotWritable, TableError
from filesync_dagster.tables.synthetic.options import Watch
from filesync_dagster.tables.synthetic.peers.mostlyai.process import WORKER, run_worker

NAME: Final = "mostlyai"
VERSION: Final = "2.7.3"
INSTALL_COMMAND: Final = "filesync engine install mostlyai"
REQUIREMENTS: Final = Path(__file__).with_name("requirements.txt")
MARKER: Final = "installed.json"
CPU_INDEX: Final = "https://download.pytorch.org/whl/cpu"
"""Where PyTorch has its builds for CPUs; the ones of PyPI for Linux bring CUDA with them."""

CUDA_PACKAGES: Final = ("nvidia-", "cuda-", "triton")
FREE_BYTES: Final = 8 * 2**30
PYTHONS: Final = ((3, 11), (3, 13))
DRIVER: Final = Path("/proc/driver/nvidia/version")

Torch = Literal["cpu", "pypi"]


class EngineMissing(TableError):
    """The engine is not installed."""

    def __init__(self, state: str) -> None:
        super().__init__(
            f"The engine mostlyai {state}; `{INSTALL_COMMAND}` installs it.",
            hint="Or leave `engine` out: `core` needs nothing else.",
            code="engine_missing",
            field="engine",
        )


@dataclass(frozen=True)
class InstalledEngine:
    """An engine that can be run."""

    folder: Path
    version: str
    torch: str

    @property
    def command(self) -> tuple[str, ...]:
        """What runs its worker; nothing of our own environment is seen there."""
        return (str(_python(self.folder)), "-I", str(WORKER))


def engine_folder(home: Path) -> Path:
    """Return where the engine is installed."""
    return home / "engines" / NAME


def find_engine(home: Path) -> InstalledEngine:
    """Return the engine of a home. Raises EngineMissing, which names the command that installs it."""
    folder = engine_folder(home)
    try:
        told = json.loads((folder / MARKER).read_text(encoding="utf-8"))
        found = InstalledEngine(folder, str(told["version"]), str(told["torch"]))
    except (OSError, ValueError, KeyError, TypeError):
        found = None
    if found is None or not _python(folder).exists():
        raise EngineMissing("is not installed here")
    if found.version != VERSION:
        raise EngineMissing(f"is installed as {found.version}, and {VERSION} is needed")
    return found


def is_installed(home: Path) -> bool:
    """Tell whether the engine can be run."""
    try:
        find_engine(home)
    except EngineMissing:
        return False
    return True


def has_gpu() -> bool:
    """Tell whether there is a GPU that PyTorch's builds with CUDA can use."""
    return DRIVER.exists() or shutil.which("nvidia-smi") is not None


def install_engine(
    home: Path, torch: Literal["auto", "cpu", "pypi"], environment: Mapping[str, str], say: Callable[[str], None]
) -> InstalledEngine:
    """Make the environment anew, and try it. Raises TableError where a step fails; then it is not installed."""
    if not PYTHONS[0] <= sys.version_info[:2] <= PYTHONS[1]:
        raise _failed("it needs Python 3.11, 3.12 or 3.13")
    folder = engine_folder(home)
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        _require_room(folder.parent)
        shutil.rmtree(folder, ignore_errors=True)
        venv.create(folder, with_pip=True, symlinks=os.name != "nt")
    except OSError as error:
        raise NotWritable(f"The environment {folder} cannot be made: {error.strerror}.") from error
    except subprocess.CalledProcessError as error:
        raise _failed("a venv with pip cannot be made here") from error
    chosen = _install_torch(folder, torch, environment, say)
    say(f"Installing mostlyai-engine {VERSION} and what it needs …")
    lines = REQUIREMENTS.read_text(encoding="utf-8").splitlines()
    wanted = [one for one in lines if chosen == "pypi" or not one.startswith((*CUDA_PACKAGES, "torch=="))]
    filtered = folder / "requirements.txt"
    filtered.write_text("\n".join(wanted) + "\n", encoding="utf-8")
    if not _pip(folder, environment, "--requirement", str(filtered)):
        raise _failed("pip could not install it")
    say("Trying it …")
    found = InstalledEngine(folder, VERSION, chosen)
    run_worker(found.command, {"action": "check"}, folder, Watch(), environment)
    told = {key: str(value) for key, value in asdict(found).items() if key != "folder"}
    (folder / MARKER).write_text(json.dumps(told), encoding="utf-8")
    return found


def _install_torch(
    folder: Path, torch: Literal["auto", "cpu", "pypi"], environment: Mapping[str, str], say: Callable[[str], None]
) -> Torch:
    """Install the build of PyTorch for CPUs where that is wanted and to be had; tell which is chosen."""
    if torch == "pypi" or sys.platform != "linux" or (torch == "auto" and has_gpu()):
        return "pypi"
    pinned = next(one for one in REQUIREMENTS.read_text(encoding="utf-8").splitlines() if one.startswith("torch=="))
    say("Installing PyTorch for CPUs …")
    if _pip(folder, environment, "--index-url", CPU_INDEX, "--retries", "1", "--timeout", "20", f"{pinned}+cpu"):
        return "cpu"
    if torch == "cpu":
        raise _failed(f"PyTorch for CPUs cannot be had from {CPU_INDEX}")
    say("PyTorch for CPUs cannot be had here; the build of PyPI runs on CPUs, too, and brings 3 GB of CUDA.")
    return "pypi"


def _require_room(folder: Path) -> None:
    free = shutil.disk_usage(folder).free
    if free < FREE_BYTES:
        raise _failed(f"{FREE_BYTES / 2**30:.0f} GiB must be free, and {free / 2**30:.1f} are")


def _pip(folder: Path, environment: Mapping[str, str], *arguments: str) -> bool:
    command = [str(_python(folder)), "-I", "-m", "pip", "install", "--no-deps", "--no-input", "--quiet", *arguments]
    done = subprocess.run(  # noqa: S603 - the interpreter that we made
        [*command, "--disable-pip-version-check"], env=dict(environment), check=False
    )
    return done.returncode == 0


def _python(folder: Path) -> Path:
    return folder / "bin" / "python"


def _failed(why: str) -> TableError:
    return TableError(f"The engine mostlyai cannot be installed: {why}.", code="engine_failed", field="engine")
