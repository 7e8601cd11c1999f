"""What the shop says after a request, in the words that all pages share.

Plain and short: what happened, whether anything was spent, what to do next. Codes are those of the error reference.
"""

from collections.abc import Mapping
from typing import Any

from storefront.design.money import format_count, format_virtual
from storefront.web.pages.offers import Offer, read_wallets
from storefront.web.pages.parts_view import AssetName

NOT_TAKEN = "We couldn't take that. Nothing was spent. Try again."
INVITED = "Your invitation is noted. The rewards come once you have bought something for money."
NOT_PAID = "The payment was not made. Nothing was charged."
LEFT = "You left the payment. Nothing was charged."
WAITING = "Waiting for your bank. Keep this page open."
ON_ITS_WAY = (
    "Your payment is on its way. Banks can take some days for it. You can close this page: what you bought lands here "
    "by itself."
)
GOODS_OWED = "We have your payment. What you bought lands here as soon as it is free."

_GATEWAY_AWAY = "The payment page does not open right now. Nothing was charged. Try again in a moment."
_BUSY = "The shop is busy. Nothing was spent. Try again in a moment."
_REFUSALS: Mapping[str, str] = {
    "already_owned": "You already own this. Nothing was spent.",
    "limit_reached": "You have bought all you can. Nothing was spent.",
    "sold_out": "Sold out. Nothing was spent.",
    "offer_closed": "This is not on sale now. Nothing was spent.",
    "unknown_offer": "This is no longer on sale. Nothing was spent.",
    "price_changed": "The price has changed. Nothing was spent. Look again, then buy.",
    "amount_out_of_range": "That is less or more than this takes. Nothing was spent. Choose another amount.",
    "amount_not_chargeable": "That is too little to be charged. Nothing was spent. Choose more, or nothing.",
    "debt_open": "Something is still owed for an earlier purchase. Until it is made up for, this can't be spent.",
    "insufficient_funds": "There is not enough in your wallet. Nothing was spent.",
    "payment_declined": "The card was declined. Nothing was charged. Choose another one under How you pay.",
    "payment_processing": "Your payment is on its way already and can't be stopped.",
    "promo_code_unknown": "We don't know this code. Look for a typing mistake.",
    "promo_code_not_yet": "This code can't be used yet.",
    "promo_code_expired": "This code has expired.",
    "promo_code_used_up": "This code has been used up. Nothing was spent.",
    "promo_code_used_by_you": "You have used this code as often as you can. Nothing was spent.",
    "promo_code_not_for_this_offer": "This code is not for this offer. Nothing was spent.",
    "promo_code_not_for_this_currency": "This code is not for prices in this currency. Nothing was spent.",
    "promo_code_below_minimum": "This code is for larger purchases. Nothing was spent.",
    "promo_code_not_first_purchase": "This code is for a first purchase only.",
    "promo_code_country": "This code is not for your country.",
    "promo_code_not_combinable": "These codes can't be used together. Nothing was spent.",
    "promo_code_nothing_to_discount": "This code would not make it any cheaper. Nothing was spent.",
    "referral_unknown": "We don't know this invitation. Ask for the link again.",
    "referral_own": "That is your own invitation. Give it to others.",
    "referral_already": "You have accepted an invitation before. It can be done once.",
    "referral_not_new": "An invitation is accepted before the first purchase.",
    "referral_circle": "You have invited this player yourself, or somebody who did.",
    "purchase_refused": "We can't sell you this. Nothing was spent.",
    "not_enough_items": "You have none of these left.",
    "not_consumable": "This is used in the game, not here.",
    "must_be_asked": "That is your last one, or one of a kind. Nothing was used. Look which one it is, then use it.",
    "odds_changed": "The odds have changed. Nothing was opened. Look at them, then open it.",
    "gateway_refused": _GATEWAY_AWAY,
    "gateway_failed": _GATEWAY_AWAY,
    "gateway_unavailable": _GATEWAY_AWAY,
    "assessment_unavailable": _BUSY,
    "overloaded": _BUSY,
    "database_unavailable": _BUSY,
    "outcome_unknown": _BUSY,
    "unavailable": _BUSY,
    "idempotency_key_in_flight": "Your last press is still at work. Wait a moment, then load this page again.",
    "rate_limited": "That was a lot at once. Nothing was spent. Wait a minute, then try again.",
    "forbidden": "This page was too old. Nothing was spent. It is fresh now: try once more.",
    "unauthorized": "Your session has ended. Nothing was spent.",
}
_ERROR_PAGES: Mapping[str, tuple[str, str]] = {
    "not_found": ("There is nothing here", "Check the address, or start again from the shop."),
    "method_not_allowed": ("There is nothing here", "Check the address, or start again from the shop."),
    "no_receipt": (
        "There is no receipt yet",
        "It comes once the purchase is completed. What was paid from a wallet has none.",
    ),
    "forbidden": ("This page was too old", "Nothing was spent. Go back to the shop and try once more."),
    "cross_site_request": ("That came from another site", "Nothing was spent. Go back to the shop and try there."),
    "unauthorized": ("Your session has ended", "Nothing was spent. Open the shop again to go on."),
    "rate_limited": ("That was a lot at once", "Nothing was spent. Wait a minute, then try again."),
    "internal_error": ("That did not work", "The fault is ours. Look at your things in the shop before you try again."),
}
_BUSY_PAGE = ("The shop is busy", "Nothing was spent. Wait a moment, then load this page again.")
_UNREADABLE_PAGE = ("We couldn't read that", "Nothing was spent. Go back to the shop and try once more.")


