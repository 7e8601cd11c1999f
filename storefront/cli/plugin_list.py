"""``storefront plugins``: what is installed, what is enabled, and how it is doing."""

import asyncio
from typing import Any

from rich.markup import escape

from storefront.cli.asking import ask_server, is_running
from storefront.cli.choices import Choice
from storefront.cli.output import console, print_json
from storefront.cli.showing import print_table
from storefront.plugins import installed_plugins

_COLOURS = {"active": "green", "left out": "red", "quarantined": "red", "not enabled": "dim"}


def show_plugins(choice: Choice, *, as_json: bool) -> None:
    """Print every installed or enabled plugin; from a running server, how it really is."""
    data_dir = choice.data_dir()
    running = is_running(data_dir)
    enabled = asyncio.run(ask_server(data_dir, "plugins", {}))["data"] if running else choice.load().describe()
    found = _with_installed(enabled)
    if as_json:
        print_json({"server_running": running, "plugins": found})
        return
    out = console()
    rows = [
        (escape(one["name"]), one["version"] or "–", f"[{_COLOURS[one['state']]}]{one['state']}[/]",
         ", ".join(one["hooks"]) or "–")
        for one in found
    ]  # fmt: skip
    print_table(("plugin", "version", "state", "hooks"), rows, prose=("hooks",))
    for plugin in found:
        if plugin["reason"] or plugin["last_error"]:
            out.print(f"\n[red]{escape(plugin['name'])}:[/] {escape(str(plugin['reason'] or plugin['last_error']))}")
    if not running:
        out.print("\n[dim]No server runs on this data folder: this is what a start would load.[/]")


def _with_installed(enabled: list[dict[str, Any]]) -> list[dict[str, Any]]:
    points = installed_plugins()
    known = {plugin["name"] for plugin in enabled}
    idle: dict[str, Any] = {"state": "not enabled", "reason": None, "last_error": None, "hooks": []}
    everyone = [*enabled, *({"name": name, **idle} for name in sorted(set(points) - known))]
    found = []
    for plugin in everyone:
        point = points.get(plugin["name"])
        package = None if point is None or point.dist is None else point.dist
        found.append(
            {
                **plugin,
                "installed": point is not None,
                "distribution": None if package is None else package.name,
                "version": None if package is None else package.version,
            }
        )
    return found
