"""The machine that this process runs on, and the process itself, as psutil sees them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import psutil
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from pathlib import Path

    from prometheus_client import Metric


def machine_metrics(folders: Mapping[str, Path]) -> Iterator[Metric]:
    """Yield processor, memory, network and the disks under some folders: `folder` is the name of one."""
    cpu = CounterMetricFamily(
        "filesync_machine_cpu_seconds", "What the processors of the machine did.", labels=["mode"]
    )
    times = psutil.cpu_times()
    for mode in ("user", "system", "idle", "iowait"):
        cpu.add_metric([mode], getattr(times, mode, 0.0))  # macOS has no iowait
    yield cpu
    yield GaugeMetricFamily("filesync_machine_cpus", "Processors of the machine.", value=psutil.cpu_count() or 1)
    memory = psutil.virtual_memory()
    yield GaugeMetricFamily("filesync_machine_memory_total_bytes", "Memory of the machine.", value=memory.total)
    yield GaugeMetricFamily(
        "filesync_machine_memory_available_bytes", "Memory that programs can still have.", value=memory.available
    )
    yield from _disks(folders)
    disk, network = value_or_none(psutil.disk_io_counters), value_or_none(psutil.net_io_counters)
    moved = {"read": disk.read_bytes, "written": disk.write_bytes} if disk else {}
    yield _directions("filesync_machine_disk_bytes", "What the machine's disks read and wrote.", moved)
    moved = {"received": network.bytes_recv, "sent": network.bytes_sent} if network else {}
    yield _directions("filesync_machine_network_bytes", "What the machine received and sent.", moved)


def value_or_none(ask: Callable[[], Any]) -> Any:
    """Return what psutil tells; None where the machine does not say, as in a sandbox without /proc/diskstats."""
    try:
        return ask()
    except (NotImplementedError, OSError):
        return None


def _directions(name: str, text: str, moved: Mapping[str, float]) -> Metric:
    family = CounterMetricFamily(name, text, labels=["direction"])
    for direction, count in moved.items():
        family.add_metric([direction], count)
    return family


def _disks(folders: Mapping[str, Path]) -> Iterable[Metric]:
    total = GaugeMetricFamily("filesync_disk_total_bytes", "Size of the disk under a folder.", labels=["folder"])
    free = GaugeMetricFamily("filesync_disk_free_bytes", "Room on the disk under a folder.", labels=["folder"])
    for name, path in folders.items():
        try:
            usage = psutil.disk_usage(str(path))
        except OSError:
            continue  # it is made by the first sync
        total.add_metric([name], usage.total)
        free.add_metric([name], usage.free)
    return [total, free]


def process_metrics() -> Iterator[Metric]:
    """Yield what this process uses, under the names that every Prometheus client gives them."""
    process = psutil.Process()
    with process.oneshot():
        times, memory = process.cpu_times(), process.memory_info()
        yield CounterMetricFamily(
            "process_cpu_seconds", "Processor time of this process.", value=times.user + times.system
        )
        yield GaugeMetricFamily("process_resident_memory_bytes", "Memory of this process.", value=memory.rss)
        yield GaugeMetricFamily("process_virtual_memory_bytes", "Address space of this process.", value=memory.vms)
        yield GaugeMetricFamily("process_start_time_seconds", "When it was started.", value=process.create_time())
        if hasattr(process, "num_fds"):
            yield GaugeMetricFamily("process_open_fds", "Open files of this process.", value=process.num_fds())
