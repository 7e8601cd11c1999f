"""How often something can be bought, and why it can't be now, in words."""

from typing import Final

from storefront.design.money import format_count
from storefront.web.pages.offers import Limit, Offer

_NOW: Final = {"hour": " this hour", "day": " today", "week": " this week", "month": " this month"}
_EACH: Final = {"hour": "an hour", "day": "a day", "week": "a week", "month": "a month"}


def limit_words(limit: Limit, locale: str) -> str:
    """``2 of 5 left for you today``, ``One a day``, ``37 of 200 left``; of nobody in particular ``5 a day each``."""
    count, now = format_count(limit.count, locale), _NOW.get(limit.window, "")
    if limit.per == "global":
        return f"{count} in all{now}" if limit.left is None else f"{_left(limit, locale)}{now}"
    if limit.count > 1 and limit.left is not None:
        return f"{_left(limit, locale)} for you{now}"
    amount = "One" if limit.count == 1 else count
    return f"{amount} {_EACH[limit.window]} each" if limit.window in _EACH else f"{amount} each"


def limits_of(offer: Offer, locale: str) -> tuple[str, ...]:
    """Say every limit of an offer."""
    return tuple(limit_words(limit, locale) for limit in offer.limits)


def reached_words(offer: Offer, per: str) -> str:
    """Say that the limit of ``per`` (``customer``, ``global``) is reached: ``Sold out today``."""
    limit = offer.exhausted(per)
    now = "" if limit is None else _NOW.get(limit.window, "")
    return f"Sold out{now}" if per == "global" else f"You have bought all you can{now}"


def _left(limit: Limit, locale: str) -> str:
    return f"{format_count(limit.left or 0, locale)} of {format_count(limit.count, locale)} left"
