"""The audit trail: who did what, newest first."""

import re
from collections.abc import Mapping
from typing import Any

from storefront.console.forms import text
from storefront.console.words import at, link, moment_words, money, spoken
from storefront.core.operating.trail import list_actions
from storefront.core.operators.people import list_operators
from storefront.panels import Asking, Cell, Column, ConsolePage, PageView, Row, Search, Table

PATH = "/console/settings/audit-trail"
SHOWN = 40
_INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d")


async def show_trail(asking: Asking) -> PageView:
    """Show who did what."""
    services, query = asking.services, asking.query
    logins = {one.caller: one.login for one in await list_operators(services)}
    page = await list_actions(
        services, text=query.get("q") or None, actor=query.get("actor"), limit=SHOWN, after=query.get("after")
    )
    rows = [await _row(asking, one, logins) for one in page["data"]]
    older = None if page["next"] is None else link(PATH, query, after=page["next"])
    columns = (Column("When"), Column("Who"), Column("Did"), Column("About"), Column("Facts"))
    newest = link(PATH, query, after=None) if query.get("after") else None
    kept = {"actor": query["actor"]} if query.get("actor") else {}
    table = Table("Who did what", columns, rows, older=older, newer=newest)
    return PageView(
        "Audit trail",
        [table],
        search=Search(
            "Id of a purchase, customer or anything else, or a login", query.get("q", ""), kept, "Id or login"
        ),
    )


async def _row(asking: Asking, one: Mapping[str, Any], logins: Mapping[str, str]) -> Row:
    cells = (
        Cell.when(at(one["recorded_at"])),
        Cell(logins.get(one["actor"], one["actor"]), is_name=True),
        Cell(spoken(one["action"])),
        Cell(one["about"], url=_page_of(one), is_code=True),
        Cell(await _told(asking, one, logins) or "–", is_long=True),
    )
    return Row(cells)


def _page_of(one: Mapping[str, Any]) -> str | None:
    """Return the page of what a row is about, or else of what that belongs to: a refund has its purchase's."""
    about, of = str(one["about"]), one["of"]
    if of.get("purchase_id"):
        return f"/console/purchases/{of['purchase_id']}"
    if of.get("customer_id"):
        return f"/console/customers/{of['customer_id']}"
    prefixes = {"pur_": "/console/purchases", "cus_": "/console/customers", "whe_": "/console/webhooks"}
    return next((f"{path}/{about}" for prefix, path in prefixes.items() if about.startswith(prefix)), None)


async def _told(asking: Asking, one: Mapping[str, Any], logins: Mapping[str, str]) -> str:
    """Return what a row says, after whose it is and how much, which the rows of refunds and grants leave out."""
    facts, of, told = dict(one["facts"]), one["of"], []
    if of.get("amount") is not None:
        told.append(money(asking, of["amount"], of["currency"]))
    elif isinstance(facts.get("amount"), int) and facts.get("asset"):
        told.append(money(asking, facts.pop("amount"), facts.pop("asset")))
    if of.get("customer_id"):
        facts.pop("customer_id", None)
        told.append(f"customer: {await asking.services.customers.external_id(of['customer_id'])}")
    caller = f"operator:{one['about']}"
    if caller in logins:
        told.append(f"operator: {logins[caller]}")
    return ", ".join(filter(None, (*told, _facts(facts))))


def _facts(facts: Mapping[str, Any]) -> str:
    return ", ".join(
        f"{name.replace('_', ' ')}: {_value(value)}" for name, value in facts.items() if name != "fingerprint"
    )


def _value(value: Any) -> str:
    if isinstance(value, list):
        return " ".join("all" if one == "*" else _value(one) for one in value) or "none"
    if isinstance(value, dict):
        return "; ".join(f"{name.replace('_', ' ')} {_value(one)}" for name, one in value.items()) or "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if value is None:
        return "–"
    return moment_words(value) if isinstance(value, str) and _INSTANT.match(value) else str(value)


def pages() -> list[ConsolePage]:
    """Return the page of the audit trail."""
    query = {"q": text(100), "actor": text(100), "after": text(100)}
    return [ConsolePage(PATH, "Audit trail", "audit:read", show_trail, query=query)]
