"""``storefront check --against-live``: what the YAML would change of what is on sale now; nothing is written.

The books are read as an audit reads them: beside a running server or without one, and without making a database.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from rich.markup import escape

from storefront.cli.output import console, counted
from storefront.core.catalog import document_of, load_catalog
from storefront.core.catalog_changes import Change, Difference, all_new, changes
from storefront.databases import make_database
from storefront.plugins import PluginHost

NOT_COMPARED = (
    "[dim]Sections beside the catalog (gateways, plugins, transfers, auto_top_up, …) are not compared: the books keep "
    "none of them.[/]"
)
_SIGNS = {"added": "[green]+[/]", "removed": "[red]-[/]", "changed": "[yellow]~[/]"}


@dataclass(frozen=True, slots=True)
class Comparison:
    """The catalog versions on both sides (``live`` None: nothing is on sale yet), and what differs."""

    live: str | None
    wanted: str
    changes: Sequence[Change]

    def to_json(self) -> dict[str, Any]:
        """Return it for ``--json``."""
        return {
            "catalog": {"live": self.live, "wanted": self.wanted},
            "changed": bool(self.changes),
            "changes": [one.to_json() for one in self.changes],
        }


def compare_with_live(host: PluginHost) -> Comparison:
    """Compare a configuration with the shop's database."""
    version, document = document_of(host.config)
    wanted = load_catalog(version, document)
    effects = host.catalog_effects()
    try:
        live, found = asyncio.run(make_database(host).read(lambda connection: changes(connection, wanted, effects)))
    except FileNotFoundError:
        live, found = None, all_new(wanted)
    return Comparison(live, version, found)


def print_comparison(comparison: Comparison) -> None:
    """Print what would change, a line each, and a sum."""
    out = console()
    if comparison.live is None:
        out.print("Nothing is on sale yet: all of it is new.")
    if not comparison.changes:
        out.print("[green]✓[/] What is on sale would stay as it is.")
        out.print(NOT_COMPARED)
        return
    for change in comparison.changes:
        out.print(f"  {_SIGNS[change.change]} [bold]{escape(change.name)}[/]{_about(change)}")
        for difference in change.differences:
            out.print(f"      {escape(_worded(difference))}")
        for line in _concerned(change):
            out.print(f"      [yellow]{line}[/]")
    kinds = {kind: sum(one.change == kind for one in comparison.changes) for kind in ("added", "changed", "removed")}
    out.print(", ".join(f"{count} {kind}" for kind, count in kinds.items()) + ". Only compared: nothing was written.")
    out.print(NOT_COMPARED)


def _about(change: Change) -> str:
    return "" if change.about == "offer" else f" [dim]({change.about.replace('_', ' ')})[/]"


def _worded(one: Difference) -> str:
    percent = "" if one.percent is None else f" ({one.percent} %)"
    if one.before is None:
        return f"{one.what}: {one.after}"
    return f"{one.what}: {one.before} → {one.after or 'none'}{percent}"


def _concerned(change: Change) -> list[str]:
    lines = []
    if change.open_purchases:
        waiting = counted(change.open_purchases, "open purchase keeps its", "open purchases keep their")
        lines.append(f"{waiting} price and goods")
    if change.owners:
        lines.append(f"{counted(change.owners, 'customer owns', 'customers own')} it, and will")
    return lines + [escape(one.says) for one in change.effects]
