"""A form that was refused: what its fan had typed, and at which field it says what is wrong."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from storefront.core.errors import StorefrontError
from storefront.core.money import Money
from storefront.core.services import Services
from storefront.pages import Browser
from storefront.routing import Call
from storefront_fanfunding.creator_schema import MOST_CHARACTERS
from storefront_fanfunding.creators import Creator
from storefront_fanfunding.page.amounts import amount_of
from storefront_fanfunding.page.view import Typed, limits_of, real_currencies
from storefront_fanfunding.page.words import refusals, wrong_words

_STILL_AT_WORK = frozenset({"outcome_unknown", "gateway_unavailable", "idempotency_key_in_flight"})


@dataclass(frozen=True, slots=True)
class Asked:
    """The language of a form's page, and the key that it was sent under."""

    language: str
    key: str

    @classmethod
    def of(cls, call: Call) -> "Asked":
        return cls(Browser.of(call).language, call.body["idempotency_key"])


def typed_of(body: Mapping[str, Any]) -> Typed:
    """Return what stands in a form."""
    other = body.get("other", "")
    return Typed(
        preset="" if other.strip() else body.get("preset", ""),
        other=other[:400],
        name=body.get("name", ""),
        message=body.get("message", ""),
        is_anonymous="anonymous" in body,
    )


def first_taken(taken: Mapping[str, Any], currency: str | None) -> str | None:
    """Return a currency if it is taken, else the first that is."""
    return currency if currency in taken else next(iter(taken), None)


def mistakes(
    services: Services, creator: Creator, typed: Typed, refusal: StorefrontError, *, currency: str | None, asked: Asked
) -> Typed:
    """Return what was typed with all that is wrong with it, at the fields.

    What may still go through is asked again under its own key; anything else is a new try.
    """
    limits, most = "", MOST_CHARACTERS
    if currency is not None:
        limits = limits_of(services, creator, currency, asked.language)
        try:
            amount = amount_of(typed.preset, typed.other, currency)
        except StorefrontError:
            amount = real_currencies(services, creator)[currency]
        most = creator.tier_of(Money(amount, currency)).max_chars
    errors = refusals(refusal, limits=limits, most=most)
    if "" not in errors:
        errors |= wrong_words(typed.name, typed.message, limits=limits, most=most)
    return replace(typed, errors=errors, key=asked.key if refusal.code in _STILL_AT_WORK else None)
