"""Words what the account page says of plans that are over and still ask for something: what was used last."""

from storefront.core.quotes import WALLET
from storefront.core.reading import Row
from storefront.pages import Link
from storefront_subscriptions.account.reading import Standing, payer_url
from storefront_subscriptions.account.views import Note
from storefront_subscriptions.account.wording import Wording
from storefront_subscriptions.carrying import read_carried
from storefront_subscriptions.rows import CURRENT, FINALS_LEFT, OPEN, need


async def final_notes(wording: Wording, customer_id: str) -> list[Note]:
    """Say what final invoices ask, when that is tried again, and what to press; and what the next plan asks."""
    services, notes = wording.services, []
    owed: set[tuple[str, str]] = set()
    for final in await services.reader.all(FINALS_LEFT, customer_id=customer_id):
        if final["state"] == OPEN:
            notes.append(await _asked(wording, final))
            continue
        family = (await need(services, final["subscription_id"]))["family"]
        is_back = await services.reader.first(CURRENT, customer_id=customer_id, family=family) is not None
        amount = await read_carried(services, customer_id, family, final["currency"])
        if amount > 0 and not is_back and (family, final["currency"]) not in owed:
            owed.add((family, final["currency"]))
            due = wording.amount(amount, final["currency"])
            words = f"{due} for what you used of {await wording.title(final)} is not paid. Your next plan asks for it."
            notes.append(Note("info", words))
    return notes


async def _asked(wording: Wording, final: Row) -> Note:
    amount, title = wording.due(final["total"], final["currency"], final["sku"]), await wording.title(final)
    used = f"{amount} for what you used last of {title}"
    if final["attempts"] and final["purchase_id"] not in (None, final["failed_purchase_id"]):
        url = await payer_url(wording.services, final["purchase_id"])
        if url is None:
            return Note("play", f"{used} is being paid.")
        return Note("bad", f"Your bank wants you to confirm the payment of {used}.", Link(f"Confirm {amount}", url))
    at = final["next_attempt_at"]
    if at is None:
        return Note("play", f"{used} is due. It is charged now.")
    again = f"We try again on {wording.day(at)}."
    if final["pay_with"] == WALLET:
        words = f"Your wallet did not hold the {used}. {again}"
        return Note("bad", words, Link("Fill your wallet", "/shop"))
    words = f"Your payment of {used} did not go through. {again} Another card is charged as soon as you save it."
    return Note("bad", words, Link("Use another card", "#methods"))


def last_words(one: Standing) -> str:
    """Say what is still charged once a plan has ended."""
    return "What you use until then is charged a last time." if one.asks_at_end else "Nothing is charged after that."
