"""What every result says of where it was measured."""

from __future__ import annotations

import os
import platform
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any


def machine() -> dict[str, Any]:
    """The processor's model name, its cores, the operating system and, if there is one, the GPU."""
    found = {"processor": _processor(), "cores": os.cpu_count(), "system": platform.platform()}
    return found | ({"gpu": name} if (name := gpu()) else {})


def versions(*packages: str) -> dict[str, str]:
    """Python's version and those of some distributions, without the ones that are not installed."""
    found = {"python": platform.python_version()}
    for name in packages:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def gpu() -> str:
    """The name of the CUDA device that CuPy would use; empty where there is none."""
    try:
        import cupy

        return str(cupy.cuda.runtime.getDeviceProperties(0)["name"].decode()) if _devices(cupy) else ""
    except (ImportError, OSError):
        return ""


def _devices(cupy: Any) -> int:
    try:
        return int(cupy.cuda.runtime.getDeviceCount())
    except cupy.cuda.runtime.CUDARuntimeError:  # no driver
        return 0


def _processor() -> str:
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.is_file():
        for line in cpuinfo.read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor()
