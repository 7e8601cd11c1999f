"""Turns checked values about prices into the dataclasses of ``model_prices``."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from storefront.core.config.forms import read_instant
from storefront.core.config.model_prices import Choice, Exact, Price, PriceList, Sale

_LEAST_EXACT, _MOST_EXACT = 1, 1_000_000


def general_prices(value: object) -> Mapping[str, int]:
    """Return ``asset -> amount`` of the prices for everybody whose country has none of its own."""
    if isinstance(value, dict):
        return dict(value)
    return {price.currency: price.amount for price in make_prices(value) if not price.countries}


def make_prices(value: object) -> tuple[Price, ...]:
    """Return all prices of the list form; nothing of the short one, which ``general_prices`` says whole."""
    return tuple(_price(one) for one in value) if isinstance(value, list) else ()


def make_sales(value: object, language: str) -> tuple[Sale, ...]:
    """Return an offer's sales; ``language`` is that of a label that is given once."""
    assert isinstance(value, list)
    return tuple(_sale(one, language) for one in value)


def make_exact(value: object) -> Exact | None:
    """Return the terms of exact top-ups; None where there are none."""
    if value is None:
        return None
    terms = value if isinstance(value, dict) else {}
    return Exact(terms.get("min", _LEAST_EXACT), terms.get("max", _MOST_EXACT))


def make_price_lists(value: Mapping[str, Any]) -> tuple[PriceList, ...]:
    """Return the section ``price_lists``."""
    return tuple(
        PriceList(name, tuple(one["countries"]), one["from"], one["currency"], one["rate"], one.get("ending"))
        for name, one in value.items()
    )


def _price(one: Mapping[str, Any]) -> Price:
    terms = one.get("pay_what_you_want")
    choice = None if terms is None else Choice(terms["min"], terms["suggested"], terms["max"])
    amount = one["amount"] if choice is None else choice.suggested
    return Price(one["currency"], amount, tuple(one.get("countries", ())), choice)


def _sale(one: Mapping[str, Any], language: str) -> Sale:
    label = one.get("label")
    return Sale(
        percent=one.get("percent"),
        prices=dict(one.get("prices", {})),
        from_=_instant(one.get("from")),
        until=_instant(one.get("until")),
        label={language: label} if isinstance(label, str) else label,
    )


def _instant(text: str | None) -> datetime | None:
    return None if text is None else read_instant(text)
