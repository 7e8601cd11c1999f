"""What the account page says after a press: why nothing was done, or what was."""

from collections.abc import Mapping

import msgspec
from yarl import URL

from storefront.core.errors import NotFound
from storefront.core.purchasing import PAYER_IS_DONE, Status, read_payment, read_purchase
from storefront.core.receipts.documents import is_paid_in_money
from storefront.pages import Link, Tone
from storefront_subscriptions.account.views import News
from storefront_subscriptions.account.wording import Wording
from storefront_subscriptions.final_moves import FINAL

PATH = "/account"
RETURN = f"{PATH}/return"
CANCELED, ENDED, RESUMED, KEPT, SCHEDULED, SAVED = "canceled", "ended", "resumed", "kept", "scheduled", "saved"
PAUSED, UNPAUSED, DUE, ENDED_USED = "paused", "unpaused", "due", "ended_used"
LEFT, LEFT_CARD, CHANGED, UNSEEN = "left", "left_card", "changed", "unseen"

_DONE: Mapping[str, str] = {
    CANCELED: "Your plan ends with what is paid. Until then you can take that back.",
    ENDED: "Your plan has ended. Nothing more is charged.",
    ENDED_USED: "Your plan has ended. What you used is charged a last time.",
    RESUMED: "Your plan goes on as before.",
    PAUSED: "Your plan pauses once what is paid is over. Until then you can take that back.",
    UNPAUSED: "Your plan is on again.",
    KEPT: "Your plan stays as it is.",
    SCHEDULED: "Agreed. Your plan changes with its next period.",
    CHANGED: "Your plan has changed.",
    SAVED: "Your card is saved. It pays from now on.",
}
_LEFT: Mapping[str, str] = {
    LEFT: "You left the payment. Nothing was charged.",
    DUE: "Your plan goes on once its payment is made. See below what is due.",
    LEFT_CARD: "You left before a card was saved. All is as it was.",
    UNSEEN: "Your payment is being handled. Come in again to see it.",
}
_GATEWAY_AWAY = "The payment page does not open right now. Nothing was charged. Try again in a moment."
_OUTDATED = "Something has changed since we showed you that. Nothing was charged. Look at it again."
_REFUSALS: Mapping[str, str] = {
    "payment_declined": "The bank declined your card. Nothing was charged, and your plan stays as it was. "
    "Use another card.",
    "insufficient_funds": "There is not enough in your wallet. Nothing was spent, and your plan stays as it was.",
    "change_outdated": _OUTDATED,
    "bad_token": _OUTDATED,
    "price_changed": _OUTDATED,
    "renewal_under_way": "A payment for this plan is being made right now. Try again in a moment.",
    "payment_processing": "A payment for this plan is on its way and can't be stopped.",
    "payment_due": "Pay what is due first, then change your plan.",
    "invalid_request": "This plan can't be had like that. Choose other seats, or another plan.",
    "nothing_to_change": "That is your plan already.",
    "gift_ahead": "What was given to you is not used up yet. Switch after that.",
    "ends_with_period": "Your plan ends with what is paid. Keep it first, then switch.",
    "subscription_paused": "Your plan is paused. Resume it first.",
    "pausing_not_offered": "Plans are not paused here.",
    "pause_too_long": "A plan is not paused for that long here.",
    "no_payment_method": "There is no card to charge. Save one below, then resume your plan.",
    "subscription_over": "This plan has ended already.",
    "trial_used": "Somebody with your card or mailbox has tried this already. You can begin to pay at once.",
    "already_subscribed": "You have such a plan already. Switch that one instead.",
    "unknown_offer": "This plan is no longer on sale.",
    "offer_closed": "This plan is not on sale now.",
    "amount_not_chargeable": "That is too little to be charged now. Switch with the next period instead.",
    "gateway_refused": _GATEWAY_AWAY,
    "gateway_failed": _GATEWAY_AWAY,
    "gateway_unavailable": _GATEWAY_AWAY,
    "outcome_unknown": "We don't know yet if this went through. You will not be charged twice.",
    "too_many_declines": "Too many cards were declined from here. Try again in an hour.",
    "too_many_pending": "Other purchases of yours wait for their payment. Pay or cancel some, then try again.",
    "idempotency_key_in_flight": "Your last press is still at work. Wait a moment, then load this page again.",
    "forbidden": "This page was too old. Nothing was done. It is fresh now: try once more.",
    "unauthorized": "Your session has ended. Nothing was done. Come in again.",
}
_NOT_DONE = "That did not work. Look at your plan below, then try again."
_WAITING = "Waiting for your bank. Keep this page open."
_ON_ITS_WAY = "Your payment is on its way. Banks can take some days for it. Your plan follows by itself."
_NOT_PAID = "The payment was not made. Nothing was charged, and your plan stays as it was."


def refusal_words(code: str) -> str:
    """Why something was not done, by the code of the error reference."""
    return _REFUSALS.get(code, _NOT_DONE)


async def news_of(wording: Wording, query: Mapping[str, str], *, owner: str | None) -> News | None:
    """Return what the page's address asks to tell; another customer's purchase is no news."""
    note = query.get("note")
    if "purchase" in query and owner is not None:
        return await _of_purchase(wording, query["purchase"], owner)
    if note is None:
        return None
    if note in _DONE:
        return News(Tone.GOOD, _DONE[note])
    return News(Tone.INFO, _LEFT[note]) if note in _LEFT else News(Tone.BAD, refusal_words(note))


async def _of_purchase(wording: Wording, purchase_id: str, owner: str) -> News | None:
    try:
        row = await read_purchase(wording.services, purchase_id, owner=owner)
    except NotFound:
        return None
    if row["status"] == Status.COMPLETED:
        title = await wording.title(row)
        paid = f" {wording.amount(row['total'], row['currency'])} paid." if row["total"] else ""
        receipt = Link("Receipt", f"/receipts/{row['id']}") if is_paid_in_money(row) else None
        is_final = FINAL in msgspec.json.decode(row["details"])
        told = f"What you used of {title} is paid" if is_final else f"You are on {title} now"
        return News(Tone.GOOD, f"{told}.{paid}", receipt)
    if row["status"] in (Status.PENDING, Status.IN_REVIEW, Status.PAID):
        if row["payment_state"] in PAYER_IS_DONE:
            return News(Tone.INFO, _ON_ITS_WAY)
        payment = await read_payment(wording.services, row["id"])
        url = payment["redirect_url"] if payment is not None and row["status"] == Status.PENDING else None
        link = None if url is None else Link("Go on to the payment", url)
        return News(Tone.INFO, _WAITING, link, ask_again=str(URL(RETURN).with_query(purchase=row["id"])))
    return News(Tone.INFO, _NOT_PAID)
