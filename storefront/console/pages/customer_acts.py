"""What is done about a customer by hand: given, taken away, noted; each once per form."""

from storefront.console.forms import text
from storefront.console.pages.customer_parts import CUSTOMERS
from storefront.console.words import KEPT, at, money, spoken
from storefront.core.adjusting import OPERATION as ADJUST
from storefront.core.adjusting import Adjustment, adjust
from storefront.core.clock import DAY_MS
from storefront.core.errors import FieldError, Invalid
from storefront.core.granting import OPERATION as GRANT
from storefront.core.granting import GrantRequest, grant
from storefront.core.idempotency import idempotency_key
from storefront.core.operating.notes import LONGEST, add_note, list_notes
from storefront.core.operating.notes import OPERATION as NOTE
from storefront.core.typed_amounts import read_amount
from storefront.panels import (
    Asking,
    ConsoleAct,
    Done,
    Field,
    Form,
    Happened,
    Section,
    Sure,
    Timeline,
    Tone,
)

_NOTE = {"note": text(LONGEST)}
_GRANT = {
    "asset": text(64),
    "amount": text(30),
    "sku": text(100),
    "quantity": text(10),
    "days": text(6),
    "reason": text(500),
}
_ADJUST = {"asset": text(64), "amount": text(30), "reason": text(500)}


def forms(asking: Asking, customer_id: str) -> list[Section]:
    found: list[Section] = []
    assets = [(code, spoken(code)) for code in asking.services.catalogs.active.assets]
    reason = Field("reason", "Reason", hint=KEPT)
    if asking.may("grants:write"):
        skus = [("", "–"), *((sku, sku) for sku in _given_by_hand(asking))]
        fields = (
            Field("asset", "Currency", "select", choices=[("", "–"), *assets], is_required=False),
            Field("amount", "How much", is_required=False),
            Field("days", "Lapses after days", hint="Leave empty for never.", is_required=False),
            Field("sku", "Or the goods of an offer", "select", choices=skus, is_required=False),
            Field("quantity", "How many", value="", is_required=False),
            reason,
        )
        found.append(
            Form(
                f"{CUSTOMERS}/{customer_id}/grant",
                "Give it",
                fields,
                title="Give…",
                is_folded=True,
                explains="Nobody pays for it. It stands in the books as a grant, with your name.",
            )
        )
        if assets:
            adjusts = (Field("asset", "Currency", "select", choices=assets), Field("amount", "How much"), reason)
            found.append(
                Form(
                    f"{CUSTOMERS}/{customer_id}/adjust",
                    "Take it away",
                    adjusts,
                    title="Take away…",
                    tone=Tone.BAD,
                    is_folded=True,
                    explains="It leaves their wallet at once.",
                )
            )
    return found


def _given_by_hand(asking: Asking) -> list[str]:
    """Return the offers whose goods can be given: not those whose kind gives by an object of its own."""
    kinds = asking.services.kinds
    offers = asking.services.catalogs.active.offers
    return [sku for sku, offer in offers.items() if not getattr(kinds.get(offer.kind), "grants_rights", False)]


async def noted(asking: Asking, customer_id: str) -> list[Section]:
    found: list[Section] = []
    if asking.may("customers:write"):
        fields = (Field("note", "Note", "textarea", hint="Seen by operators alone.", longest=LONGEST),)
        found.append(
            Form(f"{CUSTOMERS}/{customer_id}/note", "Add the note", fields, title="Add a note…", is_folded=True)
        )
    notes = [
        Happened(one["note"], one["by"], at(one["at"]) or 0, "user")
        for one in await list_notes(asking.services, customer_id)
    ]
    if notes:
        found.append(Timeline("Notes", notes))
    return found


