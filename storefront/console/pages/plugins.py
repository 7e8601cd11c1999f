"""The plugins: which run, and which of them is in quarantine."""

from collections.abc import Callable
from typing import Any

from storefront.console.words import spoken
from storefront.panels import Asking, Cell, Column, ConsolePage, PageView, Row, Table, Tone

PATH = "/console/plugins"
_TONES = {"active": Tone.GOOD, "quarantined": Tone.BAD, "left out": Tone.BAD}
Describe = Callable[[], list[dict[str, Any]]]


def pages(describe: Describe) -> list[ConsolePage]:
    """Return the page of the plugins; ``describe`` tells them as they are now."""

    async def show(_: Asking) -> PageView:
        """Show the plugins, and which of them is in quarantine."""
        columns = (Column("Plugin"), Column("State"), Column("Takes part by"))
        hint = "A plugin in quarantine failed too often, and is asked no more until the next start."
        table = Table("Plugins", columns, [_row(one) for one in describe()], empty="None is enabled.", hint=hint)
        return PageView("Plugins", [table])

    async def failing(_: Any) -> tuple[int, Tone]:
        return sum(1 for one in describe() if one["state"] != "active"), Tone.BAD

    return [ConsolePage(PATH, "Plugins", "operations:read", show, group="setup", icon="repeat", counts=failing)]


def _row(one: dict[str, Any]) -> Row:
    tone, why = _TONES.get(one["state"], Tone.PLAIN), one["reason"] or one["last_error"] or ""
    return Row(
        (
            Cell(one["name"], is_strong=True),
            Cell(spoken(one["state"]), tone=tone, hint=why),
            Cell(", ".join(one["hooks"])),
        )
    )
