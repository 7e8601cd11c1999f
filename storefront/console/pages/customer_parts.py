"""Parts of a customer's page: what stands in their way, what they have, and what is known of them."""

from collections.abc import Mapping
from typing import Any

from storefront.console.words import at, money, offer_title, spoken
from storefront.core.catalog import text_in
from storefront.core.operating.wallets import open_lots
from storefront.panels import (
    Asking,
    Cell,
    Column,
    Line,
    Lines,
    Note,
    Row,
    Section,
    Table,
    Tone,
)

CUSTOMERS = "/console/customers"
MOST_LOTS = 50


def warnings(asking: Asking, whole: Mapping[str, Any]) -> list[Section]:
    found: list[Section] = [
        Note(
            Tone.BAD,
            f"Owes {money(asking, one['owed'], one['asset'])}.",
            "They cannot spend until it is paid." if one["blocks_spending"] else "New value pays it off first.",
        )
        for one in whole["debts"]
    ]
    if whole["freezes"]:
        found.append(Note(Tone.PLAY, "Something of theirs is frozen.", "A refund or dispute is not decided yet."))
    return found


def wallets(asking: Asking, customer_id: str, state: Mapping[str, Any]) -> Lines:
    lines = []
    for asset, wallet in sorted(state["wallets"].items()):
        held = f" ({money(asking, wallet['held'], asset)} held)" if wallet.get("held") else ""
        words = f"{money(asking, wallet['available'], asset)}{held}"
        lines.append(Line(spoken(asset), words, url=f"{CUSTOMERS}/{customer_id}/wallets/{asset}"))
    return Lines("Wallets", lines, hint="" if lines else "Empty.")


async def lots(asking: Asking, customer_id: str) -> list[Section]:
    """Return the lots that the wallets are made of, in the order in which a spend would draw them."""
    rows = []
    found = await open_lots(asking.services, customer_id, limit=MOST_LOTS + 1)
    for lot in found[:MOST_LOTS]:
        cost = lot["cost"]
        paid = "–" if cost is None else money(asking, cost["amount"], cost["currency"])
        rows.append(
            Row(
                (
                    Cell.when(at(lot["opened_at"])),
                    Cell(spoken(lot["source"]), hint=lot["payment"] or ""),
                    Cell(money(asking, lot["remaining"], lot["asset"]), is_strong=True),
                    Cell(paid),
                    Cell.when(at(lot["expires_at"]), otherwise="never"),
                )
            )
        )
    columns = (
        Column("Since"),
        Column("Comes from"),
        Column("Left", is_number=True),
        Column("Paid for it", is_number=True),
        Column("Lapses"),
    )
    hint = "" if len(found) <= MOST_LOTS else f"The {MOST_LOTS} that are spent first; there are more."
    return [Table("Lots, in the order they are spent", columns, rows, hint=hint)] if rows else []


def owned(asking: Asking, state: Mapping[str, Any]) -> Table:
    rows = [
        Row(
            (
                Cell(offer_title(asking, one["sku"]), is_strong=True, hint=one["sku"]),
                Cell("Item"),
                Cell(str(one["quantity"])),
                Cell.when(at(one.get("expires_at")), otherwise="never"),
            )
        )
        for one in _each(state["items"], "sku")
    ] + [
        Row(
            (
                Cell(_right_title(asking, one["key"]), is_strong=True, hint=one["key"]),
                Cell("Right"),
                Cell("–"),
                Cell.when(at(one.get("expires_at")), otherwise="never"),
            )
        )
        for one in _each(state["entitlements"], "key")
    ]
    columns = (Column("What"), Column("Kind"), Column("How many", is_number=True), Column("Until"))
    return Table("Owns", columns, rows, empty="Nothing.")


def _right_title(asking: Asking, key: str) -> str:
    found = asking.services.config.entitlements.get(key)
    default = asking.services.catalogs.active.default_language
    return (None if found is None else text_in(found.title, asking.language, default)) or key


def _each(found: Any, name: str) -> list[Mapping[str, Any]]:
    """Return a state's part as a list, whether it is one or a mapping by name."""
    if isinstance(found, Mapping):
        return [
            {name: key, **(value if isinstance(value, Mapping) else {"quantity": value})}
            for key, value in found.items()
        ]
    return list(found)


def facts(asking: Asking, whole: Mapping[str, Any]) -> Lines:
    lines = [
        Line("Our id", whole["id"]),
        Line("Country", whole["country"] or "not known"),
        Line.when("Since", at(whole["created_at"])),
        *(Line("Also known as", name, is_name=True) for name in whole["known_as"]),
    ]
    for one in whole["payment_methods"]:
        ends = f" ending {one['last4']}" if one.get("last4") else ""
        lines.append(Line("Payment method", f"{spoken(one.get('brand') or one.get('kind') or 'saved')}{ends}"))
    if asking.may("privacy:read"):
        lines.append(Line("Privacy", "Export or merge", url=f"{CUSTOMERS}/{whole['id']}/privacy"))
    return Lines("Facts", lines)