async def send_note(asking: Asking) -> Done:
    """Note something about a customer, once per form."""
    customer_id, note = asking.path["id"], asking.form["note"]
    key = idempotency_key(asking.actor, NOTE, asking.key, {"customer": customer_id, "note": note})
    await add_note(asking.services, key, customer_id, note)
    return Done(f"{CUSTOMERS}/{customer_id}", "noted")


async def send_grant(asking: Asking) -> Done:
    """Give a currency or the goods of an offer, once per form."""
    services, form, customer_id = asking.services, asking.form, asking.path["id"]
    await services.customers.external_id(customer_id)
    if bool(form.get("asset")) == bool(form.get("sku")):
        raise Invalid(
            "Choose a currency or an offer, not both.", errors=[FieldError("/asset", "or an offer: choose one")]
        )
    catalog = services.catalogs.active
    amount = read_amount(catalog, form.get("amount", ""), form["asset"]) if form.get("asset") else None
    days = None if not form.get("days") else _whole(form["days"], "/days", 36_500)
    quantity = None if not form.get("sku") else _whole(form.get("quantity") or "1", "/quantity", 1_000_000)
    terms = {**form, "customer": customer_id}
    await grant(
        services,
        GrantRequest(
            idempotency=idempotency_key(asking.actor, GRANT, asking.key, terms),
            customer_id=customer_id,
            reason=form["reason"],
            asset=form.get("asset") or None,
            amount=amount,
            expires_at=None if days is None else services.clock.now() + days * DAY_MS,
            sku=form.get("sku") or None,
            quantity=quantity,
        ),
    )
    return Done(f"{CUSTOMERS}/{customer_id}", "given")


async def send_adjustment(asking: Asking) -> Done:
    """Take a currency out of a wallet, once per form."""
    services, form, customer_id = asking.services, asking.form, asking.path["id"]
    await services.customers.external_id(customer_id)
    amount = read_amount(services.catalogs.active, form["amount"], form["asset"])
    key = idempotency_key(asking.actor, ADJUST, asking.key, {**form, "customer": customer_id})
    await adjust(services, Adjustment(key, customer_id, form["asset"], amount, form["reason"]))
    return Done(f"{CUSTOMERS}/{customer_id}", "taken")


async def adjust_words(asking: Asking) -> str:
    form, customer = asking.form, await asking.services.customers.external_id(asking.path["id"])
    amount = read_amount(asking.services.catalogs.active, form["amount"], form["asset"])
    return f"Take {money(asking, amount, form['asset'])} away from {customer}"


async def grant_words(asking: Asking) -> str:
    form, customer = asking.form, await asking.services.customers.external_id(asking.path["id"])
    if not form.get("asset"):
        return f"Give {form.get('quantity') or 1} × {form.get('sku', '–')} to {customer}"
    amount = read_amount(asking.services.catalogs.active, form.get("amount", ""), form["asset"])
    return f"Give {money(asking, amount, form['asset'])} to {customer}"


def _whole(typed: str, pointer: str, most: int) -> int:
    if not (typed.isascii() and typed.isdigit() and 1 <= int(typed) <= most):
        wrong = f"must be a whole number from 1 to {most:,}"
        raise Invalid(f"{typed} {wrong}.", errors=[FieldError(pointer, wrong)])
    return int(typed)


def acts() -> list[ConsoleAct]:
    """Return the acts of a customer's page."""
    return [
        ConsoleAct("note", "customers:write", send_note, _NOTE, needed=["note"], says={"noted": "Noted."}),
        ConsoleAct(
            "grant",
            "grants:write",
            send_grant,
            _GRANT,
            needed=["reason"],
            asks_proof=True,
            says={"given": "Given."},
            words=grant_words,
        ),
        ConsoleAct(
            "adjust",
            "grants:write",
            send_adjustment,
            _ADJUST,
            needed=["asset", "amount", "reason"],
            asks_proof=True,
            says={"taken": "Taken away."},
            sure=Sure("It leaves their wallet at once."),
            words=adjust_words,
        ),
    ]