def refusal_words(code: str, *, short: str | None = None) -> str:
    """Why nothing was bought or used; ``short`` is what is missing (``2,820 gems``) when the wallet was."""
    if code == "insufficient_funds" and short is not None:
        return f"You are {short} short. Nothing was spent."
    return _REFUSALS.get(code, NOT_TAKEN)


def error_page_words(code: str, status: int) -> tuple[str, str]:
    """Return the title of an error page, and what to do."""
    if code in _ERROR_PAGES:
        return _ERROR_PAGES[code]
    return _BUSY_PAGE if status >= 500 else _UNREADABLE_PAGE


def session_ended_words(*, sandbox: bool) -> str:
    """The news for somebody who pressed a button after their session had ended."""
    how = "Choose your player again." if sandbox else "Open the shop from the game again."
    return f"Your session has ended. Nothing was spent. {how}"


def unseen_payment_words(*, sandbox: bool) -> str:
    """The news for somebody who comes back from a payment after their session has ended."""
    how = "Choose your player again to see it." if sandbox else "Open the shop from the game to see it."
    return f"Your session has ended, but your payment is being handled. {how}"


def used_words(title: str, left: int, *, number: int | None = None, locale: str = "en") -> str:
    """The news of an item used up, which one it was if they have numbers, and how many are left."""
    named = title if number is None else f"{title} No.\N{NO-BREAK SPACE}{format_count(number, locale)}"
    return f"{named} used. {format_count(left, locale)} left." if left else f"{named} used. It was your last."


def bought_notice(
    offer_document: Mapping[str, Any],
    customer_state: Mapping[str, Any],
    *,
    assets: Mapping[str, AssetName],
    paid_in: str | None = None,
    locale: str = "en",
) -> str:
    """The news of a completed purchase: ``Tidewalker Boots are yours. 2,020 gems left.``

    ``offer_document`` is the offer as the catalog answers it, ``customer_state`` the state after the purchase,
    ``paid_in`` the virtual currency it was paid with, or ``None`` when it cost money.
    """
    offer, wallets = Offer.from_json(offer_document), read_wallets(customer_state)

    def amount(code: str, minor: int) -> str:
        asset = assets.get(code) or AssetName(code, code)
        return format_virtual(minor, asset.name, locale, exponent=asset.exponent)

    if offer.pack and offer.pack.asset:
        asset, bonus = offer.pack.asset, offer.bonus.get(offer.pack.asset, 0)
        exponent = assets[asset].exponent if asset in assets else 0
        added = amount(asset, offer.pack.quantity - bonus)
        added += f" and {format_virtual(bonus, 'bonus', locale, exponent=exponent)}" if bonus else ""
        return f"{added} added. You have {amount(asset, wallets.get(asset, 0))}."
    verb = "are" if offer.title.endswith("s") and not offer.title.endswith("ss") else "is"
    left = f" {amount(paid_in, wallets.get(paid_in, 0))} left." if paid_in else ""
    return f"{offer.title} {verb} yours.{left}"
