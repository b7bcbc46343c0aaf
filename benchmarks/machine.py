"""What the numbers were measured on."""

import importlib.metadata
import os
import platform
from pathlib import Path

PACKAGES = ("duckdb", "pyarrow", "dagster", "boto3", "pandas", "sqlalchemy")


def facts() -> dict[str, str]:
    """Return what decides about speed: processor, memory, versions."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return {
        "processor": processor(),
        "cores": str(os.cpu_count()),
        "memory": f"{memory:.0f} GiB",
        "system": f"{platform.system()} {platform.machine()}",
        "Python": platform.python_version(),
        **{name: importlib.metadata.version(name) for name in PACKAGES},
    }


def processor() -> str:
    """Return the processor's name as the system has it."""
    info = Path("/proc/cpuinfo")
    if not info.exists():
        return platform.processor() or "unknown"
    names = [line.partition(":")[2].strip() for line in info.read_text().splitlines() if line.startswith("model name")]
    return names[0] if names else "unknown"
