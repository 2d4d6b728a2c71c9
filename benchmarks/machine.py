"""What a run ran on: figures of two machines are not to be compared, ratios with care."""

from __future__ import annotations

import os
import platform
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Final

_PACKAGES: Final = (
    *("celery", "dj-stripe", "django", "django-redpin", "djangorestframework", "gunicorn"),
    *("mysqlclient", "psycopg", "requests", "stripe", "urllib3"),
)


def machine() -> dict[str, Any]:
    """Return the processor, how many cores this process may use, the memory, and the system."""
    return {
        "processor": _field("/proc/cpuinfo", "model name") or platform.processor(),
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else None,
        "memory_mib": _memory(),
        "system": platform.platform(),
        "load": [round(each, 2) for each in os.getloadavg()],
    }


def versions() -> dict[str, str]:
    """Return the versions of Python and of the packages that are measured or measured with."""
    found = {"python": platform.python_version()}
    for name in _PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def _memory() -> int | None:
    told = _field("/proc/meminfo", "MemTotal")
    return int(told.split()[0]) // 1024 if told else None


def _field(path: str, name: str) -> str:
    """Return what stands behind the name in one of Linux's files, or "" elsewhere."""
    try:
        lines = Path(path).read_text(encoding="utf-8").splitlines()
    except OSError:
        return ""
    found = (line.partition(":")[2].strip() for line in lines if line.startswith(name))
    return next(found, "")
