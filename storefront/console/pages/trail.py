"""The audit trail: who did what, newest first."""

from collections.abc import Mapping
from typing import Any

from storefront.console.forms import text
from storefront.console.words import at, link, spoken
from storefront.core.operating.trail import list_actions
from storefront.core.operators.people import list_operators
from storefront.panels import Asking, Cell, Column, ConsolePage, PageView, Row, Search, Table

PATH = "/console/settings/audit-trail"
SHOWN = 40


async def show_trail(asking: Asking) -> PageView:
    """Show who did what."""
    services, query = asking.services, asking.query
    logins = {one.caller: one.login for one in await list_operators(services)}
    page = await list_actions(
        services, about=query.get("q") or None, actor=query.get("actor"), limit=SHOWN, after=query.get("after")
    )
    rows = [
        Row(
            (
                Cell.when(at(one["recorded_at"])),
                Cell(logins.get(one["actor"], one["actor"]), is_name=True),
                Cell(spoken(one["action"])),
                Cell(one["about"], url=_page_of(one["about"]), is_code=True),
                Cell(_facts(one["facts"]) or "–"),
            )
        )
        for one in page["data"]
    ]
    older = None if page["next"] is None else link(PATH, query, after=page["next"])
    columns = (Column("When"), Column("Who"), Column("Did"), Column("About"), Column("Facts"))
    newest = link(PATH, query, after=None) if query.get("after") else None
    kept = {"actor": query["actor"]} if query.get("actor") else {}
    table = Table("Who did what", columns, rows, older=older, newer=newest)
    return PageView("Audit trail", [table], search=Search("Id of what it is about", query.get("q", ""), kept))


def _page_of(about: str) -> str | None:
    prefixes = {"pur_": "/console/purchases", "cus_": "/console/customers", "whe_": "/console/webhooks"}
    return next((f"{path}/{about}" for prefix, path in prefixes.items() if about.startswith(prefix)), None)


def _facts(facts: Mapping[str, Any]) -> str:
    return ", ".join(
        f"{name.replace('_', ' ')}: {_value(value)}" for name, value in facts.items() if name != "fingerprint"
    )


def _value(value: Any) -> str:
    if isinstance(value, list):
        return " ".join(map(str, value)) or "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "–" if value is None else str(value)


def pages() -> list[ConsolePage]:
    """Return the page of the audit trail."""
    query = {"q": text(100), "actor": text(100), "after": text(100)}
    return [ConsolePage(PATH, "Audit trail", "audit:read", show_trail, query=query)]
