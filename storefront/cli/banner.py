"""What ``storefront serve`` shows once the shop answers: where to look, and how long it took."""

import os
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rich.markup import escape

from storefront.cli.output import console, counted


def announce(facts: Mapping[str, Any], *, began: float, workers: int | None = None) -> None:
    """Print where the shop is; ``facts`` is what ``Desk.facts`` tells, ``began`` the monotonic time of the start.

    ``workers`` is how many processes serve it, where it is served by several.
    """
    out = console()
    public, mode = facts["public_url"], facts["mode"]
    meaning = "test money only" if mode == "sandbox" else "real money"
    out.print(f"\n  [bold]{escape(facts['shop'])}[/]  [dim]{mode}: {meaning}[/]\n")
    lines = [("Shop", f"{public}/shop"), ("API docs", f"{public}/docs")]
    lines.append(("Console", f"{public}/console  [dim]first: storefront operators add LOGIN --role owner[/]"))
    if facts["sandbox"] is not None:
        lines.append(("Checkout", f"{facts['sandbox']}  [dim]pays with 4242 4242 4242 4242[/]"))
    if public != facts["url"]:
        lines.append(("Listening", facts["url"]))
    lines.append(("Data", escape(facts["data"])))
    if workers is not None:
        lines.append(("Workers", counted(workers, "process", "processes")))
    lines.append(("Plugins", _plugins(facts["plugins"])))
    for name, value in lines:
        out.print(f"  [dim]{name:<10}[/] {value}")
    out.print(f"\n  Ready in {milliseconds_since_start(began)} ms. Ctrl-C stops it.\n")


def milliseconds_since_start(began: float) -> int:
    """Return how long this process has been running, the interpreter's own start included where Linux tells it.

    ``began`` is the monotonic time at which our code began, which is what is left elsewhere.
    """
    try:
        # Field 22 is the start in clock ticks since boot; the name in field 2 may hold spaces and brackets.
        started = int(Path("/proc/self/stat").read_text().rpartition(")")[2].split()[19])
        return round((time.clock_gettime(time.CLOCK_BOOTTIME) - started / os.sysconf("SC_CLK_TCK")) * 1000)
    except (OSError, AttributeError, ValueError):
        return round((time.monotonic() - began) * 1000)


def _plugins(plugins: list[dict[str, Any]]) -> str:
    shown = [
        escape(plugin["name"])
        if plugin["state"] == "active"
        else f"[red]{escape(plugin['name'])} ({plugin['state']})[/]"
        for plugin in plugins
    ]
    return ", ".join(shown) or "none"
