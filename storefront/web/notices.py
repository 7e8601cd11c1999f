"""What the shop page tells a customer about their last request: made here, worded in ``pages/words.py``.

After a form the address of the page says what happened (``?purchase=…``, ``?note=sold_out&sku=…``); sums are read
from the books, never from the address.
"""

from collections.abc import Mapping
from typing import Any

from yarl import URL

from storefront.core.catalog import text_in
from storefront.core.describing import describe
from storefront.core.errors import NotFound, StorefrontError
from storefront.core.exact_top_ups import AMOUNT
from storefront.core.prices import asked_prices
from storefront.core.promos.codes import PromoCodeInvalid
from storefront.core.purchasing import PAYER_IS_DONE, Status, read_purchase
from storefront.core.receipts.documents import is_paid_in_money
from storefront.core.referring.entering import ReferralRefused
from storefront.core.services import Services
from storefront.design.money import format_virtual
from storefront.pages.amounts import asset_names
from storefront.pages.frame import Link, Tone
from storefront.web.catalog import Looker, catalog_json
from storefront.web.pages import (
    GOODS_OWED,
    INVITED,
    LEFT,
    NOT_PAID,
    ON_ITS_WAY,
    WAITING,
    Notice,
    bought_notice,
    refusal_words,
    session_ended_words,
    unseen_payment_words,
    used_words,
)

SESSION_ENDED = "session_ended"
UNSEEN_PAYMENT = "unseen_payment"
LEFT_PAYMENT = "left_payment"
USED = "used"
MUST_BE_ASKED = "must_be_asked"
INVITATION_TAKEN = "invited"
_NEWS = {
    INVITATION_TAKEN: Notice(Tone.GOOD, INVITED),
    LEFT_PAYMENT: Notice(Tone.INFO, LEFT),
    MUST_BE_ASKED: Notice(Tone.INFO, refusal_words(MUST_BE_ASKED)),
}


class Notices:
    """Words the news for one reader: their language, and their state (``None`` for a visitor)."""

    def __init__(self, services: Services, language: str, state: Mapping[str, Any] | None) -> None:
        self._services = services
        self._language = language
        self._state = state

    async def of_query(self, query: Mapping[str, str], *, owner: str | None) -> Notice | None:
        """Return the notice that a page's address asks for; another customer's purchase is none."""
        if "purchase" in query:
            return await self._of_purchase(query["purchase"], owner)
        note, sku = query.get("note"), query.get("sku")
        if note is None:
            return None
        if note == USED:
            return Notice(Tone.GOOD, self.used(sku or "", self._held(sku), _number(query.get("number", ""))))
        if note in (SESSION_ENDED, UNSEEN_PAYMENT):
            words = session_ended_words if note == SESSION_ENDED else unseen_payment_words
            return None if self._state else Notice(Tone.INFO, words(sandbox=not self._services.is_live))
        return _NEWS.get(note) or Notice(Tone.BAD, refusal_words(note, short=self._short(note, sku)), sku)

    def refusal(self, error: StorefrontError, sku: str | None) -> str:
        """Word a refusal that was just met."""
        short = self._short(error.code, sku)
        asset, missing = error.facts.get("asset"), error.facts.get("short_by")
        names = asset_names(self._services, self._language)
        if asset in names and missing:
            short = format_virtual(missing, names[asset].name, self._language, exponent=names[asset].exponent)
        return refusal_words(note_of(error), short=short)

    def bought(self, purchase: Mapping[str, Any]) -> str:
        """Word a purchase that is complete."""
        shelves = catalog_json(self._services, Looker(language=self._language), {})
        offers = {offer["sku"]: offer for offer in shelves["offers"]}
        offer, currency = offers.get(purchase["sku"]), purchase["total"]["currency"]
        if offer is None:
            return f"{self._title(purchase['sku'])}: yours."
        if (exact := purchase["details"].get(AMOUNT)) and offer["exact"] is not None:
            offer = {**offer, "contents": [{**part, "amount": exact} for part in offer["contents"]]}
        paid_in = currency if self._services.catalogs.active.is_virtual(currency) else None
        names = asset_names(self._services, self._language)
        return bought_notice(offer, self._state or {}, assets=names, paid_in=paid_in, locale=self._language)

    def used(self, sku: str, left: int, number: int | None = None) -> str:
        """Word an item used up; ``number`` says which one, if they have numbers."""
        return used_words(self._title(sku), left, number=number, locale=self._language)

    async def _of_purchase(self, purchase_id: str, owner: str | None) -> Notice | None:
        if owner is None:
            return None
        try:
            row = await read_purchase(self._services, purchase_id, owner=owner)
            purchase = await describe(self._services, row)
        except NotFound:
            return None
        match purchase["status"]:
            case Status.COMPLETED:
                receipt = Link("Receipt", f"/receipts/{purchase_id}") if is_paid_in_money(row) else None
                return Notice(Tone.GOOD, self.bought(purchase), link=receipt)
            case Status.PENDING:
                return _waiting(purchase)
            case Status.PAID:
                return Notice(Tone.INFO, GOODS_OWED)
        return Notice(Tone.INFO, NOT_PAID)

    def _short(self, code: str, sku: str | None) -> str | None:
        """Say how much of a virtual currency is missing for an offer now; None if nothing is."""
        catalog = self._services.catalogs.active
        offer = catalog.offers.get(sku or "")
        if code != "insufficient_funds" or offer is None or self._state is None:
            return None
        names = asset_names(self._services, self._language)
        asked = asked_prices(catalog, offer, None, self._services.clock.now())
        for asset, price in asked.items():
            missing = price.amount - self._state["wallets"].get(asset, {}).get("available", 0)
            if asset in names and missing > 0:
                return format_virtual(missing, names[asset].name, self._language, exponent=names[asset].exponent)
        return None

    def _held(self, sku: str | None) -> int:
        return sum(item["quantity"] for item in (self._state or {}).get("items", ()) if item["sku"] == sku)

    def _title(self, sku: str) -> str:
        catalog = self._services.catalogs.active
        offer = catalog.offers.get(sku)
        return sku if offer is None else text_in(offer.title, self._language, catalog.default_language) or sku


def _waiting(purchase: Mapping[str, Any]) -> Notice:
    """Word a purchase that is not paid yet; as long as its payer can do something about it, lead to where."""
    if purchase["payment"]["state"] in PAYER_IS_DONE:
        return Notice(Tone.INFO, ON_ITS_WAY)
    again, address = URL("/shop/return").with_query(purchase=purchase["id"]), purchase["payment"].get("redirect_url")
    link = None if address is None else Link("Go on", address)
    return Notice(Tone.INFO, WAITING, ask_again=str(again), link=link)


def note_of(error: StorefrontError) -> str:
    """Return the code to word an error by: owning as many as one may is a limit, not a thing owned already."""
    if isinstance(error, ReferralRefused):
        return f"referral_{error.reason}"
    if isinstance(error, PromoCodeInvalid):
        return f"promo_code_{error.reason}"
    return "limit_reached" if error.code == "already_owned" and error.facts.get("at_most", 1) > 1 else error.code


def _number(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdigit() else None
