"""What the shop says after a request, in the words that all pages share."""

from collections.abc import Mapping
from typing import Any

from storefront.design.money import format_virtual
from storefront.web.pages.offers import Offer, read_wallets
from storefront.web.pages.views import AssetName

NOT_TAKEN = "We couldn't take that. No gems were spent. Try again."
NOT_PAID = "The payment was not made. Nothing was charged."
WAITING = "Waiting for your bank. What you bought lands here at once."
PRICE_CHANGED = "The price has changed. Nothing was spent. Look again, then buy."


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
        asset = offer.pack.asset
        return f"{amount(asset, offer.pack.quantity)} added. You have {amount(asset, wallets.get(asset, 0))}."
    verb = "are" if offer.title.endswith("s") and not offer.title.endswith("ss") else "is"
    left = f" {amount(paid_in, wallets.get(paid_in, 0))} left." if paid_in else ""
    return f"{offer.title} {verb} yours.{left}"
