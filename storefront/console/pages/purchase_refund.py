"""Refunding a purchase: where it begins, what it would take back, and the act that does it."""

from collections.abc import Mapping
from typing import Any

import msgspec

from storefront.console.forms import text
from storefront.console.pages.refund_words import refund_words
from storefront.console.words import money, offer_title, total
from storefront.core.idempotency import idempotency_key
from storefront.core.purchasing import read_purchase
from storefront.core.refunding import OPERATION, refund
from storefront.core.refunds import RefundRequest, Strategy
from storefront.core.typed_amounts import read_amount
from storefront.panels import Asking, ConsoleAct, Done, Field, Form, Line, Lines, Link, Note, PageView, Section, Tone

PATH = "/console/purchases"
STRATEGIES = (
    (Strategy.FAIL.value, "Refuse, if goods are gone"),
    (Strategy.FLOOR.value, "Take what is left, write off the rest"),
    (Strategy.DEBT.value, "Let the customer owe what is gone"),
)
_REFUND = {"reason": text(500), "amount": text(30), "strategy": text(10), "sure": text(5)}


def refund_forms(asking: Asking, purchase: Mapping[str, Any], left: int) -> list[Section]:
    """Return where a refund begins: what it would take is shown before anything happens. ``left``: not given back."""
    if not asking.may("refunds:write") or purchase["status"] not in ("completed", "paid"):
        return []
    if left <= 0:
        return []
    currency = purchase["total"]["currency"]
    fields = (
        Field("amount", f"Amount in {currency}", hint="Leave empty for all that is left.", is_required=False),
        Field("reason", "Reason", hint="Kept for ever. No names or addresses."),
        Field(
            "strategy",
            "If goods are used",
            "select",
            choices=STRATEGIES,
            value=Strategy.FAIL.value,
            hint="A part of the money leaves the goods with the buyer, whatever is chosen.",
        ),
    )
    return [
        Form(
            f"{PATH}/{purchase['id']}/refund",
            "See what it would take back",
            fields,
            title="Refund…",
            explains=f"{money(asking, left, currency)} can go back. The next page shows what would happen.",
            is_folded=True,
        )
    ]


async def send_refund(asking: Asking) -> Done | PageView:
    """Show what a refund would do; do it once that was confirmed."""
    purchase_id = asking.path["id"]
    wanted = await _wanted(asking, is_dry_run=asking.form.get("sure") != "yes")
    answer, _ = await refund(asking.services, wanted)
    made = msgspec.json.decode(answer.body)
    if not wanted.is_dry_run:
        return Done(f"{PATH}/{purchase_id}", "refunded" if answer.status == 201 else "refunding")
    return await _preview(asking, made)


async def needs_proof(asking: Asking) -> bool:
    """Tell whether a refund needs proof of who sends it: a look never, all else above the shop's limit."""
    if asking.form.get("sure") != "yes":
        return False
    row = await read_purchase(asking.services, asking.path["id"])
    limit = asking.services.config.console.unproved_refunds.get(row["currency"], 0)
    typed = asking.form.get("amount")
    amount = row["total"] if typed is None else read_amount(asking.services.catalogs.active, typed, row["currency"])
    return amount > limit


async def _wanted(asking: Asking, *, is_dry_run: bool) -> RefundRequest:
    form, purchase_id = asking.form, asking.path["id"]
    row = await read_purchase(asking.services, purchase_id)
    typed = form.get("amount")
    amount = None if typed is None else read_amount(asking.services.catalogs.active, typed, row["currency"])
    strategy = Strategy(form["strategy"]) if form.get("strategy") in set(Strategy) else Strategy.FAIL
    terms = {"purchase": purchase_id, "amount": amount, "reason": form["reason"], "strategy": strategy.value}
    return RefundRequest(
        idempotency=idempotency_key(asking.actor, OPERATION, asking.key, terms),
        purchase_id=purchase_id,
        reason=form["reason"],
        amount=amount,
        strategy=strategy,
        is_dry_run=is_dry_run,
    )


async def _preview(asking: Asking, made: Mapping[str, Any]) -> PageView:
    """Show what a refund would take back, and the button that does it."""
    purchase_id, form = asking.path["id"], asking.form
    words = total(asking, made["amount"])
    lines = [Line("Goes back to the buyer", words), Line("Reason", form["reason"])]
    taken = made["taken_back"]
    takes_goods = any(taken.get(name) for name in ("items", "credits", "entitlements"))
    for item in taken.get("items", ()):
        gone = f", {item['written_off']} written off" if item["written_off"] else ""
        lines.append(
            Line(f"Taken back: {offer_title(asking, item['sku'])}", f"{item['taken']} of {item['demanded']}{gone}")
        )
    for credit in taken.get("credits", ()):
        rest = [
            f"{money(asking, credit[name], credit['asset'])} {label}"
            for name, label in (("written_off", "written off"), ("owed", "owed"))
            if credit.get(name)
        ]
        lines.append(Line("Taken back", ", ".join([money(asking, credit["taken"], credit["asset"]), *rest])))
    lines.extend(Line("Right that ends", key) for key in taken.get("entitlements", ()))
    kept = [Field(name, name, "hidden", value=str(form.get(name, ""))) for name in ("amount", "reason", "strategy")]
    send = Form(
        f"{PATH}/{purchase_id}/refund",
        f"Refund {words}",
        (*kept, Field("sure", "sure", "hidden", value="yes")),
        tone=Tone.BAD,
        explains="This moves the money and takes the goods back."
        if takes_goods
        else "This moves the money. The buyer keeps the goods.",
    )
    back = Note(
        Tone.INFO, "Nothing has happened yet.", link=Link("Keep the purchase as it is", f"{PATH}/{purchase_id}")
    )
    return PageView(f"Refund {words}?", [back, Lines("What the refund does", lines), send], hint=purchase_id)


def refund_act() -> ConsoleAct:
    """Return the act of a purchase's page."""
    return ConsoleAct(
        "refund",
        "refunds:write",
        send_refund,
        _REFUND,
        needed=["reason"],
        asks_proof=needs_proof,
        words=refund_words,
        says={"refunded": "Refunded.", "refunding": "The refund is on its way: the gateway takes its time."},
    )
